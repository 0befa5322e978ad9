#include "analyzers/checks/windows_consistency.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/base/text.h"
#include "analyzers/checks/vss_knowledge.h"
#include "analyzers/checks/whole_text.h"

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

/// What the status says about the level; nothing when it does not.
std::optional<Consistency> reported_level(const ExtensionStatus& status) {
  constexpr int kFileSystem = 1, kApplication = 2, kCrash = 3;
  switch (status.consistency.value_or(0)) {
    case kFileSystem:
      return Consistency::file_system;
    case kApplication:
      return Consistency::application;
    case kCrash:
      return Consistency::crash;
    default:
      break;
  }
  if (has(code_name(status), "success_appconsistent")) return Consistency::application;
  const auto says = [&](std::string_view kind) {
    return has(status.message, std::string(kind) + " consistent") ||
           has(status.message, std::string(kind) + "-consistent");
  };
  if (says("not application") || says("file system") || says("file-system")) return Consistency::file_system;
  if (says("application") || says("app")) return Consistency::application;
  return says("crash") ? std::optional(Consistency::crash) : std::nullopt;
}

LocalText application_reason() {
  return {
      "The extension reported an application-consistent snapshot: all VSS writers succeeded. Applications without a "
      "writer are not covered by this.",
      "拡張機能がアプリケーション整合性スナップショットを報告しました。すべての VSS "
      "ライターが成功しています。ライターのない"
      "アプリケーションは対象外です。"};
}

LocalText file_system_reason(const ExtensionStatus& status) {
  const std::string writers = join(VssKnowledge::built_in().writers_in(status.message), ", ");
  const Values values = {{"writers", writers.empty() ? "" : " (" + writers + ")"}};
  return fill_in(LocalText{"The VSS snapshot was made, but at least one writer failed{writers}: look at \"vssadmin "
                           "list writers\" and VSS "
                           "8229. The service tries file-system-consistent snapshots for the next three attempts and "
                           "application-consistent again on the fourth.",
                           "VSS スナップショットは作成されましたが、少なくとも 1 つのライターが失敗しました{writers}。"
                           "「vssadmin list writers」と VSS 8229 を確認してください。サービスは次の 3 回をファイル "
                           "システム整合性で取得し、"
                           "4 回目に再びアプリケーション整合性を試みます。"},
                 values);
}

LocalText crash_reason() {
  return {"The extension reported a crash-consistent snapshot: VSS took no part in it.",
          "拡張機能がクラッシュ整合性スナップショットを報告しました。VSS は関与していません。"};
}

LocalText failure_reason(const ExtensionStatus& status) {
  const std::string writers = join(VssKnowledge::built_in().writers_in(status.message), ", ");
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
      verdict.because = application_reason();
      break;
    case Consistency::file_system:
      verdict.because = file_system_reason(status);
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
    if (!status) {
      insights_.errors.push_back({status.error().code, printable(artifact_.origin) + ": " + status.error().what});
      return;
    }
    std::string component = extension_of_path(artifact_.origin);
    if (component.empty()) component = status->name;
    status->snapshot = status->snapshot || has(component, "VMSnapshot");
    if (auto verdict = judge_windows_status(*status)) {
      verdict->evidence.push_back(evidence(*status));
      insights_.runs.push_back(std::move(*verdict));
    }
    if (status->status == "error") add(*status, component);
  }

 private:
  Evidence evidence(const ExtensionStatus& status) const {
    const std::string words = "status " + status.status + ", " + code_words(status) + ": " + status.message;
    Evidence evidence = evidence_of(artifact_, Line{words, 1, false});
    evidence.line.reset();
    evidence.time = status.time;
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

}  // namespace

std::optional<RunVerdict> judge_windows_status(const ExtensionStatus& status) {
  if (!status.snapshot || under_way(status)) return std::nullopt;
  if (!status.operation.empty() && !equal_no_case(status.operation, "Enable")) return std::nullopt;
  RunVerdict verdict;
  verdict.time = status.time;
  if (status.status == "error") {
    verdict.because = failure_reason(status);
  } else {
    set_level(status, verdict);
  }
  return verdict;
}

std::unique_ptr<Scan> WindowsConsistencyAnalyzer::scan(const Artifact& artifact) const {
  // A heartbeat lies beside the status files and tells of no command.
  if (artifact.id != "windows.status-json" || has(artifact.origin, "heartbeat")) return nullptr;
  const auto read = [this](const Artifact& whole, std::string_view text, Insights& insights) {
    WindowsStatusReport(rules_, whole, insights).read(text);
  };
  return scan_whole(artifact, read, kMaxSmallText);
}

}  // namespace vmtriage
