#include "analyzers/windows_runs.h"

#include <gtest/gtest.h>

#include "analyzers/event_rules.h"

namespace vmtriage {
namespace {

std::vector<RunVerdict> runs_of(const std::string& text) {
  const EventRules rules(RuleBase::built_in(), [](std::string_view line) { return std::string(line); });
  Artifact artifact;
  artifact.id = "windows.events.export";
  artifact.origin = "events/Application.txt";
  const auto scan = rules.scan(artifact);
  scan->block(Block{text, false}, 1);
  Insights insights;
  scan->finish(insights);
  return insights.runs;
}

/// An event as Event Viewer copies it, at a time of 1 May 2024.
std::string event(std::string_view source, int id, std::string_view time, std::string_view description) {
  return "Log Name:      System\nSource:        " + std::string(source) + "\nDate:          2024-05-01T" +
         std::string(time) + "Z\nEvent ID:      " + std::to_string(id) + "\nLevel:         Error\nDescription:\n" +
         std::string(description) + "\n\n";
}

std::string rejected(std::string_view time, std::string_view writer = "WMI Writer",
                     std::string_view id = "a6ad56c2-b509-4e6c-bb19-49d8f43532f0") {
  return event("VSS", 8229, time,
               "A VSS writer has rejected an event with error 0x800423f4, x\n\nOperation:\n   PostSnapshot Event\n\n"
               "Context:\n   Writer Class Id: {" +
                   std::string(id) + "}\n   Writer Name: " + std::string(writer));
}

const std::string kHoldTimeout =
    "The flush and hold writes operation on volume C: timed out while waiting for a release writes command.";
const std::string kMade =
    "Shadow copy has been created.\n\nProcess image name: "
    R"(C:\Packages\Plugins\Microsoft.Azure.RecoveryServices.VMSnapshot\1.0\IaaSBcdrExtension.exe)";

bool says(const RunVerdict& run, std::string_view words) { return run.because.en.find(words) != std::string::npos; }

TEST(WindowsRuns, FailedWriterMakesARunFileSystemConsistentAndIsNamedWithItsError) {
  const auto runs = runs_of(rejected("02:03:04"));
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].level, Consistency::file_system);
  EXPECT_EQ(runs[0].writers, std::vector<std::string>{"WMI Writer"});
  EXPECT_TRUE(says(runs[0], "WMI Writer"));
  EXPECT_TRUE(says(runs[0], "VSS 8229 0x800423f4"));
  EXPECT_TRUE(says(runs[0], "next three attempts"));
  EXPECT_NE(runs[0].because.ja.find("4 回目"), std::string::npos);
  ASSERT_EQ(runs[0].evidence.size(), 1u);
  EXPECT_NE(runs[0].evidence[0].excerpt.find("rejected an event"), std::string::npos);
  EXPECT_EQ(format_time(*runs[0].time), "2024-05-01T02:03:04Z");
}

TEST(WindowsRuns, SeveralWritersOfOneRunAreOneVerdictAndRunsHoursApartAreTwo) {
  const auto runs =
      runs_of(rejected("02:03:04") + rejected("02:03:05", "SqlServerWriter", "a65faa63-5ea8-4ebc-9dbd-a0c4db26912a") +
              rejected("06:03:05"));
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].writers, (std::vector<std::string>{"WMI Writer", "SqlServerWriter"}));
  EXPECT_EQ(runs[1].writers, std::vector<std::string>{"WMI Writer"});
}

TEST(WindowsRuns, FailedSnapshotGivesNoLevelAndNamesWhatWasLoggedBesideIt) {
  const auto runs = runs_of(event("volsnap", 8, "02:03:04", kHoldTimeout) +
                            event("disk", 153, "02:02:50",
                                  "The IO operation at logical block address 0x1 for Disk 2 "
                                  "(PDO name: \\Device\\00000032) was retried."));
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].level, Consistency::unknown);
  EXPECT_TRUE(runs[0].failed);
  EXPECT_TRUE(says(runs[0], "volsnap 8"));
  EXPECT_TRUE(says(runs[0], "disk 153")) << runs[0].because.en;
}

TEST(WindowsRuns, ShadowCopyOfAzureBackupWithoutComplaintIsApplicationConsistent) {
  const auto runs = runs_of(event("VSSAudit", 8222, "02:03:04", kMade));
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].level, Consistency::application);
  EXPECT_TRUE(says(runs[0], "Applications without a writer"));
  EXPECT_EQ(runs_of(event("VSSAudit", 8222, "02:03:04", kMade) + rejected("02:03:00")).size(), 1u);
  EXPECT_TRUE(runs_of(event("VSSAudit", 8222, "02:03:04", "Process image name: C:\\x\\other.exe")).empty());
}

TEST(WindowsRuns, TimeInWhichTheVmWasOffIsCrashConsistent) {
  const auto runs = runs_of(event("EventLog", 6006, "01:00:00", "The Event log service was stopped.") +
                            event("EventLog", 6005, "05:00:00", "The Event log service was started."));
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].level, Consistency::crash);
  EXPECT_TRUE(says(runs[0], "2024-05-01T05:00:00Z"));
  EXPECT_EQ(runs[0].evidence.size(), 2u);
}

TEST(WindowsRuns, RestartOfAMinuteIsNoRun) {
  EXPECT_TRUE(runs_of(event("EventLog", 6006, "01:00:00", "x") + event("EventLog", 6005, "01:01:00", "x")).empty());
}

TEST(WindowsRuns, ClearedLogSaysThatNothingIsKnownBefore) {
  const auto runs =
      runs_of(event("Microsoft-Windows-Eventlog", 104, "01:00:00", "The Application log file was cleared."));
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].level, Consistency::unknown);
  EXPECT_TRUE(says(runs[0], "cleared"));
}

TEST(WindowsRuns, WindowsServerBackupIsNoRunOfAzureBackupButNamedBesideOne) {
  const std::string other =
      event("Microsoft-Windows-Backup", 521, "02:03:30",
            "The backup operation that started at '2024-05-01T02:00:00Z' has failed because the Volume "
            "Shadow Copy Service operation to create a shadow copy of the volumes being backed up "
            "failed with following error code '0x80780049'.");
  EXPECT_TRUE(runs_of(other).empty());
  const auto runs = runs_of(rejected("02:03:04") + other);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_TRUE(says(runs[0], "Another backup was at work then: Microsoft-Windows-Backup 521")) << runs[0].because.en;
}

TEST(WindowsRuns, EventWithoutTimeMakesAVerdictWithoutOne) {
  const auto runs = runs_of(
      "Source: VSS\nEvent ID: 8229\nDescription:\nA VSS writer has rejected an event with error "
      "0x800423f4, x\n\nContext:\n   Writer Name: WMI Writer\n");
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_FALSE(runs[0].time);
  EXPECT_EQ(runs[0].level, Consistency::file_system);
}

TEST(WindowsRuns, SlowOrHealthyWritersAreNoFailure) {
  EXPECT_TRUE(runs_of(event("VSS", 8224, "02:03:04", "The VSS service is shutting down due to idle timeout.")).empty());
  EXPECT_TRUE(runs_of(event("VSS", 8194, "02:03:04",
                            "Volume Shadow Copy Service error: Unexpected error querying for the IVssWriterCallback "
                            "interface. hr = 0x80070005, Access is denied."))
                  .empty());
}

}  // namespace
}  // namespace vmtriage
