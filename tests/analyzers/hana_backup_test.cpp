#include "analyzers/checks/hana_backup.h"

#include <gtest/gtest.h>

#include "tests/analyzers/check_fixture.h"

namespace vmtriage {
namespace {

constexpr std::string_view kTrace = "/hana/shared/NDB/HDB00/hanab1/trace/";

Insights read_backup_log(std::string_view text) {
  return run_check<HanaBackupAnalyzer>("linux.hana.backup-log", std::string(kTrace) + "DB_PRD/backup.log", text);
}
Insights read_backint_log(std::string_view text) {
  return run_check<HanaBackupAnalyzer>("linux.hana.backint-log", std::string(kTrace) + "backint.log", text);
}

TEST(HanaBackupLine, IsReadWithMaskedAndMissingFields) {
  const std::tuple<std::string_view, std::string_view, std::string_view, std::string_view> cases[] = {
      {"2025-06-18T00:26:08-04:00  P0007897      1978149802f INFO    LOGBCKUP state of service: x, BackupLogSuccess",
       "1978149802f", "LOGBCKUP", "state of service: x, BackupLogSuccess"},
      {"2026-01-17T03:04:27-03:00 ............ 19bca0e919c ERROR RECOVERY RECOVER DATA finished with error: [448] x",
       "19bca0e919c", "RECOVERY", "RECOVER DATA finished with error: [448] x"},
      {"INFO    BACKUP   SAVE DATA finished successfully", "", "BACKUP", "SAVE DATA finished successfully"},
  };
  for (const auto& [line, id, component, message] : cases) {
    const auto parsed = parse_hana_backup_line(line);
    ASSERT_TRUE(parsed.has_value()) << line;
    EXPECT_EQ(parsed->id, id);
    EXPECT_EQ(parsed->component, component);
    EXPECT_EQ(parsed->message, message);
  }
  for (const std::string_view line :
       {"", "    ", "exception  1: no.110507", "ERROR", "some ERROR text", "a b c d e f INFO BACKUP x"}) {
    EXPECT_FALSE(parse_hana_backup_line(line).has_value()) << line;
  }
}

TEST(HanaRootCause, IsTheLastBracketedCode) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"SAVE DATA finished with error: [447] backup could not be completed, [110507] Backint exited with exit code 1",
       "[110507] Backint exited with exit code 1"},
      {"[447] backup could not be completed, [2000008] Error during asynchronous file transfer (io_getevents), rc=28: "
       "No space "
       "left on device; $fileCallback$=[W] , buffer= 0x0, fullRetries= [0]",
       "[2000008] Error during asynchronous file transfer (io_getevents), rc=28: No space left on device"},
      {"SAVE DATA finished with error: [447] backup could not be completed", "[447] backup could not be completed"},
      {"nothing [here] at all", ""},
      {"[", ""},
      {"[447", ""},
      {"", ""},
  };
  for (const auto& [message, cause] : cases) EXPECT_EQ(hana_root_cause(message), cause) << message;
}

TEST(HanaDatabase, IsReadOffThePath) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"/hana/shared/NDB/HDB00/hanab1/trace/backup.log", "SYSTEMDB@NDB (hanab1)"},
      {"/hana/shared/NDB/HDB00/hanab1/trace/DB_PRD/backup.log", "DB_PRD@NDB (hanab1)"},
      {"copied/usr/sap/HDB/HDB01/host/trace/backint.log", "SYSTEMDB@HDB (host)"},
      {"/tmp/backup.log", "SAP HANA"},
      {"", "SAP HANA"},
  };
  for (const auto& [path, name] : cases) EXPECT_EQ(hana_database_of(path).name(), name) << path;
}

constexpr std::string_view kHealthy =
    R"(2025-06-18T00:26:08-04:00  P0007897      1978149802f INFO    LOGBCKUP state of service: nameserver, hanab1:30001, volume: 1, BackupLogSuccess
2025-06-18T00:26:08-04:00  P0007897      1978149867e INFO    LOGBCKUP state of service: nameserver, hanab1:30001, volume: 0, BackupExecuteCatalogBackupInProgress
2025-06-18T00:41:07-04:00  P0007897      19781573bd1 INFO    LOGBCKUP state of service: nameserver, hanab1:30001, volume: 1, BackupLogStarted
2025-06-18T01:00:00-04:00  P0007897      19781600000 INFO    BACKUP   command: backup data for PRD using backint ('FULL_1')
2025-06-18T01:00:01-04:00  P0007897      19781600000 INFO    BACKUP   progress of service: indexserver, hanab1:30003, volume: 3, 100% 9/9
2025-06-18T01:00:02-04:00  P0007897      19781600000 INFO    BACKUP   SAVE DATA finished successfully
)";
constexpr std::string_view kDataFailure =
    R"(2025-06-18T02:00:00-04:00  P0007897      19781700000 INFO    BACKUP   command: backup data for PRD using backint ('FULL_2')
2025-06-18T02:00:01-04:00  P0007897      19781700000 INFO    BACKUP   state of service: indexserver, hanab1:30003, volume: 3, BackupError
2025-06-18T02:00:01-04:00  P0007897      19781700000 INFO    BACKUP   state of service: nameserver, hanab1:30001, volume: 1, BackupAbortSavepointFinished
2025-06-18T02:00:02-04:00  P0007897      19781700000 ERROR   BACKUP   SAVE DATA finished with error: [447] backup could not be completed, [110507] Backint exited with exit code 1 instead of 0
)";

TEST(HanaBackup, HealthyLogGivesNoFinding) {
  const Insights insights = read_backup_log(kHealthy);
  EXPECT_EQ(rule_ids(insights), Ids{});
  EXPECT_TRUE(insights.errors.empty());
}

TEST(HanaBackup, LinesOfOneBackupAreOneFailureWithItsRootCause) {
  const Insights insights = read_backup_log(std::string(kHealthy) + std::string(kDataFailure));
  ASSERT_EQ(rule_ids(insights), Ids{"linux.hana.data-backup-failed"});
  const Finding& finding = insights.findings[0];
  EXPECT_EQ(finding.component, "DB_PRD@NDB (hanab1)");
  EXPECT_EQ(finding.count, 1U);
  EXPECT_EQ(finding.evidence.size(), 2U);
  EXPECT_NE(finding.title.en.find("[110507] Backint exited"), std::string::npos) << finding.title.en;
  ASSERT_TRUE(finding.first_seen.has_value());
  EXPECT_EQ(format_time(*finding.first_seen), "2025-06-18T06:00:01Z");
}

TEST(HanaBackup, LaterSuccessMakesTheFailureANote) {
  const Insights insights = read_backup_log(std::string(kDataFailure) + std::string(kHealthy));
  ASSERT_EQ(rule_ids(insights), Ids{"linux.hana.data-backup-recovered"});
  EXPECT_EQ(insights.findings[0].severity, Severity::info);
}

TEST(HanaBackup, RecognisedByItsContentItIsNoRotatedLog) {
  Artifact artifact;
  artifact.id = "linux.hana.backup-log";
  artifact.origin = "case/nodeA.txt";
  artifact.by_content = true;
  const Insights insights = run_check<HanaBackupAnalyzer>(artifact, kDataFailure);
  ASSERT_EQ(rule_ids(insights), Ids{"linux.hana.data-backup-failed"});
  EXPECT_EQ(insights.findings[0].severity, Severity::error);
}

TEST(HanaBackup, VolumeThatMovedToAnotherHostHasRecovered) {
  const auto line = [](std::string_view time, std::string_view host, std::string_view state) {
    return std::string(time) + "  P0007897      1978149802f INFO    LOGBCKUP state of service: indexserver, " +
           std::string(host) + ":30003, volume: 3, " + std::string(state) + "\n";
  };
  const std::string fails = line("2025-06-18T00:26:08-04:00", "hanab1", "BackupLogError");
  EXPECT_EQ(rule_ids(read_backup_log(fails + line("2025-06-18T00:41:08-04:00", "hanab2", "BackupLogSuccess"))), Ids{});
}

TEST(HanaBackup, VolumeThatIsSilentForAWeekNoLongerExists) {
  const auto line = [](std::string_view time, int volume, std::string_view state) {
    return std::string(time) + "  P0007897      1978149802f INFO    LOGBCKUP state of service: indexserver, hanab1:30003, volume: " +
           std::to_string(volume) + ", " + std::string(state) + "\n";
  };
  const std::string fails = line("2025-06-18T00:26:08-04:00", 3, "BackupLogError");
  EXPECT_EQ(rule_ids(read_backup_log(fails + line("2025-06-20T00:41:08-04:00", 2, "BackupLogSuccess"))),
            Ids{"linux.hana.log-backup-failed"});
  EXPECT_EQ(rule_ids(read_backup_log(fails + line("2025-06-28T00:41:08-04:00", 2, "BackupLogSuccess"))), Ids{});
}

TEST(HanaBackup, FailureAtTheEndOfARotatedLogIsOnlyAWarning) {
  const Insights insights =
      run_check<HanaBackupAnalyzer>("linux.hana.backup-log", std::string(kTrace) + "backup.log.1", kDataFailure);
  ASSERT_EQ(rule_ids(insights), Ids{"linux.hana.data-backup-failed"});
  EXPECT_EQ(insights.findings[0].severity, Severity::warning);
}

TEST(HanaBackup, LogsFoundElsewhereAreReadAndOthersOfThatNameGiveNothing) {
  EXPECT_EQ(
      rule_ids(run_check<HanaBackupAnalyzer>("linux.hana.backup-log-elsewhere", "/data/backup.log", kDataFailure)),
      Ids{"linux.hana.data-backup-failed"});
  EXPECT_EQ(rule_ids(run_check<HanaBackupAnalyzer>("linux.hana.backup-log-elsewhere", "/data/backup.log",
                                                   "Backup Status\nError: The device reported an error\nsuccess\n")),
            Ids{});
}

TEST(HanaBackup, LinesWithoutTimeAndIdAreUnderstood) {
  const Insights insights = read_backup_log(
      "INFO    BACKUP   state of service: nameserver, <hostname>:30001, volume: 0, BackupError\n"
      "ERROR   BACKUP   SAVE DATA finished with error: [447] backup could not be completed\n");
  ASSERT_EQ(rule_ids(insights), Ids{"linux.hana.data-backup-failed"});
  EXPECT_EQ(insights.findings[0].count, 1U);
}

std::string log_state(int number, int volume, std::string_view state) {
  return "2015-01-18T09:09:27+00:00  P051968      14afc4dd" + std::to_string(100 + number) +
         " INFO    LOGBCKUP state of service: nameserver, hand04:39701, volume: " + std::to_string(volume) + ", " +
         std::string(state) + "\n";
}

TEST(HanaBackup, LogBackupFailureAtLevelInfoIsFound) {
  const Insights insights = read_backup_log(log_state(1, 1, "BackupLogError"));
  ASSERT_EQ(rule_ids(insights), Ids{"linux.hana.log-backup-failed"});
  EXPECT_EQ(insights.findings[0].severity, Severity::error);
}

TEST(HanaBackup, LogBackupRecoversByVolume) {
  const std::string fails = log_state(1, 1, "BackupLogError");
  EXPECT_EQ(rule_ids(read_backup_log(fails + log_state(2, 1, "BackupLogSuccess"))), Ids{});
  EXPECT_EQ(rule_ids(read_backup_log(fails + log_state(2, 2, "BackupLogSuccess"))),
            Ids{"linux.hana.log-backup-failed"});
  EXPECT_EQ(rule_ids(read_backup_log(fails + log_state(2, 1, "BackupLogError") + log_state(3, 1, "BackupLogError") +
                                     log_state(4, 1, "BackupLogSuccess"))),
            Ids{"linux.hana.log-backup-recovered"});
}

TEST(HanaBackup, FailedRecoveryIsFound) {
  const Insights insights = read_backup_log(
      "2026-01-17T03:04:27-03:00 ............ 19bca0e919c ERROR RECOVERY RECOVER DATA finished with error: [448] "
      "recovery could "
      "not be completed, volume <>, reached log position <>, [71000018] ptime::PtimeException\n");
  ASSERT_EQ(rule_ids(insights), Ids{"linux.hana.restore-failed"});
  EXPECT_NE(insights.findings[0].title.en.find("[71000018]"), std::string::npos);
}

TEST(HanaBackup, ManyFailuresKeepMemoryAndEvidenceSmall) {
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    text += "2015-01-18T09:09:27+00:00  P051968      14afc" + std::to_string(100000 + i) +
            " ERROR   BACKUP   SAVE DATA finished with error: [447] backup could not be completed\n";
  }
  const Insights insights = read_backup_log(text);
  ASSERT_EQ(insights.findings.size(), 1U);
  EXPECT_EQ(insights.findings[0].count, 2000U);
  EXPECT_EQ(insights.findings[0].evidence.size(), kMaxExcerpts);
}

std::string call_start(std::string_view time, int pid, std::string_view kind = "COMPLETE") {
  return std::string(time) +
         " backint started:\n  command: /usr/sap/NDB/SYS/global/hdb/opt/hdbbackint -f backup -p x -l " +
         std::string(kind) + "\n  pid: " + std::to_string(pid) +
         "\n  input:\n  #SOFTWAREID \"backint 1.04\" \"HANA HDB server 2.00.071\"\n  #PIPE \"/usr/sap/x\"\n";
}
std::string call_end(std::string_view time, int pid, int exit_code, std::string_view output) {
  return std::string(time) + " backint terminated:\n  pid: " + std::to_string(pid) +
         "\n  exit code: " + std::to_string(exit_code) + "\n  output:\n" + std::string(output);
}
constexpr std::string_view kSaved = "  #SAVED \"123\" \"/usr/sap/x\"\n";
constexpr std::string_view kException =
    "  exception:\n  exception  1: no.110507  (Backup/Destination/Backint/impl/BackupDestBackint_Executor.cpp:250)\n"
    "      Backint exited with exit code 1 instead of 0. console output: 403 Forbidden\n";

TEST(Backint, CallsThatEndWellGiveNoFinding) {
  EXPECT_EQ(rule_ids(read_backint_log(call_start("2024-02-08 14:10:41.266", 3702) +
                                      call_end("2024-02-08 14:20:41.967", 3702, 0, kSaved))),
            Ids{});
}

TEST(Backint, FailedCallIsReportedWithItsExceptionText) {
  const Insights insights = read_backint_log(call_start("2024-02-08 14:10:41.266", 3702) +
                                             call_end("2024-02-08 14:10:41.967", 3702, 1, kException));
  ASSERT_EQ(rule_ids(insights), Ids{"linux.hana.backint-failed"});
  EXPECT_EQ(insights.findings[0].count, 1U);
  EXPECT_EQ(insights.findings[0].component, "backint program of SYSTEMDB@NDB (hanab1)");
  EXPECT_NE(insights.findings[0].title.en.find("403 Forbidden"), std::string::npos);
  EXPECT_EQ(insights.findings[0].evidence.back().excerpt,
            "Backint exited with exit code 1 instead of 0. console output: 403 Forbidden");
}

TEST(Backint, ErrorLineCountsThoughTheExitCodeIsZero) {
  EXPECT_EQ(rule_ids(read_backint_log(call_end("2024-02-08 14:10:41.967", 1, 0, "  #ERROR \"/usr/sap/x\"\n"))),
            Ids{"linux.hana.backint-failed"});
}

TEST(Backint, SameCallSucceedingLaterIsARecovery) {
  const auto fails = [](std::string_view kind) {
    return call_start("2024-02-08 14:10:41.266", 3702, kind) + call_end("2024-02-08 14:10:41.967", 3702, 1, kException);
  };
  const auto works = [](std::string_view kind) {
    return call_start("2024-02-08 15:10:41.266", 3703, kind) + call_end("2024-02-08 15:10:41.967", 3703, 0, kSaved);
  };
  EXPECT_EQ(rule_ids(read_backint_log(fails("COMPLETE") + works("COMPLETE"))), Ids{"linux.hana.backint-recovered"});
  EXPECT_EQ(rule_ids(read_backint_log(fails("COMPLETE") + works("LOG"))), Ids{"linux.hana.backint-failed"});
  EXPECT_EQ(rule_ids(read_backint_log(fails("LOG") + works("LOG"))), Ids{});
}

TEST(Backint, CallWithoutAnEndIsReportedOnceItIsSurelyDead) {
  const std::string open = call_start("2024-02-08 14:10:41.266", 3702);
  EXPECT_EQ(rule_ids(read_backint_log(open)), Ids{});
  EXPECT_EQ(rule_ids(read_backint_log(open + call_start("2024-02-08 16:10:41.266", 3703))), Ids{});
  EXPECT_EQ(rule_ids(read_backint_log(open + call_start("2024-02-10 14:10:41.266", 3703) +
                                      call_end("2024-02-10 14:10:42.266", 3703, 0, kSaved))),
            Ids{"linux.hana.backint-unfinished"});
  EXPECT_EQ(rule_ids(read_backint_log(open + call_start("2024-02-08 18:10:41.266", 3702) +
                                      call_end("2024-02-08 18:10:42.266", 3702, 0, kSaved))),
            Ids{"linux.hana.backint-unfinished"});
}

}  // namespace
}  // namespace vmtriage
