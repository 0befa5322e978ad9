#include "analyzers/checks/windows_consistency.h"

#include <gtest/gtest.h>

#include "tests/analyzers/check_fixture.h"

namespace vmtriage {
namespace {

const RuleBase& rules() {
  static const RuleBase base = [] {
    std::vector<EmbeddedFile> files;
    for (const EmbeddedFile& file : embedded_files()) {
      if (file.path == "analyzers/rules/windows-vss-checks.xml") files.push_back(file);
    }
    auto parsed = RuleBase::parse(files);
    if (!parsed) throw std::runtime_error(parsed.error().what);
    return std::move(*parsed);
  }();
  return base;
}

constexpr std::string_view kSnapshotPath =
    R"(C:\Packages\Plugins\Microsoft.Azure.RecoveryServices.VMSnapshot\1.0.119.0\Status\3.status)";
constexpr std::string_view kOtherPath = R"(C:\Packages\Plugins\Microsoft.Compute.BGInfo\2.1\Status\0.status)";

Insights read(std::string_view json, std::string_view origin = kSnapshotPath) {
  Artifact artifact;
  artifact.id = "windows.status-json";
  artifact.format = Format::json;
  artifact.origin = origin;
  Insights insights;
  const WindowsConsistencyAnalyzer analyzer(rules());
  const auto scan = analyzer.scan(artifact);
  if (scan == nullptr) return insights;
  scan->block({json, false}, 1);
  scan->finish(insights);
  return insights;
}

std::string status(std::string_view word, std::string_view code, std::string_view message, std::string_view more = "") {
  return R"([{"version":"1.0","timestampUTC":"2024-05-01T02:03:04Z","status":{"name":"x","operation":"Enable","status":")" +
         std::string(word) + R"(","code":)" + std::string(code) + R"(,"formattedMessage":{"lang":"en-US","message":")" +
         std::string(message) + "\"}" + std::string(more) + "}}]";
}

TEST(WindowsConsistency, LevelComesFromWhatTheExtensionReports) {
  const std::tuple<std::string, std::string_view> cases[] = {
      {status("success", "1", R"({\"snapshotConsistency\": 2})"), "application"},
      {status("success", "1", R"({\"snapshotConsistency\": 1})"), "file-system"},
      {status("success", "1", R"({\"snapshotConsistency\": 3})"), "crash"},
      {status("success", "0", "done", R"(,"telemetryData":[{"Key":"extErrorCode","Value":"success_appconsistent"}])"),
       "application"},
      {status("success", "1", "Snapshot is file system consistent, SqlServerWriter failed"), "file-system"},
      {status("success", "1", "Snapshot is not application consistent"), "file-system"},
      {status("success", "1", "Application consistent snapshot taken"), "application"},
      {status("success", "0", "Command completed"), "unknown"},
      {status("error", "4", "VSS failed StatusCode.FailedVssWriterInBadState, retry"), "unknown"},
  };
  for (const auto& [json, level] : cases) {
    const Insights insights = read(json);
    ASSERT_EQ(insights.runs.size(), 1U) << json;
    EXPECT_EQ(name_of(insights.runs[0].level), level) << json;
    EXPECT_FALSE(insights.runs[0].because.en.empty());
    EXPECT_FALSE(insights.runs[0].because.ja.empty());
    EXPECT_EQ(insights.runs[0].evidence.size(), 1U);
    EXPECT_EQ(format_time(*insights.runs[0].time), "2024-05-01T02:03:04Z");
  }
}

TEST(WindowsConsistency, FileSystemLevelNamesTheWriterAndWhatComesNext) {
  const Insights insights = read(status("success", "1", "file system consistent: SqlServerWriter failed"));
  ASSERT_EQ(insights.runs.size(), 1U);
  EXPECT_NE(insights.runs[0].because.en.find("(SqlServerWriter)"), std::string::npos) << insights.runs[0].because.en;
  EXPECT_EQ(insights.runs[0].writers, Ids{"SqlServerWriter"});
  EXPECT_NE(insights.runs[0].because.en.find("next three"), std::string::npos);
  EXPECT_NE(insights.runs[0].because.ja.find("4 回目"), std::string::npos);
}

TEST(WindowsConsistency, FailureIsAFindingWithItsCode) {
  const Insights insights = read(status("error", "4", "VSS failed StatusCode.FailedVssWriterInBadState, retry"));
  ASSERT_EQ(rule_ids(insights), Ids{"windows.status.snapshot-failed"});
  EXPECT_EQ(insights.findings[0].component, "Microsoft.Azure.RecoveryServices.VMSnapshot-1.0.119.0");
  EXPECT_EQ(insights.findings[0].codes, Ids{"FailedVssWriterInBadState"});
}

TEST(WindowsConsistency, OtherExtensionsGiveNoVerdict) {
  const Insights insights = read(status("error", "7", "no"), kOtherPath);
  EXPECT_TRUE(insights.runs.empty());
  EXPECT_EQ(rule_ids(insights), Ids{"windows.status.extension-failed"});
  EXPECT_EQ(insights.findings[0].severity, Severity::warning);
  EXPECT_TRUE(read(status("success", "0", "ok"), kOtherPath).findings.empty());
}

TEST(WindowsConsistency, RunUnderWayAndHeartbeatsAreSilent) {
  EXPECT_TRUE(read(status("transitioning", "0", "")).runs.empty());
  const Insights heartbeat =
      read(R"([{"version":1.0,"heartbeat":{"status":"ready"}}])", R"(C:\Packages\x\y\Status\HeartBeat.Json)");
  EXPECT_TRUE(heartbeat.errors.empty());
}

TEST(WindowsConsistency, DamagedFileIsReported) {
  const Insights insights = read("{\"status\":");
  ASSERT_EQ(insights.errors.size(), 1U);
  EXPECT_EQ(insights.errors[0].code, ErrorCode::corrupt);
}

Insights read_log(std::string_view text) {
  return run_check<WindowsConsistencyAnalyzer>("windows.vmsnapshot.bcdr-log", "IaaSBcdrExtension0.log", text);
}

TEST(WindowsConsistency, LogOfTheExtensionTellsTheLevelOfEachRun) {
  const Insights insights = read_log(
      "2024-05-01T02:03:04Z INFO Trying to take an application consistent snapshot\n"
      "2024-05-01T02:03:09Z ERROR VSS writer SqlServerWriter failed: state [9], 0x800423f4\n"
      "2024-05-01T02:03:12Z INFO snapshotConsistency: 1\n"
      "2024-05-02T02:03:12Z INFO Snapshot completed, application-consistent\n");
  ASSERT_EQ(levels(insights), (Ids{"file-system", "application"}));
  EXPECT_EQ(insights.runs[0].writers, Ids{"SqlServerWriter"});
  EXPECT_EQ(insights.runs[0].evidence.size(), 2U);
  EXPECT_EQ(format_time(*insights.runs[0].time), "2024-05-01T02:03:09Z");
  EXPECT_TRUE(insights.runs[1].writers.empty());
}

TEST(WindowsConsistency, LogThatOnlyPlansASnapshotGivesNoVerdict) {
  EXPECT_TRUE(read_log("2024-05-01T02:03:04Z INFO Going to request app consistent snapshot\n"
                       "2024-05-01T02:03:05Z INFO VSS writers: 14, System Writer stable\n")
                  .runs.empty());
}

TEST(WindowsConsistency, AggregateStatusHasEveryExtension) {
  const Insights insights = run_check<WindowsConsistencyAnalyzer>(
      "windows.agent.aggregate-status", R"(C:\WindowsAzure\Logs\AggregateStatus\aggregatestatus.json)",
      R"({"version":"1.0","timestampUTC":"2024-05-01T02:03:04Z","aggregateStatus":{"guestAgentStatus":
         {"version":"2.7","status":"Ready","formattedMessage":{"message":"GuestAgent is running."}},"handlerAggregateStatus":[
         {"handlerName":"Microsoft.Azure.RecoveryServices.VMSnapshot","handlerVersion":"1.0.119.0","status":"Ready","runtimeSettingsStatus":
           {"settingsStatus":{"status":{"operation":"Enable","status":"success","code":1,"formattedMessage":{"message":"{\"snapshotConsistency\": 2}"}}}}},
         {"handlerName":"Microsoft.Compute.BGInfo","handlerVersion":"2.1","status":"Installing","code":0},
         {"handlerName":"Contoso.Scanner","handlerVersion":"3.0","status":"NotReady","code":1007,"formattedMessage":{"message":"no answer"}}]}})");
  EXPECT_TRUE(insights.errors.empty());
  ASSERT_EQ(rule_ids(insights), Ids{"windows.status.extension-not-ready"});
  EXPECT_EQ(insights.findings[0].component, "Contoso.Scanner-3.0");
  EXPECT_NE(insights.findings[0].evidence[0].excerpt.find("NotReady, code 1007: no answer"), std::string::npos);
  EXPECT_EQ(levels(insights), Ids{"application"});
}

}  // namespace
}  // namespace vmtriage
