#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/finding.h"
#include "agent/base/result.h"
#include "analyzers/analyzer.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// What an extension says about its last command:
///
///     [{"version": "1.0", "timestampUTC": "2019-06-06T23:52:59Z",
///       "status": {"name": "…", "operation": "Enable", "status": "success", "code": 1,
///                  "formattedMessage": {"lang": "en-US", "message": "…"}, "substatus": […], "telemetryData": […]}}]
///
/// The VM snapshot extension of a Resource Manager VM always reports `success` once it is done; what really happened is
/// the same JSON again, as a string in `substatus[0].name`. Its message can be JSON as well. This is the inner truth.
struct ExtensionStatus {
  std::string name;       ///< `Microsoft.Azure.RecoveryServices.VMSnapshotLinux`, empty when the file does not say
  std::string operation;  ///< `Enable`
  std::string status;     ///< transitioning, success, warning, error
  int code = 0;
  std::string code_name;  ///< telemetry `extErrorCode`: `FailedRetryableFsFreezeFailed`
  std::string message;
  std::optional<Time> time;
  std::optional<int> consistency;  ///< snapshotConsistency: 0 none, 1 file system, 2 application, 3 crash
  std::optional<int> health;       ///< vmHealthState: 0 green, 128 yellow, 256 red
  bool snapshot = false;           ///< it comes from the VM snapshot extension (inner status, snapshotInfo)
};

/// Reads an extension's status file. Errors: corrupt (no JSON, nested deeper than 64, no status in it).
Result<ExtensionStatus> parse_extension_status(std::string_view json);

/// What the guest agent says about one extension:
///
///     {"handlerName": "Microsoft.Azure.…VMSnapshotLinux", "handlerVersion": "1.0.9225.0", "status": "NotReady",
///     "code": 1007,
///      "formattedMessage": {"lang": "en-US", "message": "…"}}
struct HandlerReport {
  std::string name;
  std::string version;
  std::string status;  ///< Ready, NotReady, Installing, Unresponsive
  int code = 0;
  std::string message;
  std::optional<ExtensionStatus> settings;  ///< the extension's own status, as the agent passed it on
};

/// waagent_status.json.
struct AgentReport {
  std::string version;
  std::string status;  ///< Ready, NotReady
  std::string message;
  std::optional<Time> time;
  std::vector<HandlerReport> handlers;
};

/// Errors: corrupt, as above.
Result<AgentReport> parse_agent_report(std::string_view json);
/// Reads `config/HandlerStatus` of an extension. Errors: corrupt, as above.
Result<HandlerReport> parse_handler_status(std::string_view json);

/// One of the snapshot extension's result codes (ExtensionErrorCodeEnum).
struct SnapshotCode {
  int number = 0;
  std::string_view name;
  Severity severity = Severity::error;
};
/// By name where that is known, else by number; null for one that is not in the table.
const SnapshotCode* find_snapshot_code(int number, std::string_view name);

/// The recovery point that a status speaks of; nothing while the run is under way or when there was none.
std::optional<RunVerdict> judge_status(const ExtensionStatus& status);

/// Reads `*.status`, `waagent_status.json`, `HandlerStatus` and `HandlerState`.
class StatusJsonAnalyzer : public Analyzer {
 public:
  /// `rules` has the words and outlives the analyzer.
  explicit StatusJsonAnalyzer(const RuleBase& rules) : rules_(rules) {}
  std::unique_ptr<Scan> scan(const Artifact& artifact) const override;

 private:
  const RuleBase& rules_;
};

}  // namespace vmtriage
