#include "analyzers/checks/windows_consistency.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/base/text.h"
#include "analyzers/checks/json_text.h"
#include "analyzers/checks/vss_knowledge.h"
#include "analyzers/checks/vss_lines.h"
#include "analyzers/checks/whole_text.h"
#include "analyzers/windows_runs.h"

namespace vmtriage {
namespace {

bool has(std::string_view text, std::string_view word) { return find_no_case(text, word) != std::string_view::npos; }

bool under_way(const ExtensionStatus& status) { return status.status == "transitioning" || status.status.empty(); }

/// `FailedVssWriterInBadState` of a message that ends with ` StatusCode.FailedVssWriterInBadState,`.
std::string_view code_in_message(std::string_view message) {
  constexpr std::string_view kMark = "StatusCode.";
  const std::size_t at = message.find(kMark);
  if (at == std::string_view::npos) return {};
  const std::string_view name = message.substr(at + kMark.size());
  return name.substr(0, name.find_first_of(" ,.;:'\"()[]\r\n\t"));
}

std::string code_name(const ExtensionStatus& status) {
  if (!status.code_name.empty()) return status.code_name;
  return std::string(code_in_message(status.message));
}

std::string code_words(const ExtensionStatus& status) {
  const std::string name = code_name(status);
  const std::string number = std::to_string(status.code);
  return name.empty() ? "code " + number : name + " (" + number + ")";
}

/// The number in `snapshotConsistency`; 0 is none.
std::optional<Consistency> consistency_of(int number) {
  constexpr Consistency kLevels[] = {Consistency::file_system, Consistency::application, Consistency::crash};
  return number < 1 || number > 3 ? std::nullopt : std::optional(kLevels[number - 1]);
}

/// The level that a sentence speaks of.
std::optional<Consistency> worded_level(std::string_view text) {
  const auto says = [&](std::string_view kind) {
    const std::string word(kind);
    return has(text, word + " consistent") || has(text, word + "-consistent") || has(text, word + "Consistent");
  };
  if (says("not application") || says("file system") || says("file-system") || says("filesystem") || says("FS"))
    return Consistency::file_system;
  if (says("application") || says("app")) return Consistency::application;
  return says("crash") ? std::optional(Consistency::crash) : std::nullopt;
}

/// What the status says about the level; nothing when it does not.
std::optional<Consistency> reported_level(const ExtensionStatus& status) {
  if (const auto level = consistency_of(status.consistency.value_or(0))) return level;
  if (has(code_name(status), "success_appconsistent")) return Consistency::application;
  return worded_level(status.message);
}

std::vector<std::string> failed_writers(const ExtensionStatus& status) {
  return VssKnowledge::built_in().writers_in(status.message);
}

LocalText crash_reason() {
  return {"The extension reported a crash-consistent snapshot: VSS took no part in it.",
          "拡張機能がクラッシュ整合性スナップショットを報告しました。VSS は関与していません。"};
}

LocalText failure_reason(const ExtensionStatus& status) {
  const std::string writers = join(failed_writers(status), ", ");
  return fill_in(
      LocalText{
          "The extension reported a failure ({code}{writers}): no usable recovery point comes from this run.",
          "拡張機能が失敗 ({code}{writers}) を報告しました。この実行からは使用できる復旧ポイントが得られません。"},
      {{"code", code_words(status)}, {"writers", writers.empty() ? "" : ": " + writers}});
}

LocalText unknown_reason() {
  return {"The extension reported success but not at which level; the portal shows it at the recovery point.",
          "拡張機能は成功を報告しましたが、整合性のレベルは記録されていません。レベルはポータルの復旧ポイントで確認でき"
          "ます。"};
}

void set_level(const ExtensionStatus& status, RunVerdict& verdict) {
  const auto level = reported_level(status);
  verdict.level = level.value_or(Consistency::unknown);
  switch (verdict.level) {
    case Consistency::application:
      verdict.because = application_because();
      break;
    case Consistency::file_system:
      verdict.writers = failed_writers(status);
      verdict.because = file_system_because(verdict.writers, {});
      break;
    case Consistency::crash:
      verdict.because = crash_reason();
      break;
    case Consistency::unknown:
      verdict.because = unknown_reason();
      break;
  }
}

/// `Microsoft.Azure.RecoveryServices.VMSnapshot-1.0.119.0` of `C:\Packages\Plugins\<name>\<version>\Status\3.status`.
std::string extension_of_path(std::string_view origin) {
  std::string path(origin);
  std::replace(path.begin(), path.end(), '\\', '/');
  const auto parts = split(path, '/');
  if (parts.size() < 4 || parts[parts.size() - 4].find('.') == std::string_view::npos) return {};
  return std::string(parts[parts.size() - 4]) + "-" + std::string(parts[parts.size() - 3]);
}

class WindowsStatusReport {
 public:
  WindowsStatusReport(const RuleBase& rules, const Artifact& artifact, Insights& insights)
      : rules_(rules), artifact_(artifact), insights_(insights) {}

  void read(std::string_view text) {
    auto status = parse_extension_status(text);
    if (!status) return fail(status.error());
    std::string component = extension_of_path(artifact_.origin);
    take(*status, component.empty() ? status->name : component);
  }

  /// What the agent passed on about every extension.
  void read_aggregate(std::string_view text) {
    auto report = parse_agent_report(text);
    if (!report) return fail(report.error());
    for (HandlerReport& handler : report->handlers) {
      const std::string name = handler.name + "-" + handler.version;
      if (handler.settings) {
        if (!handler.settings->time) handler.settings->time = report->time;
        take(*handler.settings, name);
      }
      if (!equal_no_case(handler.status, "Ready") && !equal_no_case(handler.status, "Installing"))
        add_not_ready(handler, name, report->time);
    }
  }

 private:
  void fail(const Error& error) {
    insights_.errors.push_back({error.code, printable(artifact_.origin) + ": " + error.what});
  }

  void take(ExtensionStatus& status, const std::string& component) {
    status.snapshot = status.snapshot || has(component, "VMSnapshot");
    if (auto verdict = judge_windows_status(status)) {
      verdict->evidence.push_back(evidence(status));
      insights_.runs.push_back(std::move(*verdict));
    }
    if (status.status == "error") add(status, component);
  }

  void add_not_ready(const HandlerReport& handler, const std::string& name, std::optional<Time> time) {
    const std::string words = handler.status + (handler.code == 0 ? "" : ", code " + std::to_string(handler.code)) +
                              (handler.message.empty() ? "" : ": " + handler.message);
    Finding finding = rules_.finding(has(name, "RecoveryServices") ? "windows.status.backup-extension-not-ready"
                                                                   : "windows.status.extension-not-ready",
                                     {{"component", printable(name)}, {"status", printable(handler.status)}});
    finding.count = 1;
    finding.first_seen = finding.last_seen = time;
    finding.evidence.push_back(evidence(name + " " + words, time));
    insights_.findings.push_back(std::move(finding));
  }

  Evidence evidence(const ExtensionStatus& status) const {
    return evidence("status " + status.status + ", " + code_words(status) + ": " + status.message, status.time);
  }

  Evidence evidence(const std::string& words, std::optional<Time> time) const {
    Evidence evidence = evidence_of(artifact_, Line{words, 1, false});
    evidence.line.reset();
    evidence.time = time;
    return evidence;
  }

  void add(const ExtensionStatus& status, const std::string& component) {
    const std::string name = code_name(status);
    Finding finding =
        rules_.finding(status.snapshot ? "windows.status.snapshot-failed" : "windows.status.extension-failed",
                       {{"component", printable(component)},
                        {"code", printable(code_words(status))},
                        {"query", printable(name.empty() ? std::to_string(status.code) : name)}});
    finding.count = 1;
    finding.first_seen = finding.last_seen = status.time;
    if (!name.empty()) finding.codes.push_back(printable(name));
    finding.evidence.push_back(evidence(status));
    insights_.findings.push_back(std::move(finding));
  }

  const RuleBase& rules_;
  const Artifact& artifact_;
  Insights& insights_;
};

/// The log of the extension. Its wording is not published: only lines that speak of the result of a snapshot count.
class SnapshotLogScan : public Scan {
 public:
  explicit SnapshotLogScan(const Artifact& artifact) : artifact_(artifact) {}

  void block(const Block& block, std::uint64_t first_line) override {
    each_line(block, first_line, [this](const Line& line) { read(line); });
  }

  void finish(Insights& insights) override {
    close();
    for (RunVerdict& run : runs_) insights.runs.push_back(std::move(run));
  }

 private:
  void read(const Line& line) {
    const bool level_named = has(line.text, "consisten");
    const bool writer_named = has(line.text, "writer");
    if (!level_named && !writer_named) return;
    const auto stamp = find_stamp(line.text, artifact_.modified.value_or(now()));
    if (stamp && run_ && run_->time && std::chrono::abs(stamp->time - *run_->time) > kOneRun) close();
    if (writer_named && tells_failure(line.text)) {
      for (std::string& writer : VssKnowledge::built_in().writers_in(line.text)) add_writer(std::move(writer));
      if (run_ && !run_->writers.empty()) show(line, stamp);
    }
    const auto level = level_named ? result_of(line.text) : std::nullopt;
    if (!level) return;
    open().level = *level;
    show(line, stamp);
  }

  static bool tells_failure(std::string_view text) {
    const auto code = hresult_in(text);
    return has(text, "FAILED_AT_") || has(text, "bad state") || has(text, "failed") ||
           (code && (*code & 0xffffff00) == 0x80042300);
  }

  /// A level that was reached, not one that is tried for.
  static std::optional<Consistency> result_of(std::string_view text) {
    constexpr std::string_view kNumber = "snapshotConsistency";
    if (const std::size_t at = find_no_case(text, kNumber); at != std::string_view::npos) {
      const std::size_t digit = text.find_first_of("0123456789", at + kNumber.size());
      if (digit == std::string_view::npos || digit > at + kNumber.size() + 5) return worded_level(text);
      return consistency_of(text[digit] - '0');
    }
    constexpr std::string_view kPlans[] = {"try", "attempt", "start", "request", "will ", "going to", "should"};
    constexpr std::string_view kResults[] = {"taken", "success", "succeed", "complete", "created", " is ", "was "};
    const auto any = [&](const auto& words) {
      return std::any_of(std::begin(words), std::end(words), [&](std::string_view word) { return has(text, word); });
    };
    return any(kPlans) || !any(kResults) ? std::nullopt : worded_level(text);
  }

  RunVerdict& open() {
    if (!run_) run_.emplace();
    return *run_;
  }

  void add_writer(std::string writer) {
    auto& writers = open().writers;
    if (std::find(writers.begin(), writers.end(), writer) == writers.end()) writers.push_back(std::move(writer));
  }

  void show(const Line& line, const std::optional<Stamp>& stamp) {
    if (stamp && !run_->time) run_->time = stamp->time;
    if (run_->evidence.size() < kMaxExcerpts) run_->evidence.push_back(evidence_of(artifact_, line, stamp));
  }

  void close() {
    if (!run_ || runs_.size() == kMaxRuns) return run_.reset();
    RunVerdict run = *std::exchange(run_, std::nullopt);
    if (run.level == Consistency::unknown || !run.writers.empty()) run.level = Consistency::file_system;
    if (run.level == Consistency::file_system) run.because = file_system_because(run.writers, {});
    if (run.level == Consistency::application) run.because = application_because();
    if (run.level == Consistency::crash) run.because = crash_reason();
    runs_.push_back(std::move(run));
  }

  static constexpr Ticks kOneRun = std::chrono::minutes(10);
  static constexpr std::size_t kMaxRuns = 50;
  Artifact artifact_;
  std::optional<RunVerdict> run_;
  std::vector<RunVerdict> runs_;
};

}  // namespace

std::optional<RunVerdict> judge_windows_status(const ExtensionStatus& status) {
  if (!status.snapshot || under_way(status)) return std::nullopt;
  if (!status.operation.empty() && !equal_no_case(status.operation, "Enable")) return std::nullopt;
  RunVerdict verdict;
  verdict.time = status.time;
  if (status.status == "error") {
    verdict.failed = true;
    verdict.writers = failed_writers(status);
    verdict.because = failure_reason(status);
  } else {
    set_level(status, verdict);
  }
  return verdict;
}

std::unique_ptr<Scan> WindowsConsistencyAnalyzer::scan(const Artifact& artifact) const {
  if (artifact.id == "windows.vmsnapshot.bcdr-log" || artifact.id == "windows.vmsnapshot.other-log")
    return std::make_unique<SnapshotLogScan>(artifact);
  // Nothing is judged by them, but one that cannot be read is worth a line.
  if (artifact.id == "windows.settings-json" || artifact.id == "windows.handler-environment") {
    const auto read = [](const Artifact& whole, std::string_view text, Insights& insights) {
      const auto json = parse_json(text);
      if (!json && !trim(text).empty())
        insights.errors.push_back({json.error().code, printable(whole.origin) + ": " + json.error().what});
    };
    return scan_whole(artifact, read, kMaxSmallText);
  }
  const bool aggregate = artifact.id == "windows.agent.aggregate-status";
  // A heartbeat lies beside the status files and tells of no command.
  if (!aggregate && (artifact.id != "windows.status-json" || has(artifact.origin, "heartbeat"))) return nullptr;
  const auto read = [this, aggregate](const Artifact& whole, std::string_view text, Insights& insights) {
    WindowsStatusReport report(rules_, whole, insights);
    aggregate ? report.read_aggregate(text) : report.read(text);
  };
  return scan_whole(artifact, read, kMaxSmallText);
}

}  // namespace vmtriage
