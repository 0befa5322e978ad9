#include "analyzers/event_timeline.h"

#include <algorithm>
#include <iterator>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

constexpr Ticks kWindow = std::chrono::minutes(2);
/// VSS gives writers this long between freeze and thaw.
constexpr Ticks kMaxFreeze = std::chrono::seconds(60);
/// A log that goes on this long behind a freeze would have shown its end.
constexpr Ticks kSurelyOver = std::chrono::minutes(10);
constexpr std::size_t kMaxDatabases = 256;

// Signal::Kind
constexpr std::string_view kKinds[] = {"writer",    "snapshot", "io",      "storage", "service",
                                       "requested", "stopped",  "started", "cleared"};

bool is_failure(const Signal& signal) {
  return signal.kind == Signal::Kind::writer || signal.kind == Signal::Kind::snapshot;
}

bool explains(const Signal& cause, const Signal& failure) {
  if (!is_cause(cause) || std::chrono::abs(*cause.time - *failure.time) > kWindow) return false;
  if (cause.kind != Signal::Kind::service) return true;
  constexpr std::string_view kOfEveryWriter[] = {"VSS", "swprv", "EventSystem", "COMSysApp"};
  return equal_no_case(cause.service, failure.service) ||
         std::any_of(std::begin(kOfEveryWriter), std::end(kOfEveryWriter),
                     [&](std::string_view key) { return equal_no_case(cause.service, key); });
}

std::string rule_of(Signal::Kind cause) {
  return "windows.window." + std::string(kKinds[static_cast<std::size_t>(cause)]);
}

void add_evidence(Finding& finding, const QuotedLog& log, const Quote& quote) {
  const bool known = std::any_of(finding.evidence.begin(), finding.evidence.end(), [&](const Evidence& one) {
    return one.origin == log.origin && one.record_id == quote.record_id && one.line == quote.line;
  });
  if (!known && finding.evidence.size() < kMaxExcerpts) finding.evidence.push_back(log.evidence(quote));
}

}  // namespace

std::optional<Signal::Kind> parse_signal(std::string_view name) {
  const auto found = std::find(std::begin(kKinds), std::end(kKinds), name);
  if (found == std::end(kKinds)) return std::nullopt;
  return static_cast<Signal::Kind>(found - std::begin(kKinds));
}

bool is_cause(const Signal& signal) {
  return signal.kind == Signal::Kind::io || signal.kind == Signal::Kind::storage ||
         signal.kind == Signal::Kind::service;
}

std::string label_with_component(const Signal& signal) {
  return signal.component.empty() ? signal.quote.words->label
                                  : signal.quote.words->label + " (" + signal.component + ")";
}

void EventTimeline::add(Log added) {
  std::erase_if(added.signals,
                [](const Signal& signal) { return !signal.time || !(is_failure(signal) || is_cause(signal)); });
  if (added.signals.empty()) return;
  const std::lock_guard lock(mutex_);
  const std::string origin = added.log.origin;
  if (end_ && origin >= *end_) return;
  held_ += added.signals.size();
  logs_.emplace(origin, std::move(added));
  while (held_ > kMaxHeld) {
    const auto last = std::prev(logs_.end());
    held_ -= last->second.signals.size();
    end_ = last->first;
    logs_.erase(last);
  }
}

std::vector<Finding> EventTimeline::conclude() {
  const std::lock_guard lock(mutex_);
  std::vector<Finding> findings;
  for (auto one = logs_.begin(); one != logs_.end(); ++one) {
    if (!one->second.concluded) correlate(one->second, one->second, findings);
    for (auto other = std::next(one); other != logs_.end(); ++other) {
      const Log &a = one->second, &b = other->second;
      const bool named = !a.computer.empty() && !b.computer.empty();
      if ((named && !equal_no_case(a.computer, b.computer)) || (a.concluded && b.concluded)) continue;
      correlate(a, b, findings);
      correlate(b, a, findings);
    }
  }
  for (auto& [origin, log] : logs_) log.concluded = true;
  return findings;
}

void EventTimeline::correlate(const Log& failures, const Log& causes, std::vector<Finding>& findings) const {
  struct Group {
    std::vector<const Signal*> failures;
    std::vector<const Signal*> causes;
  };
  std::map<std::pair<Signal::Kind, std::string>, Group> groups;
  for (const Signal& failure : failures.signals) {
    if (!is_failure(failure)) continue;
    for (const Signal& cause : causes.signals) {
      if (!explains(cause, failure)) continue;
      Group& group = groups[{cause.kind, failure.component}];
      if (group.failures.empty() || group.failures.back() != &failure) group.failures.push_back(&failure);
      group.causes.push_back(&cause);
    }
  }
  for (const auto& [key, group] : groups) {
    std::vector<std::string> labels;
    for (const Signal* cause : group.causes) {
      const std::string label = label_with_component(*cause);
      if (std::find(labels.begin(), labels.end(), label) == labels.end() && labels.size() < 4) labels.push_back(label);
    }
    const Signal& first = *group.failures.front();
    Finding finding = rules_.finding(rule_of(key.first), {{"component", key.second},
                                                          {"cause", join(labels, ", ")},
                                                          {"failure", first.quote.words->label},
                                                          {"service", group.causes.front()->service}});
    finding.count = group.failures.size();
    for (const Signal* failure : group.failures) {
      finding.first_seen = std::min(finding.first_seen.value_or(*failure->time), *failure->time);
      finding.last_seen = std::max(finding.last_seen.value_or(*failure->time), *failure->time);
    }
    add_evidence(finding, failures.log, first.quote);
    for (const Signal* cause : group.causes) add_evidence(finding, causes.log, cause->quote);
    findings.push_back(std::move(finding));
  }
}

void SqlFreezes::frozen(std::string database, Time time, Evidence evidence) {
  seen(time);
  if (open_.size() < kMaxDatabases)
    open_.insert_or_assign(std::move(database), Freeze{time, std::nullopt, std::move(evidence)});
}

void SqlFreezes::resumed(const std::string& database, Time time) {
  seen(time);
  const auto found = open_.find(database);
  if (found == open_.end()) return;
  if (time - found->second.begin > kMaxFreeze) {
    found->second.end = time;
    long_[database].push_back(std::move(found->second));
  }
  open_.erase(found);
}

void SqlFreezes::finish(const RuleBase& rules, std::vector<Finding>& findings) {
  const auto report = [&](std::string_view rule, const std::string& database, const Freeze& freeze, std::size_t count) {
    const Time end = freeze.end.value_or(last_);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(end - freeze.begin).count();
    Finding finding = rules.finding(rule, {{"component", database}, {"seconds", std::to_string(seconds)}});
    finding.count = count;
    finding.first_seen = freeze.begin;
    finding.last_seen = freeze.begin;
    finding.evidence.push_back(freeze.evidence);
    findings.push_back(std::move(finding));
  };
  for (const auto& [database, freezes] : long_)
    report("windows.sql-event.frozen-long", database, freezes.back(), freezes.size());
  for (const auto& [database, freeze] : open_) {
    if (last_ - freeze.begin > kSurelyOver) report("windows.sql-event.never-resumed", database, freeze, 1);
  }
}

}  // namespace vmtriage
