#include "analyzers/checks/freeze_run.h"

#include <gtest/gtest.h>

#include <chrono>

#include "analyzers/text_rules.h"
#include "tests/analyzers/check_fixture.h"

namespace vmtriage {
namespace {

constexpr std::string_view kId = "linux.vmsnapshot.extension-log";
constexpr std::string_view kPath = "/var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/extension.log";

Insights read_log(std::string_view text) { return run_check<FreezeRunAnalyzer>(kId, kPath, text); }

/// Lines as Python 3 writes them, one second apart from `hour_minute` on.
std::string python3(std::string_view day_hour_minute, const std::vector<std::string>& messages) {
  std::string out;
  int second = 0;
  for (const std::string& message : messages) {
    const std::string digits = std::to_string(100 + second++ % 60).substr(1);
    out += std::string(day_hour_minute) + ":" + digits +
           ".123456 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]" + message + "\n";
  }
  return out;
}

const std::vector<std::string> kBegin = {
    "starting daemon initially",
    "patch_class_name: ubuntuPatching and orig_distro: ubuntu",
    "starting daemon for freezing the file system",
    "Enable,success,4,Transitioning state in extension,False",
    "Plugin host Config file does not exist in the location",
    "Triggering File System Consistent Backup because of error code StatusCode.FailedPrepostPluginConfigNotFound,",
    "isManagedVm=True, canTakeCrashConsistentSnapshot=False, backupRetryCount=0, numberOfDisks=2, "
    "takeCrashConsistentSnapshot=False",
    "PreSnapshot: Status Code: 200",
    "Taking Snapshot through Host",
    "T:S freeze, timeout value 60",
    "fsfreeze mount :/mnt",
    "fsfreeze mount :/",
    "skip freeze is : False",
    "arg : ['/var/lib/waagent/x/main/safefreeze/bin/safefreeze', '60', '/data', '/']",
    "proceeded for accepting signals",
};

/// What the extension kept in memory while nothing could be written, flushed after the thaw with its older times.
constexpr std::string_view kBuffered =
    R"(2024-03-01 02:00:40.500000 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]================== Logs during Freeze Start ==============
2024/03/01 02:00:15.200000  Info  Aquiring lock succeeded
2024/03/01 02:00:15.300000  Info  Thread for binary is called
2024/03/01 02:00:18.300000  Info  ****** 1. Starting Freeze Binary
2024/03/01 02:00:19.300000  Info  ****** 4. Freeze Completed (Signal=1 received)
2024/03/01 02:00:19.400000  Info  T:S freeze result
2024/03/01 02:00:19.500000  Info  ****** 5. Snaphotting (Host) Started
2024/03/01 02:00:22.500000  Info  ****** 6. Snaphotting (Host) Completed
2024/03/01 02:00:22.600000  Info  ****** 7. Sending Thaw Signal to Binary
================== Logs during Freeze End ==============
)";

const std::vector<std::string> kAfterThaw = {
    "============== Binary output traces start ================= ",
    "2024-03-01 02:00:18 ****** 2. Binary Freeze Started ",
    "2024-03-01 02:00:18 Freezing: /data",
    "2024-03-01 02:00:19 ****** 3. Binary Freeze Completed ",
    "2024-03-01 02:00:22 ****** 8. Binary Thaw Signal Received ",
    "2024-03-01 02:00:22 Thawing: /",
    "============== Binary output traces end ================= ",
    "T:S thaw result ",
    "T:S snapshotall ends...",
    "doFreezeSnapshot : run_result - 1 run_status - success",
};

std::vector<std::string> with(std::vector<std::string> lines, const std::vector<std::string>& more) {
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

std::string python3_run(std::string_view start, const std::vector<std::string>& ending) {
  return python3(start, kBegin) + std::string(kBuffered) + python3(start, with(kAfterThaw, ending));
}

const std::string kGoodRun = python3_run("2024-03-01 02:00", {"Enable,success,1,,False"});
const std::string kHungRun = python3("2024-03-01 02:00", kBegin);

constexpr std::string_view kPython2Run =
    R"(2019/05/14 02:10:00 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]starting daemon initially
2019/05/14 02:10:01 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]T:S freeze, timeout value 60
2019/05/14 02:10:01 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]proceeded for accepting signals
2019/05/14 02:10:12 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]================== Logs during Freeze Start ==============
2019-05-14 00:10:05.100000  Info  freezed
2019-05-14 00:10:05.200000  Info  ****** 4. Freeze Completed (Signal=1 received)
2019-05-14 00:10:06.000000  Info  ****** 5. Snaphotting (Guest-parallel) Started
2019-05-14 00:10:09.000000  Info  ****** 6. Snaphotting (Guest-parallel) Completed
================== Logs during Freeze End ==============
2019/05/14 02:10:13 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]2019-05-14 02:10:10 Thawing: /
2019/05/14 02:10:13 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]T:S thaw result
2019/05/14 02:10:13 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]T:S snapshotall ends...
2019/05/14 02:10:20 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]Enable,success,1,Enable Succeeded,False
)";

constexpr std::string_view kOldestRun =
    R"(2016/12/16 17:18:01 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]2016-12-16 17:18:01.100000  Info  starting daemon
2016/12/16 17:18:02 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]2016-12-16 17:18:02.200000  Info  proceeded for accepting signals
2016/12/16 17:18:02
2016/12/16 17:18:05 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]2016-12-16 17:18:05.200000  Info  freezing the mount: /data
2016/12/16 17:18:06 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]2016-12-16 17:18:06.200000  Info  T:S doing snapshot now...
2016/12/16 17:18:07 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]2016-12-16 17:18:07.200000  Info  unfreezing the mount: /data
2016/12/16 17:18:08 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]2016-12-16 17:18:08.200000  Info  T:S snapshotall ends...
2016/12/16 17:18:09 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]2016-12-16 17:18:09.200000  Info  unfreeze ends...
)";

constexpr std::string_view kHostDaemonRun =
    R"(2026-02-03 01:02:03.000001 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0][SnapshotRequest.freeze_safe] -> proceeded for accepting signals
2026-02-03 01:02:06.000001 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0][FreezeHandler.thread_for_binary] -> ****** 1. Starting Freeze Binary
2026-02-03 01:02:07.000001 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0][FreezeHandler.sigusr1_handler] -> ****** 4. Freeze Completed (Signal=1 received)
2026-02-03 01:02:09.000001 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0][SnapshotRequest.thaw_safe] -> ****** 7. Sending Thaw Signal to Binary
2026-02-03 01:02:10.000001 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0][FreezeHandler.sigchld_handler] -> ****** 9. Binary Process completed (Signal=2 received)
)";

TEST(SnapshotLogMessage, IsFoundBehindThePrefixesOfEveryGeneration) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"2024-01-14 22:16:48.123456 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]starting daemon initially",
       "starting daemon initially"},
      {"2016/12/16 17:18:09 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]2016-12-16 17:18:09.766289  Info  "
       "freezed",
       "freezed"},
      {"2021/02/26 09:41:45.748364  Info  ****** 1. Starting Freeze Binary ", "****** 1. Starting Freeze Binary"},
      {"2017-11-02 11:22:56 Failed to FITHAW: /boot", "Failed to FITHAW: /boot"},
      {"2026-02-03 01:02:03.000001 [M-1.0][FreezeHandler.startproc] -> freezed", "freezed"},
      {"2016/12/10 01:11:00 [M-1.0]2016-12-10 01:11:00.5  Info  ['/x/safefreeze', '60']", "['/x/safefreeze', '60']"},
      {"2016/12/10 01:11:00", ""},
      {"2017/11/14 03:06:52  StatusCode.FailedSnapshotLimitReached,", "StatusCode.FailedSnapshotLimitReached,"},
      {"", ""},
      {"[", "["},
  };
  for (const auto& [line, message] : cases) EXPECT_EQ(snapshot_log_message(line), message) << line;
}

TEST(FreezeRun, HealthyRunsOfEveryGenerationGiveFileSystemConsistencyAndNoFinding) {
  const std::pair<std::string_view, std::string> cases[] = {
      {"Python 3", kGoodRun},
      {"Python 2", std::string(kPython2Run)},
      {"oldest", std::string(kOldestRun)},
  };
  for (const auto& [name, text] : cases) {
    const Insights insights = read_log(text);
    EXPECT_EQ(rule_ids(insights), Ids{}) << name;
    EXPECT_EQ(levels(insights), Ids{"file-system"}) << name;
    ASSERT_FALSE(insights.runs.empty()) << name;
    EXPECT_NE(insights.runs[0].because.en.find("normal"), std::string::npos) << insights.runs[0].because.en;
    EXPECT_FALSE(insights.runs[0].because.ja.empty());
    EXPECT_TRUE(insights.runs[0].time.has_value()) << name;
    EXPECT_FALSE(insights.runs[0].evidence.empty()) << name;
  }
}

TEST(FreezeRun, HostDaemonRunWithoutAResultLineGivesNoFinding) {
  Artifact artifact;
  artifact.id = "linux.vmsnapshot.host-based-log";
  const Insights insights = run_check<FreezeRunAnalyzer>(artifact, kHostDaemonRun);
  EXPECT_EQ(rule_ids(insights), Ids{});
  EXPECT_EQ(levels(insights), Ids{"unknown"});
}

TEST(FreezeRun, ScriptsThatSucceedGiveApplicationConsistency) {
  std::vector<std::string> begin = kBegin;
  begin[4] = "App Consistent Consistent Backup Enabled";
  begin[5] = "Finished prescript execution from PluginHost side. Continue Backup: True";
  const std::string text =
      python3("2024-03-01 02:00", begin) + std::string(kBuffered) +
      python3("2024-03-01 02:00",
              with(kAfterThaw, {"Enable Succeeded with App Consistent Snapshot", "Enable,success,0,,False"}));
  EXPECT_EQ(levels(read_log(text)), Ids{"application"});
  EXPECT_EQ(rule_ids(read_log(text)), Ids{});
}

TEST(FreezeRun, ScriptsThatFailAreNamedAsTheReasonForFileSystemConsistency) {
  std::vector<std::string> begin = kBegin;
  begin[4] = "App Consistent Consistent Backup Enabled";
  begin[5] = "Prescript for ScriptRunner failed with error code: 2 .";
  const Insights insights = read_log(python3("2024-03-01 02:00", begin) + std::string(kBuffered) +
                                     python3("2024-03-01 02:00", with(kAfterThaw, {"Enable,success,1,,False"})));
  ASSERT_EQ(levels(insights), Ids{"file-system"});
  EXPECT_NE(insights.runs[0].because.en.find("error code: 2"), std::string::npos) << insights.runs[0].because.en;
}

TEST(FreezeRun, EveryKindOfFailureIsNamedInTheVerdict) {
  const std::pair<std::vector<std::string>, std::string_view> cases[] = {
      {{"Failed to FIFREEZE: /data/dblog with error message: Device or resource busy", "freeze failed for some mount",
        "T:S Enable failed with error: ['freeze failed for some mount'] StatusCode.FailedRetryableFsFreezeFailed,"},
       "/data/dblog"},
      {{"Failed to open: /mnt/nfs with error: -1 and error message: Permission denied",
        "file open failed for some mount",
        "T:S Enable failed with error: x StatusCode.FailedRetryableUnableToOpenMount,"},
       "/mnt/nfs"},
      {{"freeze timed-out",
        "T:S ###### Enable failed with error: freeze took longer than timeout "
        "StatusCode.FailedRetryableFsFreezeTimeout,"},
       "in time"},
      {{"Failed to receive timely Thaw from parent process", "snapshot result inconsistent"},
       "longer than the freeze may last"},
      {{"****** 7. Error - Binary Process Already Completed", "snapshot result inconsistent"}, "before the snapshot"},
      {{"Failed to FITHAW: /boot"}, "/boot"},
      {{"Mount Points already freezed by some other processor"}, "nother product"},
      {{"T:S snapshot result: errorcode: 409", "StatusCode.FailedRetryableSnapshotFailedRestrictedNetwork,"},
       "FailedRetryableSnapshotFailedRestrictedNetwork"},
      {{"T:S Enable failed with FailedSnapshotLimitReached errror StatusCode.FailedSnapshotLimitReached,"},
       "FailedSnapshotLimitReached"},
      {{"CRP timeout limit has reached, will not take snapshot."}, "time limit"},
      {{"safefreeze binary is missing in the following path /var/lib/waagent/x"}, "safefreeze"},
      {{"PreScript failed for the plugin ScriptRunner StatusCode.FailedPrepostPreScriptFailed,"},
       "FailedPrepostPreScriptFailed"},
      {{"Enable,error,2,Enable failed,False"}, "code 2"},
  };
  for (const auto& [lines, words] : cases) {
    const Insights insights = read_log(python3("2024-03-01 02:00", kBegin) +
                                       python3("2024-03-01 02:01", with(lines, {"Enable,error,2,x,False"})));
    ASSERT_EQ(levels(insights), Ids{"unknown"}) << lines[0];
    EXPECT_NE(insights.runs[0].because.en.find(words), std::string::npos) << insights.runs[0].because.en;
    EXPECT_EQ(rule_ids(insights), Ids{}) << "a single line is a rule's business: " << lines[0];
  }
}

TEST(FreezeRun, SnapshotWithoutAFreezeThatTheServiceAcceptsIsCrashConsistent) {
  std::vector<std::string> begin = kBegin;
  begin[6] =
      "isManagedVm=True, canTakeCrashConsistentSnapshot=True, backupRetryCount=2, numberOfDisks=1, "
      "takeCrashConsistentSnapshot=True";
  const Insights insights =
      read_log(python3("2024-03-01 02:00", begin) +
               python3("2024-03-01 02:01",
                       {"freeze failed for some mount", "T:S snapshotall ends...", "Enable,success,1,,False"}));
  EXPECT_EQ(levels(insights), Ids{"crash"});
}

TEST(FreezeRun, SkippedFreezeIsCrashConsistent) {
  std::vector<std::string> begin = kBegin;
  begin.resize(12);
  const Insights insights =
      read_log(python3("2024-03-01 02:00",
                       with(begin, {"skip freeze is : True", "T:S snapshotall ends...", "Enable,success,1,,False"})));
  EXPECT_EQ(levels(insights), Ids{"crash"});
}

TEST(FreezeRun, FreezeThatIsFollowedOnlyByALaterStartNeverEnded) {
  const Insights insights =
      read_log(kGoodRun + kHungRun + python3_run("2024-03-01 06:40", {"Enable,success,1,,False"}));
  ASSERT_EQ(rule_ids(insights), Ids{"linux.freeze.never-thawed"});
  EXPECT_EQ(levels(insights), (Ids{"file-system", "unknown", "file-system"}));
  const Finding& finding = insights.findings[0];
  EXPECT_EQ(finding.severity, Severity::error);
  EXPECT_EQ(finding.count, 1U);
  ASSERT_EQ(finding.evidence.size(), 3U);
  EXPECT_NE(finding.evidence[0].excerpt.find("proceeded for accepting signals"), std::string::npos);
  EXPECT_NE(finding.evidence[1].excerpt.find("starting daemon initially"), std::string::npos);
  EXPECT_NE(finding.evidence[2].excerpt.find("T:S freeze, timeout value 60"), std::string::npos);
}

TEST(FreezeRun, NextStartWithinAFreezesTimeIsNoHang) {
  const Insights insights = read_log(kHungRun + python3("2024-03-01 02:01", kBegin) + std::string(kBuffered) +
                                     python3("2024-03-01 02:01", with(kAfterThaw, {"Enable,success,1,,False"})));
  EXPECT_EQ(rule_ids(insights), Ids{});
}

TEST(FreezeRun, EnableDuringAFreezeWhoseLinesStillComeIsNoHang) {
  const std::string text =
      kHungRun + python3("2024-03-01 02:10", {"starting enable", "the sequence number are same, so skip"}) +
      std::string(kBuffered) + python3("2024-03-01 02:11", with(kAfterThaw, {"Enable,success,1,,False"}));
  EXPECT_EQ(rule_ids(read_log(text)), Ids{});
  EXPECT_EQ(levels(read_log(text)), Ids{"file-system"});
}

TEST(FreezeRun, DiskRestoredFromARecoveryPointIsNoHang) {
  const std::string text =
      kHungRun +
      python3("2024-05-01 02:00",
              {"starting enable", "Enable,success,4,Transitioning state in extension,False",
               "starting daemon initially", "machine identity not same, set current_seq_no to -1 A B"}) +
      python3_run("2024-05-01 02:01", {"Enable,success,1,,False"});
  EXPECT_EQ(rule_ids(read_log(text)), Ids{});
}

TEST(FreezeRun, LogThatEndsInAFreezeIsReported) {
  const std::pair<std::string_view, std::string> cases[] = {
      {"waiting for the helper", kHungRun},
      {"reading the helper's output",
       "2019-11-23 21:12:24.539751  Info  freeze_safe after returning from startproc : sig_handle=0\n"
       "2019-11-23 21:12:24.540054  Info  ============== Binary output traces start =================\n"},
      {"blank end", kHungRun + "\n\n"},
      {"a remark below the copied log", kHungRun + "<nothing more from the backup agent>\n"},
  };
  for (const auto& [name, text] : cases) {
    const Insights insights = read_log(text);
    EXPECT_EQ(rule_ids(insights), Ids{"linux.freeze.log-ends-frozen"}) << name;
    EXPECT_EQ(levels(insights), Ids{"unknown"}) << name;
  }
}

TEST(FreezeRun, LogTakenInTheMiddleOfABackupIsNoHang) {
  Artifact artifact;
  artifact.id = kId;
  artifact.modified = now();
  const std::string stamp = format_time(now());
  const std::string line =
      stamp.substr(0, 10) + " " + stamp.substr(11, 8) +
      ".000000 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]proceeded for accepting signals\n";
  EXPECT_EQ(rule_ids(run_check<FreezeRunAnalyzer>(artifact, line)), Ids{});
}

TEST(FreezeRun, RotatedLogThatEndsInAFreezeGoesOnInTheNextFile) {
  EXPECT_EQ(rule_ids(run_check<FreezeRunAnalyzer>(kId, "/var/log/azure/x/extension.log.1", kHungRun)), Ids{});
}

TEST(FreezeRun, LogCutBetweenOtherLinesIsNoHang) {
  EXPECT_EQ(rule_ids(read_log(python3("2024-03-01 02:00", {kBegin.begin(), kBegin.end() - 2}))), Ids{});
  EXPECT_EQ(rule_ids(read_log(kHungRun + "2024/03/01 02:00:15.300000  Info  inside while with sig_handle 0\n")), Ids{});
}

TEST(FreezeRun, ThreeFailedRunsInARowAreReportedUntilOneSucceeds) {
  const std::string bad = python3(
      "2024-03-02 02:00", {"starting daemon initially", "Failed to FIFREEZE: /data", "Enable,error,121,x,False"});
  EXPECT_EQ(rule_ids(read_log(bad + bad)), Ids{});
  const Insights insights = read_log(kGoodRun + bad + bad + bad);
  ASSERT_EQ(rule_ids(insights), Ids{"linux.snapshot.runs-failing"});
  EXPECT_EQ(insights.findings[0].count, 3U);
  EXPECT_EQ(rule_ids(read_log(bad + bad + bad + kGoodRun)), Ids{});
}

/// What the rules and the check say together about a log.
Insights read_with_rules(std::string_view text) {
  Artifact artifact;
  artifact.id = kId;
  artifact.origin = kPath;
  Insights insights;
  const TextRules rules(check_rules(), [](std::string_view line) { return std::string(line); });
  const FreezeRunAnalyzer check(check_rules());
  for (const Analyzer* analyzer : {static_cast<const Analyzer*>(&rules), static_cast<const Analyzer*>(&check)}) {
    const auto scan = analyzer->scan(artifact);
    scan->block({text, false}, 1);
    scan->finish(insights);
  }
  return insights;
}

std::optional<Severity> severity_of(const Insights& insights, std::string_view rule) {
  for (const Finding& finding : insights.findings) {
    if (finding.rule_id == rule) return finding.severity;
  }
  return std::nullopt;
}

std::string run_with(std::string_view day_hour_minute, std::vector<std::string> ending) {
  std::vector<std::string> messages = kBegin;
  messages.insert(messages.end(), ending.begin(), ending.end());
  return python3(day_hour_minute, messages);
}

std::string good_run(std::string_view day_hour_minute) {
  return run_with(day_hour_minute, {"T:S thaw result (True, [])", "T:S snapshotall ends...", "Enable,success,1,Enable Succeeded,False"});
}

std::string refused_run(std::string_view day_hour_minute) {
  return run_with(day_hour_minute, {"2024-03-01 02:00:19 Failed to FIFREEZE: /data with error message: Device or resource busy",
                                    "Enable,error,121,Enable failed,True"});
}

TEST(FreezeRun, FailureBeforeAGoodRunIsANote) {
  constexpr std::string_view kRule = "linux.freeze.fifreeze-failed";
  EXPECT_EQ(severity_of(read_with_rules(refused_run("2024-03-01 02:00")), kRule), Severity::error);
  EXPECT_EQ(severity_of(read_with_rules(refused_run("2024-03-01 02:00") + good_run("2024-03-02 02:00")), kRule), Severity::info);
  EXPECT_EQ(severity_of(read_with_rules(good_run("2024-03-01 02:00") + refused_run("2024-03-02 02:00")), kRule), Severity::error);
}

TEST(FreezeRun, NightsThatKeepFailingAreNoMatterOfThePast) {
  std::string often, seldom;
  for (const std::string day : {"01", "03", "05"}) {
    often += refused_run("2024-03-" + day + " 02:00") + good_run("2024-03-" + day + " 22:00");
    seldom += refused_run("2024-" + day + "-01 02:00") + good_run("2024-" + day + "-02 22:00");
  }
  EXPECT_EQ(severity_of(read_with_rules(often), "linux.freeze.fifreeze-failed"), Severity::error);
  EXPECT_EQ(severity_of(read_with_rules(seldom), "linux.freeze.fifreeze-failed"), Severity::info);
}

TEST(FreezeRun, FailedScriptIsOverOnlyWhenScriptsSucceedAgain) {
  const std::string fails = run_with("2024-03-01 02:00", {"Prescript for ScriptRunner failed with error code: 1 .", "T:S thaw result (True, [])",
                                                          "Enable,success,1,Enable Succeeded,False"});
  const std::string scripts_work = run_with("2024-03-03 02:00", {"T:S thaw result (True, [])", "Enable Succeeded with App Consistent Snapshot",
                                                                 "Enable,success,0,Enable Succeeded with App Consistent Snapshot,False"});
  constexpr std::string_view kRule = "linux.prepost.pre-failed";
  EXPECT_EQ(severity_of(read_with_rules(fails + good_run("2024-03-02 02:00")), kRule), Severity::error);
  EXPECT_EQ(severity_of(read_with_rules(fails + scripts_work), kRule), Severity::info);
}

TEST(FreezeRun, EnableWithoutADaemonIsNoRun) {
  const Insights insights = read_log(
      python3("2024-04-12 07:35",
              {"starting enable", "taskId: dc9c0031", "Sleeping for milliseconds: 2545",
               "Enable,success,4,Transitioning state in extension,False",
               "Failed to retrieve the distinfo with error: module 'platform' has no attribute 'dist', stack trace"}));
  EXPECT_EQ(rule_ids(insights), Ids{});
  EXPECT_EQ(levels(insights), Ids{});
}

TEST(FreezeRun, TimesOfPython3LinesAreUtcAndOfPython2LinesLocal) {
  EXPECT_EQ(read_log(kGoodRun).runs.at(0).evidence.at(0).clock, Clock::utc);
  EXPECT_EQ(read_log(kPython2Run).runs.at(0).evidence.at(0).clock, Clock::local);
}

TEST(FreezeRun, UnknownTextIsReadOnlyWhenItIsAnExtensionLog) {
  EXPECT_EQ(levels(run_check<FreezeRunAnalyzer>("text.unknown", "/tmp/log.txt", kGoodRun)), Ids{"file-system"});
  EXPECT_EQ(levels(run_check<FreezeRunAnalyzer>("text.unknown", "/tmp/log.txt", "Freezing: water\nEnable,error,2,x\n")),
            Ids{});
  Artifact other;
  other.id = "linux.syslog";
  EXPECT_EQ(FreezeRunAnalyzer(check_rules()).scan(other), nullptr);
}

TEST(FreezeRun, OnlyTheNewestTwoHundredVerdictsAreKept) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += kPython2Run;
  EXPECT_EQ(read_log(text).runs.size(), 200U);
}

}  // namespace
}  // namespace vmtriage
