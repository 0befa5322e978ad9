#include "analyzers/checks/status_json.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "analyzers/checks/json_text.h"
#include "analyzers/checks/whole_text.h"

namespace vmtriage {
namespace {

using Json = nlohmann::json;

/// ExtensionErrorCodeEnum of the snapshot extension: VMBackup/main/ExtensionErrorCodeHelper.py.
constexpr SnapshotCode kCodes[] = {
    {0, "success_appconsistent", Severity::info},
    {1, "success", Severity::info},
    {2, "error", Severity::error},
    {3, "SuccessAlreadyProcessedInput", Severity::info},
    {4, "ExtensionTempTerminalState", Severity::info},
    {11, "error_parameter", Severity::error},
    {12, "error_12", Severity::error},
    {13, "error_wrong_time", Severity::error},
    {14, "error_same_taskid", Severity::info},
    {15, "error_http_failure", Severity::error},
    {16, "FailedHandlerGuestAgentCertificateNotFound", Severity::error},
    {17, "FailedInvalidDataDiskLunList", Severity::error},
    {76, "FailedRetryableSnapshotFailedNoNetwork", Severity::error},
    {85, "FailedSnapshotLimitReached", Severity::error},
    {121, "FailedRetryableFsFreezeFailed", Severity::error},
    {122, "FailedRetryableFsFreezeTimeout", Severity::error},
    {123, "FailedRetryableUnableToOpenMount", Severity::error},
    {124, "FailedSafeFreezeBinaryNotFound", Severity::error},
    // Throttled by the storage; the service tries again by itself.
    {173, "FailedRetryableSnapshotRateExceeded", Severity::warning},
    {300, "FailedPrepostPreScriptFailed", Severity::warning},
    {301, "FailedPrepostPostScriptFailed", Severity::warning},
    {302, "FailedPrepostPreScriptNotFound", Severity::warning},
    {303, "FailedPrepostPostScriptNotFound", Severity::warning},
    {304, "FailedPrepostPluginhostConfigParsing", Severity::warning},
    {305, "FailedPrepostPluginConfigParsing", Severity::warning},
    {306, "FailedPrepostPreScriptPermissionError", Severity::warning},
    {307, "FailedPrepostPostScriptPermissionError", Severity::warning},
    {308, "FailedPrepostPreScriptTimeout", Severity::warning},
    {309, "FailedPrepostPostScriptTimeout", Severity::warning},
    {310, "FailedPrepostPluginhostPreTimeout", Severity::warning},
    {311, "FailedPrepostPluginhostPostTimeout", Severity::warning},
    {312, "FailedPrepostCheckSumMismatch", Severity::warning},
    // No configuration means that nobody asked for pre and post scripts.
    {313, "FailedPrepostPluginhostConfigNotFound", Severity::info},
    {314, "FailedPrepostPluginhostConfigPermissionError", Severity::warning},
    {315, "FailedPrepostPluginhostConfigOwnershipError", Severity::warning},
    {316, "FailedPrepostPluginConfigNotFound", Severity::info},
    {317, "FailedPrepostPluginConfigPermissionError", Severity::warning},
    {318, "FailedPrepostPluginConfigOwnershipError", Severity::warning},
    {402, "FailedGuestAgentInvokedCommandTooLate", Severity::error},
    {500, "FailedWorkloadPreError", Severity::warning},
    {501, "FailedWorkloadConfParsingError", Severity::warning},
    {502, "FailedWorkloadInvalidRole", Severity::warning},
    {503, "FailedWorkloadInvalidWorkloadName", Severity::warning},
    {504, "FailedWorkloadPostError", Severity::warning},
    {505, "FailedWorkloadAuthorizationMissing", Severity::warning},
    {506, "FailedWorkloadConnectionError", Severity::warning},
    {507, "FailedWorkloadIPCDirectoryMissing", Severity::warning},
    {508, "FailedWorkloadDatabaseStatusChanged", Severity::warning},
    {509, "FailedWorkloadQuiescingError", Severity::warning},
    {510, "FailedWorkloadQuiescingTimeout", Severity::warning},
    {511, "FailedWorkloadDatabaseInNoArchiveLog", Severity::warning},
    {512, "FailedWorkloadLogModeChanged", Severity::warning},
    {556, "FailedHostSnapshotRemoteServerError", Severity::error},
    {761, "FailedRetryableSnapshotFailedRestrictedNetwork", Severity::error},
};

bool has(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

/// ISO 8601, or the form of old serializers: `/Date(1559865179380)/`.
std::optional<Time> parse_status_time(std::string_view text) {
  constexpr std::string_view kOldForm = "/Date(";
  if (text.starts_with(kOldForm)) {
    text.remove_prefix(kOldForm.size());
    std::int64_t milliseconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), milliseconds);
    constexpr std::int64_t kYear9999 = 253'402'300'799'000;
    if (error != std::errc() || milliseconds < 0 || milliseconds > kYear9999) return std::nullopt;
    return Time(std::chrono::milliseconds(milliseconds));
  }
  const auto stamp = find_stamp(text, Time{});
  return stamp ? std::optional(stamp->time) : std::nullopt;
}

std::string formatted_message(const Json& holder) {
  const Json* formatted = member(holder, "formattedMessage");
  if (formatted == nullptr) return {};
  return formatted->is_string() ? formatted->get<std::string>() : text_member(*formatted, "message");
}

/// The value of `{"Key": "extErrorCode", "Value": "success"}` in a list of such pairs.
std::string telemetry_value(const Json& status, std::string_view key) {
  const Json* list = member(status, "telemetryData");
  if (list == nullptr || !list->is_array()) return {};
  for (const Json& entry : *list) {
    if (text_member(entry, "Key") == key) return text_member(entry, "Value");
  }
  return {};
}

void read_message(const Json& status, ExtensionStatus& out) {
  out.message = formatted_message(status);
  if (!trim(out.message).starts_with("{")) return;
  const auto inner = parse_json(out.message);
  if (!inner) return;
  out.consistency = int_member(*inner, "snapshotConsistency");
  out.snapshot = out.snapshot || out.consistency;
  if (const std::string words = text_member(*inner, "messageStr"); !words.empty()) out.message = words;
}

/// Fills `out` from one `{"status": {…}, "timestampUTC": …}`.
void read_report(const Json& report, ExtensionStatus& out) {
  const Json& status = *member(report, "status");
  if (const std::string name = text_member(status, "name"); !name.empty()) out.name = name;
  out.operation = text_member(status, "operation");
  out.status = to_lower(text_member(status, "status"));
  out.code = int_member(status, "code").value_or(0);
  out.code_name = telemetry_value(status, "extErrorCode");
  if (const auto time = parse_status_time(text_member(report, "timestampUTC"))) out.time = time;
  if (const Json* health = member(status, "vmHealthInfo")) out.health = int_member(*health, "vmHealthState");
  const Json* snapshots = member(status, "snapshotInfo");
  out.snapshot = out.snapshot || (snapshots != nullptr && snapshots->is_array()) || has(out.name, "VMSnapshot");
  read_message(status, out);
}

const Json* first_report(const Json& root) {
  const Json* report = root.is_array() && !root.empty() ? &root.front() : &root;
  const Json* status = member(*report, "status");
  return status != nullptr && status->is_object() ? report : nullptr;
}

/// The JSON that hides as a string in `substatus[0].name`; nothing where there is none.
std::optional<Json> inner_report(const Json& report) {
  const Json* list = member(*member(report, "status"), "substatus");
  if (list == nullptr || !list->is_array() || list->empty()) return std::nullopt;
  const std::string name = text_member(list->front(), "name");
  if (!name.starts_with("[") && !name.starts_with("{")) return std::nullopt;
  auto inner = parse_json(name);
  if (!inner || first_report(*inner) == nullptr) return std::nullopt;
  return std::move(*inner);
}

ExtensionStatus read_status(const Json& report) {
  ExtensionStatus status;
  read_report(report, status);
  if (const auto inner = inner_report(report)) {
    status.snapshot = true;
    read_report(*first_report(*inner), status);
  }
  return status;
}

HandlerReport read_handler(const Json& json) {
  HandlerReport handler;
  handler.name = text_member(json, "handlerName");
  if (handler.name.empty()) handler.name = text_member(json, "name");
  handler.version = text_member(json, "handlerVersion");
  if (handler.version.empty()) handler.version = text_member(json, "version");
  handler.status = text_member(json, "status");
  handler.code = int_member(json, "code").value_or(0);
  handler.message = formatted_message(json);
  if (handler.message.empty()) handler.message = text_member(json, "message");
  if (const Json* runtime = member(json, "runtimeSettingsStatus")) {
    const Json* settings = member(*runtime, "settingsStatus");
    if (settings != nullptr && first_report(*settings) != nullptr)
      handler.settings = read_status(*first_report(*settings));
  }
  return handler;
}

/// A code that only tells why the run was not application consistent.
bool is_script_code(int code) { return (code >= 300 && code < 400) || (code >= 500 && code <= 512); }

bool under_way(const ExtensionStatus& status) {
  constexpr int kAlreadyProcessed = 3, kStillRunning = 4;
  return status.status == "transitioning" || status.code == kStillRunning || status.code == kAlreadyProcessed;
}

/// The code that counts: telemetry names it even where the number was made a success.
SnapshotCode code_of(const ExtensionStatus& status) {
  const SnapshotCode* known = find_snapshot_code(status.code, status.code_name);
  const bool contradicts = known != nullptr && known->severity == Severity::info && status.status == "error";
  if (contradicts) known = find_snapshot_code(status.code, "");
  if (known != nullptr) return *known;
  return {status.code, "", Severity::error};
}

bool status_failed(const ExtensionStatus& status) {
  return status.status == "error" || (status.status != "success" && code_of(status).severity == Severity::error);
}

std::string code_words(const ExtensionStatus& status) {
  const SnapshotCode code = code_of(status);
  const std::string number = std::to_string(code.number);
  return code.name.empty() ? number : number + " " + std::string(code.name);
}

}  // namespace

Result<ExtensionStatus> parse_extension_status(std::string_view json) {
  const auto root = parse_json(json);
  if (!root) return root.error();
  const Json* report = first_report(*root);
  if (report == nullptr) return Error{ErrorCode::corrupt, "no status in the JSON"};
  return read_status(*report);
}

Result<AgentReport> parse_agent_report(std::string_view json) {
  const auto root = parse_json(json);
  if (!root) return root.error();
  const Json* aggregate = member(*root, "aggregateStatus");
  if (aggregate == nullptr) return Error{ErrorCode::corrupt, "no aggregateStatus in the JSON"};
  AgentReport report;
  report.time = parse_status_time(text_member(*root, "timestampUTC"));
  if (const Json* agent = member(*aggregate, "guestAgentStatus")) {
    report.version = text_member(*agent, "version");
    report.status = text_member(*agent, "status");
    report.message = formatted_message(*agent);
  }
  const Json* handlers = member(*aggregate, "handlerAggregateStatus");
  if (handlers == nullptr || !handlers->is_array()) return report;
  for (const Json& handler : *handlers) report.handlers.push_back(read_handler(handler));
  return report;
}

Result<HandlerReport> parse_handler_status(std::string_view json) {
  const auto root = parse_json(json);
  if (!root) return root.error();
  if (!root->is_object()) return Error{ErrorCode::corrupt, "no handler status in the JSON"};
  return read_handler(*root);
}

const SnapshotCode* find_snapshot_code(int number, std::string_view name) {
  const auto named =
      std::find_if(std::begin(kCodes), std::end(kCodes), [&](const SnapshotCode& c) { return c.name == name; });
  if (named != std::end(kCodes)) return named;
  const auto numbered =
      std::find_if(std::begin(kCodes), std::end(kCodes), [&](const SnapshotCode& c) { return c.number == number; });
  return numbered == std::end(kCodes) ? nullptr : numbered;
}

std::optional<RunVerdict> judge_status(const ExtensionStatus& status) {
  if (!status.snapshot || under_way(status)) return std::nullopt;
  if (!status.operation.empty() && !equal_no_case(status.operation, "Enable")) return std::nullopt;
  RunVerdict verdict;
  verdict.time = status.time;
  const Values values = {{"code", code_words(status)}};
  if (status_failed(status)) {
    verdict.because = fill_in(
        LocalText{"The extension reported a failure ({code}): no usable recovery point comes from this run.",
                  "拡張機能が失敗 ({code}) を報告しました。この実行からは使用できる復旧ポイントが得られません。"},
        values);
    return verdict;
  }
  const int code = code_of(status).number;
  const int level = status.consistency.value_or(0) != 0 ? *status.consistency : (code == 0 ? 2 : 1);
  if (level == 2) {
    verdict.level = Consistency::application;
    verdict.because = {
        "The extension reported an application consistent snapshot: the pre and post scripts succeeded.",
        "拡張機能がアプリケーション整合性スナップショットを報告しました。事前/事後スクリプトは成功しています。"};
  } else if (level == 3) {
    verdict.level = Consistency::crash;
    verdict.because = {
        "The extension reported a crash consistent snapshot: the file systems were not frozen.",
        "拡張機能がクラッシュ整合性スナップショットを報告しました。ファイル システムは静止されていません。"};
  } else if (is_script_code(code) && code_of(status).severity == Severity::warning) {
    verdict.level = Consistency::file_system;
    verdict.because =
        fill_in(LocalText{"The snapshot succeeded, but the pre or post script part did not ({code}), so it is not "
                          "application consistent.",
                          "スナップショットは成功しましたが、事前/事後スクリプトの処理が失敗したため ({code})、"
                          "アプリケーション整合性ではありません。"},
                values);
  } else {
    verdict.level = Consistency::file_system;
    verdict.because = {
        "The extension reported success without pre and post scripts; this is the normal level on Linux.",
        "拡張機能は事前/事後スクリプトなしで成功を報告しました。Linux ではこれが通常のレベルです。"};
  }
  return verdict;
}

namespace {

bool is_backup_extension(std::string_view name) { return has(name, "RecoveryServices"); }

/// `Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9225.0` of `…/<that>/status/12.status` and
/// `…/<that>/config/…`.
std::string extension_of_path(std::string_view path) {
  const auto parts = split(path, '/');
  return parts.size() >= 3 ? std::string(parts[parts.size() - 3]) : std::string();
}

/// Turns what was read from one artifact into findings.
class StatusReport {
 public:
  /// `text`: the whole file, for quotes.
  StatusReport(const RuleBase& rules, const Artifact& artifact, std::string_view text, Insights& insights)
      : rules_(rules), artifact_(artifact), text_(text), insights_(insights) {}

  void extension(const ExtensionStatus& status, const std::string& component) {
    const bool snapshot = status.snapshot || has(component, "VMSnapshot");
    if (auto verdict = judge_status(status)) {
      verdict->evidence.push_back(evidence(status.time, words_of(status)));
      insights_.runs.push_back(std::move(*verdict));
    }
    if (under_way(status)) return;
    if (snapshot) {
      snapshot_extension(status, component);
    } else if (status.status == "error") {
      const Severity severity = is_backup_extension(component) ? Severity::error : Severity::warning;
      add("linux.status.extension-failed", severity, component, std::to_string(status.code), status.time,
          words_of(status));
    }
  }

  void handler(const HandlerReport& handler, std::optional<Time> time) {
    std::string component = handler.name;
    if (!handler.version.empty() && !component.ends_with(handler.version)) component += "-" + handler.version;
    if (handler_failed(handler)) {
      const bool off = handler.code == 0 && find_no_case(handler.message, "disabled") != std::string::npos;
      const Severity severity = off                                 ? Severity::info
                                : is_backup_extension(handler.name) ? Severity::error
                                                                    : Severity::warning;
      add("linux.handler.not-ready", severity, component, std::to_string(handler.code), time,
          handler.name + (handler.version.empty() ? "" : " " + handler.version) + ": " + handler.status + ", code " +
              std::to_string(handler.code) + ": " + handler.message);
    }
    if (handler.settings) extension(*handler.settings, component);
  }

  void agent(const AgentReport& report) {
    if (!report.status.empty() && !equal_no_case(report.status, "Ready")) {
      const std::string component = report.version.empty() ? "WALinuxAgent" : "WALinuxAgent-" + report.version;
      add("linux.agent.not-ready", Severity::error, component, report.status, report.time,
          "guestAgentStatus: " + report.status + ": " + report.message);
    }
    for (const HandlerReport& one : report.handlers) handler(one, report.time);
  }

  void state(std::string_view word) {
    if (!equal_no_case(word, "FailedUpgrade")) return;
    const std::string component = extension_of_path(artifact_.origin);
    const Severity severity = is_backup_extension(component) ? Severity::error : Severity::warning;
    add("linux.handler.upgrade-failed", severity, component, "", std::nullopt, std::string(word));
  }

  void error(const Error& error) {
    insights_.errors.push_back({error.code, printable(artifact_.origin) + ": " + error.what});
  }

 private:
  static bool handler_failed(const HandlerReport& handler) {
    constexpr int kProcessing = 1000;
    if (equal_no_case(handler.status, "Unresponsive") || equal_no_case(handler.status, "NotReady")) return true;
    return handler.code != 0 && handler.code != kProcessing && !equal_no_case(handler.status, "Installing");
  }

  void snapshot_extension(const ExtensionStatus& status, const std::string& component) {
    const SnapshotCode code = code_of(status);
    if (status_failed(status)) {
      const Severity severity = code.number == 173 ? Severity::warning : Severity::error;
      add("linux.status.snapshot-failed", severity, component, code_words(status), status.time, words_of(status));
    } else if (is_script_code(code.number) && code.severity == Severity::warning) {
      add("linux.status.snapshot-degraded", Severity::warning, component, code_words(status), status.time,
          words_of(status));
    }
  }

  static std::string words_of(const ExtensionStatus& status) {
    return "status " + status.status + ", code " + code_words(status) + ": " + status.message;
  }

  Evidence evidence(std::optional<Time> time, std::string_view words) const {
    Evidence evidence;
    evidence.artifact = artifact_.id;
    evidence.origin = artifact_.origin;
    evidence.time = time;
    evidence.excerpt = shorten(printable(trim(words.substr(0, 4 * kMaxExcerptBytes))), kMaxExcerptBytes);
    return evidence;
  }

  void add(std::string_view rule, Severity severity, const std::string& component, const std::string& code,
           std::optional<Time> time, std::string_view words) {
    const auto names = split_words(code);
    const std::string query(names.empty() ? std::string_view() : names.back());
    Finding finding = rules_.finding(rule, {{"component", printable(component)}, {"code", code}, {"query", query}});
    finding.severity = severity;
    finding.count = 1;
    finding.first_seen = finding.last_seen = time;
    if (names.size() == 2) finding.codes.push_back(query);
    finding.evidence.push_back(evidence(time, words));
    if (const std::string quote = quote_of(words); !quote.empty()) finding.evidence.push_back(evidence(time, quote));
    insights_.findings.push_back(std::move(finding));
  }

  /// The place in the file that the message of `words` (`status error, code 2 error: <message>`) comes from, with what
  /// stands around it: the words above are put together from fields, and who compares with the file looks for its own.
  std::string quote_of(std::string_view words) const {
    constexpr std::size_t kBefore = 200, kLongestKey = 32;
    const std::size_t colon = words.rfind(": ", std::min(words.find(": ", words.find("code")), words.size()));
    if (colon == std::string_view::npos) return {};
    // Up to the first character that JSON writes in another way.
    std::string_view message = trim(words.substr(colon + 2));
    message = message.substr(0, std::min(message.find_first_of("\"\\\n\r\t/"), kLongestKey));
    if (message.size() < 6) return {};
    const std::size_t at = text_.find(message);
    if (at == std::string_view::npos) return {};
    std::size_t begin = at > kBefore ? at - kBefore : 0;
    while ((static_cast<unsigned char>(text_[begin]) & 0xc0) == 0x80) ++begin;  // inside a character
    return fold_blanks(text_.substr(begin, 4 * kMaxExcerptBytes));
  }

  static std::string fold_blanks(std::string_view text) {
    std::string folded;
    for (const std::string_view word : split_words(text)) folded.append(folded.empty() ? "" : " ").append(word);
    return folded;
  }

  const RuleBase& rules_;
  const Artifact& artifact_;
  std::string_view text_;
  Insights& insights_;
};

void read_artifact(const RuleBase& rules, const Artifact& artifact, std::string_view text, Insights& insights) {
  StatusReport report(rules, artifact, text, insights);
  if (artifact.id == "linux.handler-state") return report.state(trim(text));
  if (artifact.id == "linux.waagent-status-json") {
    const auto agent = parse_agent_report(text);
    return agent ? report.agent(*agent) : report.error(agent.error());
  }
  if (artifact.id == "linux.handler-status") {
    const auto handler = parse_handler_status(text);
    return handler ? report.handler(*handler, artifact.modified) : report.error(handler.error());
  }
  const auto status = parse_extension_status(text);
  if (!status) return report.error(status.error());
  std::string component = extension_of_path(artifact.origin);
  if (component.empty() || component.find('.') == std::string::npos) component = status->name;
  report.extension(*status, component);
}

}  // namespace

std::unique_ptr<Scan> StatusJsonAnalyzer::scan(const Artifact& artifact) const {
  constexpr std::string_view kArtifacts[] = {"linux.status-json", "linux.waagent-status-json", "linux.handler-status",
                                             "linux.handler-state"};
  if (std::find(std::begin(kArtifacts), std::end(kArtifacts), artifact.id) == std::end(kArtifacts)) return nullptr;
  if (is_superseded(artifact)) return nullptr;
  const auto read = [this](const Artifact& whole, std::string_view text, Insights& insights) {
    read_artifact(rules_, whole, text, insights);
  };
  return scan_whole(artifact, read, kMaxSmallText);
}

}  // namespace vmtriage
