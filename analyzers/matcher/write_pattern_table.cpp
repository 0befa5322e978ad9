// Writes the source of pattern_table() while the program is built:
//
//     write_pattern_table OUTPUT.cpp
//
// Ends with an error when RE2 refuses a built-in pattern.

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "analyzers/event_rules.h"
#include "analyzers/matcher/literals.h"
#include "analyzers/rules.h"
#include "analyzers/text_rules.h"

namespace {

using namespace vmtriage;

std::vector<std::string> all_patterns() {
  std::vector<std::string> patterns = text_patterns(RuleBase::built_in());
  const std::vector<std::string> of_events = event_patterns(RuleBase::built_in());
  patterns.insert(patterns.end(), of_events.begin(), of_events.end());
  std::sort(patterns.begin(), patterns.end());
  patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
  return patterns;
}

/// As a literal of C++: three octal digits end an escape, whatever follows.
std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte < 0x7f && c != '"' && c != '\\' && c != '?') {
      quoted += c;
      continue;
    }
    quoted += '\\';
    for (const int shift : {6, 3, 0}) quoted += static_cast<char>('0' + (byte >> shift & 7));
  }
  return quoted + '"';
}

int write(const char* path) {
  std::vector<std::pair<std::uint64_t, std::string>> rows;
  for (const std::string& pattern : all_patterns()) {
    const auto literals = find_literals(pattern);
    if (!literals) {
      std::fprintf(stderr, "write_pattern_table: %s\n", literals.error().what.c_str());
      return 1;
    }
    std::string written = write_literals(*literals);
    if (read_literals(written) != *literals) {
      std::fprintf(stderr, "write_pattern_table: %s: a literal holds what separates them\n", pattern.c_str());
      return 1;
    }
    rows.emplace_back(pattern_key(pattern), std::move(written));
  }
  std::sort(rows.begin(), rows.end());
  const auto same_key = [](const auto& a, const auto& b) { return a.first == b.first; };
  if (std::adjacent_find(rows.begin(), rows.end(), same_key) != rows.end()) {
    std::fprintf(stderr, "write_pattern_table: two patterns have one key\n");
    return 1;
  }
  std::ofstream file(path);
  file << "#include \"analyzers/matcher/pattern_table.h\"\n\nnamespace vmtriage {\n\n"
          "std::span<const PatternRow> pattern_table() {\n  static constexpr PatternRow rows[] = {\n";
  for (const auto& [key, literals] : rows) file << "      {" << key << "u, " << quote(literals) << "},\n";
  file << "  };\n  return rows;\n}\n\n}  // namespace vmtriage\n";
  file.close();
  if (!file) std::fprintf(stderr, "%s: cannot be written\n", path);
  return file ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return write(argv[1]);
  std::fprintf(stderr, "usage: write_pattern_table OUTPUT.cpp\n");
  return 64;
}
