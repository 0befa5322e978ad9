#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "analyzers/analyzer.h"
#include "analyzers/event_matcher.h"
#include "analyzers/event_timeline.h"
#include "analyzers/matcher/matcher.h"
#include "analyzers/rules.h"
#include "analyzers/text_rules.h"

namespace vmtriage {

/// Applies the rules with `<event>`s: to Windows event logs, and to texts in which events were exported or pasted.
///
/// Hits of a rule are grouped by component and thresholds decided per log. Logs that are scanned by one EventRules are
/// seen together where a cause and its effect are logged in different ones.
class EventRules : public Analyzer {
 public:
  /// `redact` is applied to what is taken out of an event log; texts come redacted.
  EventRules(const RuleBase& rules, RedactLine redact);
  ~EventRules() override;

  std::unique_ptr<Scan> scan(const Artifact& artifact) const override;
  void conclude(Insights& insights) const override;

 private:
  struct Compiled;
  const Compiled& compiled() const;

  const RuleBase& rules_;
  RedactLine redact_;
  mutable EventTimeline timeline_;
  mutable std::once_flag once_;
  mutable std::unique_ptr<Compiled> compiled_;  ///< made at the first use: most evidence of Linux needs none
};

/// Every pattern that texts are searched for because events may stand in them.
std::vector<std::string> event_patterns(const RuleBase& rules);

}  // namespace vmtriage
