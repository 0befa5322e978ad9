#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace vmtriage {

/// Literals of which every match of a pattern holds at least one, in any ASCII case; here in lower case.
using LiteralGroup = std::vector<std::string>;

/// The shortest literal that a text is searched for: it has four bytes at every fourth place, wherever it begins.
constexpr std::size_t kMinAnchorBytes = 7;
/// The shortest one that a line is tried for.
constexpr std::size_t kMinOtherBytes = 4;

/// What RE2 tells of a pattern.
///
///     (Out of memory|oom-kill).*(Kill process|Killed) \d+ \((waagent|safefreeze)\)
///     anchors  "out of memory" "oom-kill"
///     others   "killed " "kill process " / " (waagent)" " (safefreeze)"
struct Literals {
  LiteralGroup anchors;              ///< the rarest of kMinAnchorBytes; empty when none of them are necessary
  std::vector<LiteralGroup> others;  ///< more groups, each of them necessary

  bool operator==(const Literals&) const = default;
};

/// Errors (corrupt): "<pattern>: what RE2 says".
Result<Literals> find_literals(const std::string& pattern);

/// A pattern's literals as they were found when the program was built.
struct PatternRow {
  std::uint64_t key;     ///< pattern_key of the pattern
  const char* literals;  ///< as write_literals gives them
};

std::uint64_t pattern_key(std::string_view pattern);
std::string write_literals(const Literals& literals);
Literals read_literals(std::string_view written);

}  // namespace vmtriage
