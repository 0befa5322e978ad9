#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/embedded.h"
#include "agent/base/finding.h"
#include "agent/base/result.h"
#include "agent/base/text.h"

namespace vmtriage {

/// A marker that makes a hit harmless.
struct Unless {
  enum class On {
    line,      ///< such a line is no hit
    after,     ///< a line like this behind the last hit, in the same file, takes the finding back (recovery)
    artifact,  ///< a line like this anywhere in the same file takes the finding back
  };
  On on = On::line;
  std::string pattern;
};

/// What to look for and what to say about it; a `<rule>` of analyzers/rules/*.xml:
///
///     <rule id="linux.freeze.fifreeze-failed" severity="error" artifacts="linux.vmsnapshot.*" owner="customer">
///       <pattern>Failed to FIFREEZE: (?P<component>/\S*)</pattern>
///       <title>The file system {component} could not be frozen</title> …
///
/// A rule without a pattern carries the words of a finding that code makes (analyzers/checks): it names its `check`.
struct Rule {
  std::string id;
  Severity severity = Severity::warning;
  std::vector<std::string> artifacts;  ///< ids, with a trailing `*`; a lone `*` is every text
  std::string owner;
  std::string check;
  std::vector<std::string> patterns;  ///< RE2, each matched on one line
  std::vector<Unless> unless;
  std::uint32_t threshold = 1;          ///< hits that make a finding
  std::optional<Ticks> threshold_within;  ///< … within this time of each other
  std::string component;                ///< when no pattern captures one
  LocalText title;
  LocalText advice;
  std::vector<std::string> codes;
  std::string reference;
  std::vector<std::string> matches;  ///< texts that must hit: the rule's own tests
  std::vector<std::string> misses;   ///< texts that must not

  bool applies_to(std::string_view artifact_id) const;
};

/// A finding of this rule, its texts filled in; `values` may hold `component`. Count, times and evidence are the caller's.
Finding make_finding(const Rule& rule, Values values = {});

/// Every rule the program knows.
class RuleBase {
 public:
  /// Reads rule files. Errors (corrupt) name the file, the line and the reason: "my.xml:12: pattern: missing )".
  static Result<RuleBase> parse(std::span<const EmbeddedFile> files);

  /// The rules that are compiled into the program (analyzers/rules/*.xml).
  static const RuleBase& built_in();

  /// Adds the rules of another base; one with the id of a known rule takes its place.
  void merge(const RuleBase& other);

  const std::vector<Rule>& rules() const { return rules_; }
  const Rule* find(std::string_view id) const;
  /// The finding of a rule that code decides. An unknown id is a bug of this program: it aborts in tests by throwing.
  Finding finding(std::string_view id, Values values = {}) const;

 private:
  std::vector<Rule> rules_;
};

}  // namespace vmtriage
