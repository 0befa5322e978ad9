#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// Who may include whom (the table of the README): folder → the folders it may include.
const std::map<std::string, std::set<std::string>> kAllowed = {
    {"agent/base", {"agent/base"}},
    {"collectors", {"agent/base", "collectors"}},
    {"analyzers", {"agent/base", "analyzers"}},
    {"agent", {"agent", "agent/base", "collectors", "analyzers"}},
};

/// Libraries that belong to certain folders only.
const std::map<std::string, std::set<std::string>> kLibraries = {
    {"boost/", {"collectors", "agent"}}, {"archive", {"collectors", "agent"}},  {"re2/", {"analyzers"}},
    {"spdlog/", {"agent"}},              {"CLI/", {"agent"}},                   {"fmt/", {"agent"}},
    {"pugixml", {"collectors", "analyzers"}}, {"nlohmann/", {"collectors", "analyzers", "agent"}},
};

std::string folder_of(const std::string& path) {
  if (path.starts_with("agent/base/")) return "agent/base";
  return path.substr(0, path.find('/'));
}

struct Include {
  std::string file;
  std::string included;
  bool own = false;  ///< written with quotes
};

std::vector<Include> all_includes() {
  std::vector<Include> found;
  const fs::path root = VMTRIAGE_SOURCE_DIR;
  for (const char* folder : {"agent", "collectors", "analyzers"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp") continue;
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("#include ")) continue;
        const std::size_t open = line.find_first_of("\"<"), close = line.find_last_of("\">");
        found.push_back({fs::relative(entry.path(), root).generic_string(), line.substr(open + 1, close - open - 1), line[open] == '"'});
      }
    }
  }
  return found;
}

TEST(IncludeRule, NoFolderIncludesOneThatItMayNotKnow) {
  const auto includes = all_includes();
  ASSERT_GT(includes.size(), 200u);
  for (const Include& include : includes) {
    if (!include.own) continue;
    const std::string from = folder_of(include.file), to = folder_of(include.included);
    EXPECT_TRUE(kAllowed.at(from).contains(to)) << include.file << " includes " << include.included;
  }
}

TEST(IncludeRule, LibrariesStayInTheirFolders) {
  for (const Include& include : all_includes()) {
    if (include.own) continue;
    for (const auto& [library, folders] : kLibraries) {
      if (!include.included.starts_with(library)) continue;
      EXPECT_TRUE(folders.contains(folder_of(include.file))) << include.file << " includes <" << include.included << ">";
    }
  }
}

TEST(IncludeRule, SharedCodeHasNoPlatformConditionals) {
  const fs::path root = VMTRIAGE_SOURCE_DIR;
  for (const char* folder : {"agent", "collectors", "analyzers"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string path = fs::relative(entry.path(), root).generic_string();
      if (path.find("/linux/") != std::string::npos || path.find("/windows/") != std::string::npos) continue;
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) {
        const bool conditional = line.starts_with("#if") && (line.find("_WIN32") != std::string::npos || line.find("__linux__") != std::string::npos);
        EXPECT_FALSE(conditional) << path << ": " << line;
      }
    }
  }
}

}  // namespace
