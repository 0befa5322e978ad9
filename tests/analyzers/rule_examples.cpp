#include "tests/analyzers/rule_examples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace vmtriage {
namespace {

RuleBase read_source() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(VMTRIAGE_SOURCE_DIR "/analyzers/rules")) paths.push_back(entry.path());
  // The order of the rules is that of the program.
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts, names;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    names.push_back(path.filename().string());
  }
  std::vector<EmbeddedFile> files;
  for (std::size_t i = 0; i < paths.size(); ++i) files.push_back({names[i], texts[i]});
  auto parsed = RuleBase::parse(files);
  if (!parsed) throw std::logic_error(parsed.error().what);
  return std::move(*parsed);
}

std::vector<std::string> ids_of(const RuleBase& base) {
  std::vector<std::string> ids;
  for (const Rule& rule : base.rules()) ids.push_back(rule.id);
  return ids;
}

TEST(RuleExamples, AreOfTheRulesInTheProgram) { EXPECT_EQ(ids_of(rules_with_examples()), ids_of(RuleBase::built_in())); }

TEST(RuleExamples, AreNotPartOfTheProgram) {
  for (const Rule& rule : RuleBase::built_in().rules()) EXPECT_TRUE(rule.matches.empty() && rule.misses.empty()) << rule.id;
}

}  // namespace

const RuleBase& rules_with_examples() {
  static const RuleBase base = read_source();
  return base;
}

}  // namespace vmtriage
