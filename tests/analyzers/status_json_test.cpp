#include "analyzers/checks/status_json.h"

#include <gtest/gtest.h>

#include "tests/analyzers/check_fixture.h"

namespace vmtriage {
namespace {

constexpr std::string_view kSnapshotPath =
    "/var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9225.0/status/12.status";
constexpr std::string_view kOtherPath =
    "/var/lib/waagent/Microsoft.Azure.Extensions.CustomScript-2.1.10/status/0.status";

Insights read_status(std::string_view json, std::string_view path = kSnapshotPath) {
  return run_check<StatusJsonAnalyzer>("linux.status-json", path, json);
}

/// A status file as VMSnapshotLinux writes it for a Resource Manager VM: success outside, the truth inside a string.
std::string nested(std::string_view status, std::string_view code, std::string_view error_name,
                   std::string_view message = "") {
  std::string inner =
      R"([{"status": {"status": ")" + std::string(status) + R"(", "code": ")" + std::string(code) +
      R"(", "snapshotInfo": [{"snapshotUri": "https://md-x.blob.core.windows.net/a/abcd", "errorMessage": "", )"
      R"("isSuccessful": "true"}], "name": "Microsoft.Azure.RecoveryServices.VMSnapshotLinux", )"
      R"("taskId": "767baff0", "formattedMessage": {"lang": "en-US", "message": ")" +
      std::string(message) +
      R"("}, "vmHealthInfo": {"vmHealthStatusCode": 1, "vmHealthState": 0}, "telemetryData": )"
      R"([{"Key": "kernelVersion", "Value": "4.4.0"}, {"Key": "extErrorCode", "Value": ")" +
      std::string(error_name) +
      R"("}], "substatus": [], "operation": "Enable"}, "version": "1.0", )"
      R"("timestampUTC": "\/Date(1559865179380)\/"}])";
  std::string escaped;
  for (const char c : inner) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return R"([{"status": {"status": "success", "code": 1, "snapshotInfo": null, "name": "Microsoft.Azure.Extension.VMExtension",
    "formattedMessage": {"lang": "en-US", "message": "done"}, "substatus": [{"status": "success", "code": "0", "name": ")" +
         escaped + R"("}], "operation": "Enable"}, "version": "1.0", "timestampUTC": "2019-06-06T23:52:59Z"}])";
}

TEST(ExtensionStatus, TruthIsReadFromTheStringInsideTheSubstatus) {
  const auto status = parse_extension_status(nested("error", "121", "FailedRetryableFsFreezeFailed", "Enable failed"));
  ASSERT_TRUE(status.ok()) << status.error().what;
  EXPECT_EQ(status->status, "error");
  EXPECT_EQ(status->code, 121);
  EXPECT_EQ(status->code_name, "FailedRetryableFsFreezeFailed");
  EXPECT_EQ(status->name, "Microsoft.Azure.RecoveryServices.VMSnapshotLinux");
  EXPECT_EQ(status->message, "Enable failed");
  EXPECT_EQ(status->health, 0);
  EXPECT_TRUE(status->snapshot);
  ASSERT_TRUE(status->time.has_value());
  EXPECT_EQ(format_time(*status->time), "2019-06-06T23:52:59Z");
}

TEST(ExtensionStatus, MessageThatIsJsonIsReadAsWell) {
  const auto status = parse_extension_status(
      nested("success", "1", "success", R"({\"messageStr\": \"done so far\", \"snapshotConsistency\": 2})"));
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->message, "done so far");
  EXPECT_EQ(status->consistency, 2);
}

TEST(ExtensionStatus, UnreadableFilesGiveOneClearError) {
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  const std::string deep_objects = [] {
    std::string text;
    for (int i = 0; i < 100000; ++i) text += R"({"a":)";
    return text;
  }();
  const std::pair<std::string, std::string_view> cases[] = {
      {deep, "nested deeper than 64"},
      {deep_objects, "nested deeper than 64"},
      {"", "empty"},
      {"  \n", "empty"},
      {"{\"status\":", "no valid JSON"},
      {"plain text", "no valid JSON"},
      {"[]", "no status"},
      {"{}", "no status"},
      {"[1, 2]", "no status"},
      {"{\"status\": \"success\"}", "no status"},
      {"null", "no status"},
      {std::string("[{\"status\": {}}\0]", 17), "no valid JSON"},
  };
  for (const auto& [text, words] : cases) {
    const Insights insights = read_status(text);
    ASSERT_EQ(insights.errors.size(), 1U) << text.substr(0, 40);
    EXPECT_EQ(insights.errors[0].code, ErrorCode::corrupt);
    EXPECT_NE(insights.errors[0].what.find(words), std::string::npos) << insights.errors[0].what;
    EXPECT_NE(insights.errors[0].what.find("12.status: "), std::string::npos) << insights.errors[0].what;
    EXPECT_TRUE(insights.findings.empty());
  }
}

TEST(ExtensionStatus, BracketsInsideStringsDoNotCountAsNesting) {
  const std::string text = R"({"status": {"status": "success", "code": 1, "formattedMessage": {"message": ")" +
                           std::string(5000, '[') + R"(\" {{{"}}})";
  EXPECT_TRUE(parse_extension_status(text).ok());
}

TEST(ExtensionStatus, ByteOrderMarkAndInvalidUtf8AreTolerated) {
  EXPECT_TRUE(parse_extension_status("\xEF\xBB\xBF{\"status\": {\"status\": \"error\", \"code\": 2}}").ok());
  EXPECT_TRUE(parse_extension_status("{\"status\": {\"status\": \"error\", \"name\": \"a\xFF\xC3\"}}").ok());
}

TEST(StatusJson, OversizedFileIsRefused) {
  const Insights insights = read_status(std::string(5 << 20, ' '));
  ASSERT_EQ(insights.errors.size(), 1U);
  EXPECT_EQ(insights.errors[0].code, ErrorCode::too_large);
}

TEST(StatusJson, LevelOfTheRecoveryPointIsReported) {
  const std::tuple<std::string_view, std::string, std::string_view> cases[] = {
      {"application by code", nested("success", "0", "success_appconsistent"), "application"},
      {"application by message", nested("success", "1", "success", R"({\"snapshotConsistency\": 2})"), "application"},
      {"file system by code", nested("success", "1", "success"), "file-system"},
      {"file system by message", nested("success", "1", "success", R"({\"snapshotConsistency\": \"1\"})"),
       "file-system"},
      {"crash", nested("success", "1", "success", R"({\"snapshotConsistency\": 3})"), "crash"},
      {"scripts failed", nested("success", "300", "FailedPrepostPreScriptFailed"), "file-system"},
      {"failed", nested("error", "122", "FailedRetryableFsFreezeTimeout"), "unknown"},
  };
  for (const auto& [name, json, level] : cases) {
    const Insights insights = read_status(json);
    EXPECT_EQ(levels(insights), Ids{std::string(level)}) << name;
    ASSERT_FALSE(insights.runs.empty()) << name;
    EXPECT_FALSE(insights.runs[0].because.en.empty());
    EXPECT_FALSE(insights.runs[0].because.ja.empty());
    EXPECT_EQ(insights.runs[0].evidence.size(), 1U);
  }
}

TEST(StatusJson, HealthyAndRunningStatusesGiveNoFinding) {
  const std::string cases[] = {
      nested("success", "1", "success", " statusBlobUploadError=true, snapshotCreator=backupHostService"),
      nested("success", "0", "success_appconsistent"),
      nested("success", "3", "SuccessAlreadyProcessedInput"),
      nested("success", "4", "ExtensionTempTerminalState", "Transitioning state in extension"),
      nested("transitioning", "1", "success"),
      nested("success", "316", "FailedPrepostPluginConfigNotFound"),
      R"([{"version": "1.0", "timestampUTC": "2024-01-01T00:00:00Z", "status": {"name": "Install", "operation": "Install",
          "status": "success", "code": "0", "formattedMessage": {"lang": "en-US", "message": "Install Succeeded"}}}])",
  };
  for (const std::string& json : cases) {
    const Insights insights = read_status(json);
    EXPECT_EQ(rule_ids(insights), Ids{}) << json;
    EXPECT_TRUE(insights.errors.empty());
  }
}

TEST(StatusJson, FailureOfTheSnapshotIsFoundBehindTheOuterSuccess) {
  const Insights insights = read_status(nested("error", "76", "FailedRetryableSnapshotFailedNoNetwork", "no answer"));
  ASSERT_EQ(rule_ids(insights), Ids{"linux.status.snapshot-failed"});
  const Finding& finding = insights.findings[0];
  EXPECT_EQ(finding.severity, Severity::error);
  EXPECT_EQ(finding.component, "Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9225.0");
  EXPECT_EQ(finding.codes, (std::vector<std::string>{"FailedRetryableSnapshotFailedNoNetwork"}));
  EXPECT_NE(finding.title.en.find("76"), std::string::npos);
  EXPECT_NE(finding.evidence.at(0).excerpt.find("no answer"), std::string::npos);
}

TEST(StatusJson, SeverityFollowsTheCode) {
  const std::tuple<std::string_view, std::string_view, std::string_view, std::string_view, Severity> cases[] = {
      {"error", "173", "FailedRetryableSnapshotRateExceeded", "linux.status.snapshot-failed", Severity::warning},
      {"error", "402", "FailedGuestAgentInvokedCommandTooLate", "linux.status.snapshot-failed", Severity::error},
      {"error", "2", "error", "linux.status.snapshot-failed", Severity::error},
      {"error", "300", "FailedPrepostPreScriptFailed", "linux.status.snapshot-failed", Severity::error},
      {"success", "308", "FailedPrepostPreScriptTimeout", "linux.status.snapshot-degraded", Severity::warning},
      {"success", "1", "FailedWorkloadConnectionError", "linux.status.snapshot-degraded", Severity::warning},
      {"error", "9999", "", "linux.status.snapshot-failed", Severity::error},
      {"error", "121", "success", "linux.status.snapshot-failed", Severity::error},
  };
  for (const auto& [status, code, name, rule, severity] : cases) {
    const Insights insights = read_status(nested(status, code, name));
    ASSERT_EQ(rule_ids(insights), Ids{std::string(rule)}) << code;
    EXPECT_EQ(insights.findings[0].severity, severity) << code;
  }
}

TEST(StatusJson, FailureOfAnotherExtensionIsAWarning) {
  const Insights insights = read_status(
      R"([{"status": {"operation": "Enable", "status": "error", "code": 1, "formattedMessage": {"message": "exit status 1"}}}])",
      kOtherPath);
  ASSERT_EQ(rule_ids(insights), Ids{"linux.status.extension-failed"});
  EXPECT_EQ(insights.findings[0].severity, Severity::warning);
  EXPECT_EQ(insights.findings[0].component, "Microsoft.Azure.Extensions.CustomScript-2.1.10");
  EXPECT_TRUE(insights.runs.empty());
}

TEST(StatusJson, TheFileIsQuotedAsItIsNextToTheWordsMadeFromItsFields) {
  const Insights insights = read_status(
      "[{\"status\": {\"operation\": \"Enable\",\n  \"status\": \"error\", \"code\": 1,\n"
      "  \"formattedMessage\": {\"message\": \"Enable failed: \\\"x\\\" exit status 1\"}}}]",
      kOtherPath);
  ASSERT_EQ(rule_ids(insights), Ids{"linux.status.extension-failed"});
  const std::vector<Evidence>& evidence = insights.findings[0].evidence;
  ASSERT_EQ(evidence.size(), 2U);
  EXPECT_NE(evidence[1].excerpt.find(
                R"("status": "error", "code": 1, "formattedMessage": {"message": "Enable failed: \"x\" exit)"),
            std::string::npos)
      << evidence[1].excerpt;
}

TEST(StatusJson, SupersededStatusIsNotRead) {
  Artifact artifact;
  artifact.id = "linux.status-json";
  artifact.origin = "/var/lib/waagent/x-1/status/11_status";
  EXPECT_EQ(StatusJsonAnalyzer(check_rules()).scan(artifact), nullptr);
}

std::string agent_status(std::string_view agent, std::string_view handlers) {
  return R"({"version": "1.1", "timestampUTC": "2024-05-30T13:15:45Z", "aggregateStatus": {"guestAgentStatus": {"version":
    "2.11.1.4", "status": ")" +
         std::string(agent) +
         R"(", "formattedMessage": {"message": "Guest Agent is running"}}, "handlerAggregateStatus": [)" +
         std::string(handlers) + R"(]}, "guestOSInfo": null})";
}

TEST(AgentReport, ReadyAgentWithReadyHandlersGivesNoFinding) {
  const Insights insights = run_check<StatusJsonAnalyzer>(
      "linux.waagent-status-json", "/var/lib/waagent/waagent_status.json",
      agent_status(
          "Ready",
          R"({"handlerName": "Microsoft.Azure.RecoveryServices.VMSnapshotLinux", "handlerVersion": "1.0.9225.0",
        "status": "Ready", "code": 0, "formattedMessage": {"message": "Plugin enabled"}, "runtimeSettingsStatus":
        {"sequenceNumber": 3, "settingsStatus": {"timestampUTC": "2024-05-30T13:00:00Z", "version": 1.0, "status":
        {"name": "x", "operation": "Enable", "status": "success", "code": 1}}}},
        {"handlerName": "Other", "handlerVersion": "1", "status": "Installing", "code": 0})"));
  EXPECT_EQ(rule_ids(insights), Ids{});
  EXPECT_TRUE(insights.errors.empty());
}

TEST(AgentReport, AgentAndHandlersThatAreNotReadyAreNamed) {
  const Insights insights = run_check<StatusJsonAnalyzer>(
      "linux.waagent-status-json", "/var/lib/waagent/waagent_status.json",
      agent_status(
          "NotReady",
          R"({"handlerName": "Microsoft.Azure.RecoveryServices.VMSnapshotLinux", "handlerVersion": "1.0.9218.0",
        "status": "NotReady", "code": 1009, "formattedMessage": {"message": "Non-zero exit code: 1"}},
        {"handlerName": "Vendor.Thing", "handlerVersion": "2.0", "status": "Unresponsive", "code": 0},
        {"handlerName": "Vendor.Off", "handlerVersion": "2.0", "status": "NotReady", "code": 0, "message": "Plugin Disabled"})"));
  ASSERT_EQ(rule_ids(insights), (Ids{"linux.agent.not-ready", "linux.handler.not-ready", "linux.handler.not-ready",
                                     "linux.handler.not-ready"}));
  EXPECT_EQ(insights.findings[0].component, "WALinuxAgent-2.11.1.4");
  EXPECT_EQ(insights.findings[1].component, "Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9218.0");
  EXPECT_EQ(insights.findings[1].severity, Severity::error);
  EXPECT_EQ(insights.findings[2].severity, Severity::warning);
  EXPECT_EQ(insights.findings[3].severity, Severity::info);
}

TEST(HandlerStatus, ReadyIsHealthAndACodeIsNot) {
  const std::string_view path =
      "/var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9225.0/config/HandlerStatus";
  const std::pair<std::string_view, Ids> cases[] = {
      {R"({"code": 0, "name": "Microsoft.Azure.RecoveryServices.VMSnapshotLinux", "version": "1.0.9225.0", "status": "Ready"})",
       {}},
      {R"({"code": 1007, "name": "Microsoft.Azure.RecoveryServices.VMSnapshotLinux", "version": "1.0.9225.0",
           "status": "NotReady", "message": "[ExtensionOperationError] Non-zero exit code: 3"})",
       {"linux.handler.not-ready"}},
  };
  for (const auto& [json, ids] : cases) {
    EXPECT_EQ(rule_ids(run_check<StatusJsonAnalyzer>("linux.handler-status", path, json)), ids) << json;
  }
}

TEST(HandlerState, OnlyAFailedUpgradeIsAFinding) {
  const std::string_view path = "/var/lib/waagent/Vendor.Thing-1.2/config/HandlerState";
  const std::pair<std::string_view, Ids> cases[] = {
      {"Enabled", {}}, {"NotInstalled\n", {}}, {"", {}}, {"FailedUpgrade\n", {"linux.handler.upgrade-failed"}}};
  for (const auto& [word, ids] : cases) {
    const Insights insights = run_check<StatusJsonAnalyzer>("linux.handler-state", path, word);
    EXPECT_EQ(rule_ids(insights), ids) << word;
    for (const Finding& finding : insights.findings) EXPECT_EQ(finding.component, "Vendor.Thing-1.2");
  }
}

}  // namespace
}  // namespace vmtriage
