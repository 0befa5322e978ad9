#include "agent/report.h"

#include <algorithm>
#include <map>

namespace vmtriage {
namespace {

/// Which of two verdicts on one run is better founded: one that decides, then the one with more evidence.
bool is_better(const RunVerdict& a, const RunVerdict& b) {
  const bool a_decides = a.level != Consistency::unknown, b_decides = b.level != Consistency::unknown;
  if (a_decides != b_decides) return a_decides;
  return a.evidence.size() > b.evidence.size();
}

void merge_into(Finding& target, Finding& other) {
  target.count += other.count;
  target.severity = std::max(target.severity, other.severity);
  const auto earlier = [](std::optional<Time>& a, const std::optional<Time>& b) {
    if (b && (!a || *b < *a)) a = b;
  };
  const auto later = [](std::optional<Time>& a, const std::optional<Time>& b) {
    if (b && (!a || *b > *a)) a = b;
  };
  earlier(target.first_seen, other.first_seen);
  later(target.last_seen, other.last_seen);
  for (Evidence& evidence : other.evidence) {
    if (target.evidence.size() < kMaxExcerpts) target.evidence.push_back(std::move(evidence));
  }
}

}  // namespace

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
  constexpr auto kSameRun = std::chrono::minutes(10);
  std::stable_sort(runs.begin(), runs.end(), [](const RunVerdict& a, const RunVerdict& b) { return a.time > b.time; });
  std::vector<RunVerdict> merged;
  for (RunVerdict& run : runs) {
    // The log and the status file of one run differ by the time the snapshot took.
    const bool same = !merged.empty() && merged.back().time && run.time && *merged.back().time - *run.time < kSameRun &&
                      !merged.back().evidence.empty() && !run.evidence.empty() &&
                      merged.back().evidence.front().artifact != run.evidence.front().artifact;
    if (!same) {
      merged.push_back(std::move(run));
    } else if (is_better(run, merged.back())) {
      merged.back() = std::move(run);
    }
  }
  if (merged.size() > kMaxRuns) merged.resize(kMaxRuns);
  return merged;
}

}  // namespace vmtriage
