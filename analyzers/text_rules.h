#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/analyzer.h"
#include "analyzers/matcher/matcher.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// Replaces the secrets of one text; what the redactor of the run does.
using RedactLine = std::function<std::string(std::string_view)>;

/// Matches every text with the rules of its artifact.
///
/// Hits of a rule are grouped by component; thresholds and recovery markers are decided per file, because healthy agents log
/// errors all day. A `message=eJ…` of the agent's log (base64 of a zlib stream) is unpacked, redacted and matched like the line.
class TextRules : public Analyzer {
 public:
  TextRules(const RuleBase& rules, RedactLine redact);
  ~TextRules() override;

  std::unique_ptr<Scan> scan(const Artifact& artifact) const override;

  /// The rules of one artifact id, compiled together.
  struct RuleSet;

 private:
  class PatternStore;
  const RuleSet& rule_set(const Artifact& artifact) const;
  std::vector<const Rule*> rules_of(const Artifact& artifact) const;

  const RuleBase& rules_;
  RedactLine redact_;
  std::unique_ptr<PatternStore> store_;
  mutable std::mutex mutex_;  ///< guards store_ and the sets
  mutable std::map<std::vector<const Rule*>, std::unique_ptr<RuleSet>> sets_;  ///< compiled at their first use
  mutable std::map<std::pair<std::string, bool>, const RuleSet*> set_of_;  ///< by Artifact::id and by_content
};

/// Every pattern that texts are tried for because of these rules, some of them twice.
std::vector<std::string> text_patterns(const RuleBase& rules);

/// The patterns of a rule without a text of kMinAnchorBytes that every match holds. They are right, but tried on every line
/// of every text that the rule applies to: one of them makes reading it several times slower.
std::vector<std::string> patterns_tried_on_every_line(const Rule& rule);

/// The text inside `message=eJ…`: base64 of a zlib stream, as agents before 2.3 wrote long messages. At most 64 KiB of it;
/// nothing when there is none or it is damaged.
///
///     ERROR Daemon Event: name=WALinuxAgent, op=Enable, message=eJw1zLsOgzAMQNFf8cYUokLVgS07…, duration=0
std::optional<std::string> unpack_message(std::string_view line);

}  // namespace vmtriage
