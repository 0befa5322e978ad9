#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/analyzer.h"
#include "analyzers/rules.h"

namespace vmtriage {

inline const RuleBase& check_rules() { return RuleBase::built_in(); }

/// What an analyzer says about a text, handed over in blocks of `lines_per_block` lines.
template <typename Check>
Insights run_check(const Artifact& artifact, std::string_view text, std::size_t lines_per_block = 7) {
  const Check check(check_rules());
  Insights insights;
  const auto scan = check.scan(artifact);
  if (scan == nullptr) return insights;
  std::uint64_t first_line = 1;
  while (!text.empty()) {
    std::size_t end = 0, lines = 0;
    for (; lines < lines_per_block && end < text.size(); ++lines)
      end = std::min(text.find('\n', end), text.size() - 1) + 1;
    scan->block(Block{text.substr(0, end), false}, first_line);
    text.remove_prefix(end);
    first_line += lines;
  }
  scan->finish(insights);
  return insights;
}

template <typename Check>
Insights run_check(std::string_view id, std::string_view origin, std::string_view text) {
  Artifact artifact;
  artifact.id = id;
  artifact.origin = origin;
  return run_check<Check>(artifact, text);
}

inline std::vector<std::string> rule_ids(const Insights& insights) {
  std::vector<std::string> ids;
  for (const Finding& finding : insights.findings) ids.push_back(finding.rule_id);
  return ids;
}

/// The levels of the runs, as findings.json names them.
inline std::vector<std::string> levels(const Insights& insights) {
  std::vector<std::string> names;
  for (const RunVerdict& run : insights.runs) names.emplace_back(name_of(run.level));
  return names;
}

using Ids = std::vector<std::string>;

/// A text and the rules that it fulfils.
struct TextCase {
  std::string_view name;
  std::string text;
  Ids ids;
};

template <typename Check>
void expect_findings(std::string_view artifact, std::string_view origin, const std::vector<TextCase>& cases) {
  for (const auto& [name, text, ids] : cases) {
    const Insights insights = run_check<Check>(artifact, origin, text);
    EXPECT_EQ(rule_ids(insights), ids) << name;
    for (const Finding& finding : insights.findings) EXPECT_EQ(finding.evidence.size(), 1U) << name;
  }
}

}  // namespace vmtriage
