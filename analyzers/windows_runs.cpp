#include "analyzers/windows_runs.h"

#include <algorithm>
#include <utility>

#include "agent/base/text.h"
#include "analyzers/event_details.h"
#include "analyzers/rules.h"

namespace vmtriage {
namespace {

/// Retries of one run and the logs of its parts lie this close.
constexpr Ticks kOneRun = std::chrono::minutes(10);
/// A restart is shorter; a backup seldom falls into it.
constexpr Ticks kShortestOff = std::chrono::minutes(20);
constexpr std::size_t kMaxOffTimes = 5;
constexpr std::size_t kMaxNamed = 4;

using Signals = std::vector<const Signal*>;

bool is_other_product(const Signal& signal) {
  return signal.rule != nullptr && signal.rule->id.starts_with("windows.wsb.");
}

bool is_parallel(const Signal& signal) {
  return is_other_product(signal) || (signal.rule != nullptr && signal.rule->id.find("parallel") != std::string::npos);
}

/// A warning that a writer was slow does not say that it failed.
bool is_sure(const Signal& signal) { return signal.rule == nullptr || signal.rule->severity >= Severity::error; }

bool is_failure(const Signal& signal) {
  const bool kind = signal.kind == Signal::Kind::writer || signal.kind == Signal::Kind::snapshot;
  return kind && is_sure(signal) && !is_other_product(signal);
}

void add_unique(std::vector<std::string>& names, std::string name) {
  if (!name.empty() && names.size() < kMaxNamed && std::find(names.begin(), names.end(), name) == names.end())
    names.push_back(std::move(name));
}

/// Databases and instances belong to the one writer of SQL Server.
std::string writer_of(const Signal& signal) {
  const bool named = find_no_case(signal.component, "writer") != std::string_view::npos;
  if (signal.rule != nullptr && signal.rule->owner == "sql" && !named) return "SqlServerWriter";
  return signal.component;
}

std::string label_of(const Signal& signal) {
  std::string label = signal.quote.words->label;
  if (const auto codes = find_hresults(signal.quote.words->text); !codes.empty())
    label += " " + format_hresult(codes.front());
  return label;
}

/// The time between a moment and a span of a few minutes around it.
bool is_near(Time time, Time begin, Time end) { return begin - kOneRun <= time && time <= end + kOneRun; }

LocalText sentence(std::string_view en, std::string_view ja, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  return fill_in(LocalText{std::string(en), std::string(ja)}, {{"names", join(names, ", ")}});
}

void append(LocalText& text, const LocalText& more) {
  if (more.en.empty()) return;
  text.en += " " + more.en;
  text.ja += more.ja;
}

/// One run: failures that lie together, and what was logged around them.
class Run {
 public:
  explicit Run(const QuotedLog& log) : log_(&log) {}

  void add(const Signal& failure) {
    failures_.push_back(&failure);
    if (!failure.time) return;
    begin_ = begin_ ? std::min(*begin_, *failure.time) : *failure.time;
    end_ = end_ ? std::max(*end_, *failure.time) : *failure.time;
  }
  bool takes(const Signal& failure) const { return !end_ || (failure.time && *failure.time - *end_ <= kOneRun); }
  bool covers(Time time) const { return begin_ && is_near(time, *begin_, *end_); }

  RunVerdict judge(const std::vector<Signal>& all) const {
    RunVerdict verdict;
    verdict.source = RunVerdict::Source::events;
    verdict.time = begin_;
    for (const Signal* failure : failures_) {
      if (failure->kind == Signal::Kind::writer) add_unique(verdict.writers, writer_of(*failure));
      show(verdict, failure->quote);
    }
    if (verdict.writers.empty()) {
      verdict.failed = true;
      verdict.because = failed_because();
    } else {
      verdict.level = Consistency::file_system;
      verdict.because = file_system_because(verdict.writers, seen());
    }
    append(verdict.because, beside(all, verdict));
    return verdict;
  }

 private:
  void show(RunVerdict& verdict, const Quote& quote) const {
    if (verdict.evidence.size() < kMaxExcerpts) verdict.evidence.push_back(log_->evidence(quote));
  }

  LocalText seen() const {
    std::vector<std::string> labels;
    for (const Signal* failure : failures_) add_unique(labels, label_of(*failure));
    return {join(labels, ", "), join(labels, ", ")};
  }

  LocalText failed_because() const {
    return fill_in(LocalText{"The shadow copy failed ({events}): no recovery point with help of VSS comes from this "
                             "attempt, so no level can be told.",
                             "シャドウ コピーが失敗しました ({events})。この試行からは VSS "
                             "による復旧ポイントが得られないため、整合性のレベルはありません。"},
                   {{"events", seen().en}});
  }

  /// What the same minutes hold besides the failures.
  LocalText beside(const std::vector<Signal>& all, RunVerdict& verdict) const {
    std::vector<std::string> causes, others;
    for (const Signal& signal : all) {
      if (!signal.time || !covers(*signal.time)) continue;
      if (is_cause(signal)) add_unique(causes, label_with_component(signal));
      if (is_parallel(signal)) add_unique(others, signal.quote.words->label);
      if (is_cause(signal) || is_other_product(signal)) show(verdict, signal.quote);
    }
    LocalText text = sentence("Logged in the same minutes: {names}.", "同じ時間帯の記録: {names}。", causes);
    append(text, sentence("Another backup was at work then: {names}; keep the schedules apart.",
                          "別のバックアップが動作していました: {names}。スケジュールをずらしてください。", others));
    return text;
  }

  const QuotedLog* log_;
  Signals failures_;
  std::optional<Time> begin_, end_;
};

RunVerdict application_run(const QuotedLog& log, const Signal& requested) {
  RunVerdict verdict;
  verdict.source = RunVerdict::Source::events;
  verdict.time = requested.time;
  verdict.level = Consistency::application;
  verdict.because = application_because();
  verdict.evidence.push_back(log.evidence(requested.quote));
  return verdict;
}

RunVerdict off_run(const QuotedLog& log, const Signal& stopped, const Signal& started) {
  RunVerdict verdict;
  verdict.source = RunVerdict::Source::events;
  verdict.time = stopped.time;
  verdict.level = Consistency::crash;
  const bool clean = stopped.rule == nullptr || stopped.rule->silent;
  verdict.because = fill_in(
      clean
          ? LocalText{"The VM was off until {end}: a recovery point of that time is crash consistent, because no guest "
                      "took part. It had been shut down in order, so its data is whole all the same.",
                      "VM は {end} "
                      "まで停止していました。その間の復旧ポイントはゲストが関与しないためクラッシュ整合性です。"
                      "正常にシャットダウンされていたため、データは完全です。"}
          : LocalText{"The VM was off until {end} after it had stopped without a shutdown: a recovery point of that "
                      "time is crash consistent, because no guest took part.",
                      "VM は正常なシャットダウンなしで停止し、{end} "
                      "まで停止していました。その間の復旧ポイントはゲストが"
                      "関与しないためクラッシュ整合性です。"},
      {{"end", format_time(*started.time)}});
  verdict.evidence = {log.evidence(stopped.quote), log.evidence(started.quote)};
  return verdict;
}

RunVerdict cleared_run(const QuotedLog& log, const Signal& cleared) {
  RunVerdict verdict;
  verdict.source = RunVerdict::Source::events;
  verdict.time = cleared.time;
  verdict.because = {"The event log was cleared then: about runs before that moment it holds no evidence.",
                     "この時刻にイベント ログが消去されたため、それ以前の実行についての証跡がありません。"};
  verdict.evidence.push_back(log.evidence(cleared.quote));
  return verdict;
}

/// The last few times in which the VM was off.
void add_off_times(const QuotedLog& log, const Signals& sorted, std::vector<RunVerdict>& verdicts) {
  std::vector<RunVerdict> found;
  const Signal* stopped = nullptr;
  for (const Signal* signal : sorted) {
    if (signal->kind == Signal::Kind::stopped) stopped = signal;
    if (signal->kind != Signal::Kind::started) continue;
    if (stopped != nullptr && *signal->time - *stopped->time >= kShortestOff)
      found.push_back(off_run(log, *stopped, *signal));
    stopped = nullptr;
  }
  const std::size_t first = found.size() > kMaxOffTimes ? found.size() - kMaxOffTimes : 0;
  for (std::size_t i = first; i < found.size(); ++i) verdicts.push_back(std::move(found[i]));
}

std::vector<Run> runs_in(const QuotedLog& log, const Signals& sorted) {
  std::vector<Run> runs;
  for (const Signal* signal : sorted) {
    if (!is_failure(*signal)) continue;
    if (runs.empty() || !runs.back().takes(*signal)) runs.emplace_back(log);
    runs.back().add(*signal);
  }
  return runs;
}

}  // namespace

LocalText application_because() {
  return {
      "Azure Backup made the shadow copy and no VSS writer failed. Applications without a writer are not covered by "
      "this.",
      "Azure Backup のシャドウ コピーが作成され、失敗した VSS "
      "ライターはありません。ライターのないアプリケーションは対象外"
      "です。"};
}

LocalText file_system_because(const std::vector<std::string>& writers, const LocalText& why) {
  const std::string names = writers.empty() ? "" : " (" + join(writers, ", ") + ")";
  const auto values = [&](const std::string& reason) {
    return Values{{"writers", names}, {"why", reason.empty() ? "" : " [" + reason + "]"}};
  };
  return {
      fill_in("The VSS snapshot was made at best with the file system at rest: at least one writer "
              "failed{writers}{why}, so what it looks after is not application consistent. The service takes the "
              "next three attempts file-system consistent and tries application consistent again on the fourth: a "
              "good job list in between does not mean that the writer is well.",
              values(why.en)),
      fill_in("少なくとも 1 つの VSS ライターが失敗した{writers}ため、スナップショットは最良でもファイル システム整合性"
              "です{why}。サービスは次の 3 回をファイル システム整合性で取得し、4 回目に再びアプリケーション整合性を"
              "試みます。その間ジョブが成功していても、ライターが正常とは限りません。",
              values(why.ja))};
}

std::vector<RunVerdict> judge_windows_runs(const QuotedLog& log, const std::vector<Signal>& signals) {
  Signals timed, untimed;
  for (const Signal& signal : signals) (signal.time ? timed : untimed).push_back(&signal);
  std::stable_sort(timed.begin(), timed.end(), [](const Signal* a, const Signal* b) { return *a->time < *b->time; });
  const std::vector<Run> runs = runs_in(log, timed);
  std::vector<RunVerdict> verdicts;
  for (const Run& run : runs) verdicts.push_back(run.judge(signals));
  for (const Run& run : runs_in(log, untimed)) verdicts.push_back(run.judge(signals));
  std::optional<Time> last;
  for (const Signal* signal : timed) {
    if (signal->kind == Signal::Kind::cleared) verdicts.push_back(cleared_run(log, *signal));
    if (signal->kind != Signal::Kind::requested || (last && *signal->time - *last <= kOneRun)) continue;
    last = signal->time;
    const bool failed =
        std::any_of(runs.begin(), runs.end(), [&](const Run& run) { return run.covers(*signal->time); });
    if (!failed) verdicts.push_back(application_run(log, *signal));
  }
  add_off_times(log, timed, verdicts);
  return verdicts;
}

}  // namespace vmtriage
