#include "agent/report.h"

#include <algorithm>
#include <map>

namespace vmtriage {
namespace {

/// How well founded a verdict is: what the extension says about a level or a failure, then what the events decide.
int weight(const RunVerdict& run) {
  const bool decides = run.level != Consistency::unknown;
  if (run.source == RunVerdict::Source::extension) return decides ? 5 : run.failed ? 4 : 0;
  // One log tells that the snapshot was made, the other that a writer failed.
  if (run.level == Consistency::file_system) return 3;
  return decides ? 2 : 1;
}

/// Which of two verdicts on one run is better founded.
bool is_better(const RunVerdict& a, const RunVerdict& b) {
  if (weight(a) != weight(b)) return weight(a) > weight(b);
  return a.evidence.size() > b.evidence.size();
}

/// Keeps the better verdict, with what the other one shows.
void merge_into(RunVerdict& target, RunVerdict& other) {
  if (is_better(other, target)) std::swap(target, other);
  for (std::string& writer : other.writers) {
    if (std::find(target.writers.begin(), target.writers.end(), writer) == target.writers.end())
      target.writers.push_back(std::move(writer));
  }
  for (Evidence& evidence : other.evidence) {
    if (target.evidence.size() < kMaxExcerpts) target.evidence.push_back(std::move(evidence));
  }
}

bool is_off(const RunVerdict& run) {
  return run.source == RunVerdict::Source::events && run.level == Consistency::crash;
}

/// Whether two verdicts, the newer first, are about one run. The log and the status file of one run differ by the time
/// the snapshot took; the events of one run are spread over several logs.
bool is_same_run(const RunVerdict& newer, const RunVerdict& older) {
  constexpr auto kSameRun = std::chrono::minutes(10);
  if (newer.evidence.empty() || older.evidence.empty() || is_off(newer) || is_off(older)) return false;
  const Evidence &a = newer.evidence.front(), &b = older.evidence.front();
  const bool events = newer.source != RunVerdict::Source::extension && older.source != RunVerdict::Source::extension;
  if (events ? a.origin == b.origin : a.artifact == b.artifact) return false;
  return newer.time && older.time && *newer.time - *older.time < kSameRun;
}

/// Gives what a list of writers shows to the newest run in which the same writer failed.
bool is_told(std::vector<RunVerdict>& runs, RunVerdict& listing) {
  if (listing.source != RunVerdict::Source::listing || listing.writers.empty()) return false;
  for (RunVerdict& run : runs) {
    const bool all = std::all_of(listing.writers.begin(), listing.writers.end(), [&](const std::string& writer) {
      return std::find(run.writers.begin(), run.writers.end(), writer) != run.writers.end();
    });
    if (!all || run.source == RunVerdict::Source::listing) continue;
    merge_into(run, listing);
    return true;
  }
  return false;
}

/// After a writer failure the service does not try for application consistency three times.
void explain_attempts(std::vector<RunVerdict>& runs) {
  constexpr int kAttempts = 3;
  const RunVerdict* failure = nullptr;
  int attempt = 0;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (!run->time || is_off(*run)) continue;
    if (!run->writers.empty()) {
      failure = &*run;
      attempt = 0;
      continue;
    }
    if (failure == nullptr || run->level == Consistency::application || ++attempt > kAttempts) failure = nullptr;
    if (failure == nullptr || run->level != Consistency::file_system) continue;
    const Values values = {{"n", std::to_string(attempt)},
                           {"writers", join(failure->writers, ", ")},
                           {"time", format_time(*failure->time)}};
    const LocalText more = fill_in(
        LocalText{" It is number {n} of the three attempts after the failure of {writers} at {time}: the service does not "
                  "try for application consistency in them.",
                  " {time} の {writers} の失敗に続く 3 回のうち {n} 回目です。この 3 回、サービスはアプリケーション整合性を"
                  "試みません。"},
        values);
    run->because.en += more.en;
    run->because.ja += more.ja;
  }
}

/// Whether two places show the same event: a log and a copy of it, or its text export.
bool is_same_event(const Evidence& a, const Evidence& b) {
  if (a.origin == b.origin || !a.record_id || !b.record_id || *a.record_id != *b.record_id) return false;
  // Exports write local time, to the second.
  constexpr std::size_t kEnoughToTell = 60;
  return a.excerpt.substr(0, kEnoughToTell) == b.excerpt.substr(0, kEnoughToTell) || a.time == b.time;
}

/// The events of `other` that `target` shows, too.
std::uint64_t shared_events(const Finding& target, const Finding& other) {
  return static_cast<std::uint64_t>(std::count_if(other.evidence.begin(), other.evidence.end(), [&](const Evidence& one) {
    return std::any_of(target.evidence.begin(), target.evidence.end(),
                       [&](const Evidence& known) { return is_same_event(known, one); });
  }));
}

void merge_into(Finding& target, Finding& other) {
  const std::uint64_t shared = shared_events(target, other);
  // What is shown stands for the rest: a copy of a log shows the same first and last events.
  target.count = shared > 0 && shared == other.evidence.size() ? std::max(target.count, other.count)
                                                                : target.count + other.count - shared;
  target.severity = std::max(target.severity, other.severity);
  const auto earlier = [](std::optional<Time>& a, const std::optional<Time>& b) {
    if (b && (!a || *b < *a)) a = b;
  };
  const auto later = [](std::optional<Time>& a, const std::optional<Time>& b) {
    if (b && (!a || *b > *a)) a = b;
  };
  earlier(target.first_seen, other.first_seen);
  later(target.last_seen, other.last_seen);
  const std::size_t known = target.evidence.size();
  for (Evidence& evidence : other.evidence) {
    const bool told = std::any_of(target.evidence.begin(), target.evidence.begin() + static_cast<std::ptrdiff_t>(known),
                                  [&](const Evidence& one) { return is_same_event(one, evidence); });
    if (!told && target.evidence.size() < kMaxExcerpts) target.evidence.push_back(std::move(evidence));
  }
}

}  // namespace

std::vector<RunVerdict> explain_runs(std::vector<RunVerdict> runs) {
  runs = merge_runs(std::move(runs));
  explain_attempts(runs);
  return runs;
}

std::optional<Severity> Report::worst() const {
  std::optional<Severity> worst;
  for (const Finding& finding : findings) worst = worst ? std::max(*worst, finding.severity) : finding.severity;
  return worst;
}

int Report::exit_code() const {
  const auto severity = worst();
  if (severity >= Severity::error) return 2;
  if (severity == Severity::warning) return 1;
  return is_complete() ? 0 : 3;
}

std::vector<Finding> merge_findings(std::vector<Finding> findings) {
  std::map<std::pair<std::string, std::string>, std::size_t> known;
  std::vector<Finding> merged;
  for (Finding& finding : findings) {
    const auto [place, is_new] = known.emplace(std::make_pair(finding.rule_id, finding.component), merged.size());
    if (is_new) {
      merged.push_back(std::move(finding));
    } else {
      merge_into(merged[place->second], finding);
    }
  }
  std::stable_sort(merged.begin(), merged.end(), [](const Finding& a, const Finding& b) {
    if (a.severity != b.severity) return a.severity > b.severity;
    if (a.rank != b.rank) return a.rank < b.rank;
    if (a.last_seen != b.last_seen) return a.last_seen > b.last_seen;
    return std::pair(a.rule_id, a.component) < std::pair(b.rule_id, b.component);
  });
  return merged;
}

void settle_older_files(std::vector<Finding>& findings, const std::map<std::string, NewestFile>& newest) {
  constexpr std::string_view kOneLogPerRun = "linux.workload.prereg-log";
  constexpr auto kLongAgo = std::chrono::days(1);
  for (Finding& finding : findings) {
    if (finding.evidence.empty()) continue;
    const std::string& id = finding.evidence.front().artifact;
    const auto file = newest.find(id);
    if (file == newest.end()) continue;
    const bool only_older = std::all_of(finding.evidence.begin(), finding.evidence.end(), [&](const Evidence& evidence) {
      return evidence.artifact == id && evidence.origin != file->second.origin;
    });
    const auto& modified = file->second.modified;
    const bool long_ago = finding.recovers && modified && finding.last_seen && *modified - *finding.last_seen >= kLongAgo;
    if (!only_older || (id != kOneLogPerRun && !long_ago)) continue;
    finding.severity = Severity::info;
    finding.title.en += " (only in older logs, no longer in the newest)";
    finding.title.ja += " (古いログのみに記録され、最新のログにはありません)";
  }
}

std::vector<RunVerdict> merge_runs(std::vector<RunVerdict> runs) {
  std::stable_sort(runs.begin(), runs.end(), [](const RunVerdict& a, const RunVerdict& b) { return a.time > b.time; });
  std::vector<RunVerdict> merged;
  for (RunVerdict& run : runs) {
    if (is_told(merged, run)) continue;
    if (!merged.empty() && is_same_run(merged.back(), run)) {
      merge_into(merged.back(), run);
    } else {
      merged.push_back(std::move(run));
    }
  }
  if (merged.size() > kMaxRuns) merged.resize(kMaxRuns);
  return merged;
}

}  // namespace vmtriage
