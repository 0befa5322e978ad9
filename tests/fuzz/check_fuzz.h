#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include "analyzers/analyzer.h"
#include "analyzers/rules.h"

namespace vmtriage {

inline const RuleBase& fuzz_rules() { return RuleBase::built_in(); }

/// Feeds bytes to an analyzer as an artifact of that id, in two blocks cut at a line end.
inline void fuzz_check(const Analyzer& analyzer, std::string_view id, std::string_view origin, std::string_view text) {
  Artifact artifact;
  artifact.id = id;
  artifact.origin = origin;
  const auto scan = analyzer.scan(artifact);
  if (scan == nullptr) throw std::logic_error("the analyzer does not know " + artifact.id);
  const std::size_t middle = text.find('\n', text.size() / 2);
  const std::size_t cut = middle == std::string_view::npos ? text.size() : middle + 1;
  scan->block(Block{text.substr(0, cut), false}, 1);
  scan->block(Block{text.substr(cut), true}, 1000);
  Insights insights;
  scan->finish(insights);
}

}  // namespace vmtriage
