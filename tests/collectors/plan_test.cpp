#include "collectors/plan.h"

#include <gtest/gtest.h>

#include <set>

#include "agent/base/temporary_name.h"
#include "collectors/finder.h"
#include "tests/collectors/plan_fixture.h"

namespace vmtriage {
namespace {

TEST_F(Plans, PutWhatNamesTheFailureFirst) {
  file("/var/log/zzz.log");
  file("/var/log/syslog");
  file("/var/log/waagent.log");
  file("/var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/extension.log");
  EXPECT_EQ(paths(plan()), (std::vector<std::string>{"/var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/extension.log",
                                                     "/var/log/waagent.log", "/var/log/syslog", "/var/log/zzz.log"}));
}

TEST_F(Plans, SearchForHanaLogsOnlyWhereTheUsualPlacesAreEmpty) {
  options_.profiles = {"sap-hana"};
  file("/data/odd/place/backup.log");
  EXPECT_TRUE(has(plan(), "/data/odd/place/backup.log"));
  file("/hana/shared/NDB/HDB00/h1/trace/backup.log");
  EXPECT_FALSE(has(plan(), "/data/odd/place/backup.log"));
}

TEST_F(Plans, KeepTheNewestPartOfALongTextAndLeaveOutALongCompressedFile) {
  options_.max_file_size = 100;
  file("/var/log/syslog", std::string(250, 'a'));
  file("/var/log/syslog.1.gz", std::string(250, 'a'));
  const Plan made = plan();
  ASSERT_EQ(made.items.size(), 1u);
  EXPECT_EQ(made.items[0].skip_bytes, 150u);
  EXPECT_NE(reason(made, "/var/log/syslog.1.gz").find("too large"), std::string::npos);
}

TEST_F(Plans, KeepTheNewestOfTooManyFilesOfAKind) {
  const std::string xml = R"(<catalog os="linux"><artifact id="linux.x" priority="1" profiles="vm-backup" max-files="2">
<doc>x</doc><glob>/var/x/*.log</glob></artifact></catalog>)";
  const EmbeddedFile catalog_file{"x.xml", xml};
  const auto catalog = Catalog::parse(std::span(&catalog_file, 1));
  ASSERT_TRUE(catalog) << catalog.error().what;
  const auto start = std::filesystem::file_time_type::clock::now();
  for (const auto& [name, age] : {std::pair("a", 3), std::pair("b", 1), std::pair("c", 4), std::pair("d", 2)}) {
    file(std::string("/var/x/") + name + ".log");
    std::filesystem::last_write_time(folder_.path() + "/var/x/" + name + ".log", start - std::chrono::hours(age));
  }
  const Plan made = make_plan(*catalog, options_, nullptr);
  EXPECT_EQ(paths(made), (std::vector<std::string>{"/var/x/b.log", "/var/x/d.log"}));
  EXPECT_NE(reason(made, "/var/x/c.log").find("the newest 2 were kept"), std::string::npos);
}

TEST_F(Plans, GiveAFolderThatOneKindTakesWholeToNoOther) {
  const std::string xml = R"(<catalog os="linux">
<artifact id="linux.x" priority="1" profiles="vm-backup" max-files="1"><doc>x</doc><glob>/var/log/x/**</glob></artifact>
<artifact id="linux.y" priority="2" profiles="vm-backup"><doc>y</doc><glob>/var/log/y/**</glob><except>**/*.bin</except></artifact>
<artifact id="linux.all" priority="3" profiles="vm-backup"><doc>all</doc><glob>/var/log/**</glob></artifact></catalog>)";
  const EmbeddedFile catalog_file{"x.xml", xml};
  const auto catalog = Catalog::parse(std::span(&catalog_file, 1));
  ASSERT_TRUE(catalog) << catalog.error().what;
  for (const char* name : {"x/a", "x/sub/b", "xx/c", "y/d", "y/e.bin", "z/x/f"}) file(std::string("/var/log/") + name);
  const Plan made = make_plan(*catalog, options_, nullptr);
  std::multiset<std::string> kinds;
  for (const PlannedItem& item : made.items) kinds.insert(item.spec->id + " " + item.path);
  // Of x the newer one of two is taken and the other is named, once; what y does not want is still everybody's.
  EXPECT_EQ(kinds.count("linux.x /var/log/x/a") + kinds.count("linux.x /var/log/x/sub/b"), 1u);
  EXPECT_EQ(kinds.count("linux.all /var/log/x/a") + kinds.count("linux.all /var/log/x/sub/b"), 0u);
  for (const char* kind : {"linux.all /var/log/xx/c", "linux.y /var/log/y/d", "linux.all /var/log/y/e.bin", "linux.all /var/log/z/x/f"})
    EXPECT_EQ(kinds.count(kind), 1u) << kind;
  EXPECT_EQ(kinds.size(), 5u);
}

TEST_F(Plans, SayNothingOfAFolderWhoseFilesAnotherKindHas) {
  file("/var/log/azure/X/extension.log");
  options_.paths = {"/var/log"};
  options_.includes = {"/var/log/**/extension.log", "/var/none/**"};
  const Plan made = plan();
  EXPECT_EQ(paths(made), (std::vector<std::string>{"/var/log/azure/X/extension.log"}));
  for (const char* path : {"/var/log", "/var/log/**", "/var/log/**/extension.log"}) EXPECT_EQ(reason(made, path), "") << path;
  EXPECT_NE(reason(made, "/var/none/**").find("not found"), std::string::npos);
}

TEST_F(Plans, TryTheNextSmallerFileWhenTheBudgetIsUsedUp) {
  options_.max_total_size = 100;
  file("/var/log/waagent.log", std::string(60, 'a'));
  file("/var/log/syslog", std::string(60, 'a'));
  file("/var/log/zzz.log", std::string(30, 'a'));
  const Plan made = plan();
  EXPECT_EQ(paths(made), (std::vector<std::string>{"/var/log/waagent.log", "/var/log/zzz.log"}));
  EXPECT_NE(reason(made, "/var/log/syslog").find("total budget"), std::string::npos);
}

TEST_F(Plans, LeaveSignInLogsOutUnlessAsked) {
  file("/var/log/auth.log");
  EXPECT_NE(reason(plan(), "/var/log/auth.log").find("personal"), std::string::npos);
  options_.personal = true;
  EXPECT_TRUE(has(plan(), "/var/log/auth.log"));
}

TEST_F(Plans, TakeTheFolderAndTheScriptOfAFileRestore) {
  options_.profiles = {"file-restore"};
  options_.paths = {"/root/myVM-20240501093913"};
  file("/root/myVM-20240501093913/Scripts/MicrosoftAzureBackupILRLogFile.log");
  EXPECT_TRUE(has(plan(), "/root/myVM-20240501093913/Scripts/MicrosoftAzureBackupILRLogFile.log"));
}

TEST_F(Plans, OfWindowsRefuseSecretsHoweverTheyAreSpelt) {
  options_.os = "windows";
  options_.includes = {"/Temp/**"};
  file("/Temp/Server.Pfx");
  file("/Temp/sAm");
  file("/Temp/setup.log");
  const Plan made = plan();
  EXPECT_EQ(paths(made), (std::vector<std::string>{"/Temp/setup.log"}));
  for (const char* secret : {"C:\\Temp\\Server.Pfx", "C:\\Temp\\sAm"}) {
    EXPECT_NE(reason(made, secret).find("never collected"), std::string::npos) << secret;
  }
}

TEST_F(Plans, OfWindowsFindFilesHoweverTheyAreSpelt) {
  options_.os = "windows";
  options_.excludes = {"*.BAK"};
  file("/WindowsAzure/Logs/WAAPPAGENT.LOG");
  file("/WindowsAzure/Logs/old.bak");
  const Plan made = plan();
  EXPECT_EQ(paths(made), (std::vector<std::string>{"/WindowsAzure/Logs/WAAPPAGENT.LOG"}));
  EXPECT_EQ(reason(made, "C:\\WindowsAzure\\Logs\\old.bak"), "excluded by --exclude");
}

TEST_F(Plans, OfWindowsFindFoldersHoweverTheyAreSpelt) {
  options_.os = "windows";
  file("/WINDOWSAZURE/logs/waappagent.log");
  file("/windows/SYSTEM32/Winevt/LOGS/system.evtx");
  file("/windows/SYSTEM32/Winevt/LOGS/SECURITY.EVTX");
  const Plan made = plan();
  EXPECT_EQ(paths(made), (std::vector<std::string>{"/WindowsAzure/Logs/waappagent.log",
                                                   "/Windows/System32/winevt/Logs/System.evtx"}));
  EXPECT_NE(reason(made, "C:\\Windows\\System32\\winevt\\Logs\\Security.evtx").find("personal"), std::string::npos);
  for (const PlannedItem& item : made.items)
    EXPECT_TRUE(read_file(below(folder_.path(), item.resolved), 100).ok()) << item.resolved;
}

TEST_F(Plans, OfLinuxTellTheCaseOfNamesApart) {
  file("/VAR/log/syslog");
  file("/var/LOG/waagent.log");
  // Windows' own file system finds them.
  const bool is_told_apart = !file_info(folder_.path() + "/var/log/syslog").ok();
  EXPECT_EQ(paths(plan()).empty(), is_told_apart);
}

TEST_F(Plans, TakeNoTemporaryOfThisProgram) {
  file("/var/log/" + temporary_name());
  const Plan made = plan();
  EXPECT_TRUE(paths(made).empty());
  ASSERT_FALSE(made.left_out.entries().empty());
}

TEST_F(Plans, OfWindowsTakeWhatTheUserNames) {
  options_.os = "windows";
  options_.profiles = {"file-restore"};
  options_.paths = {"/Temp/vm1-20240501093913"};
  options_.includes = {"/inetpub/logs/*.log"};
  file("/Temp/vm1-20240501093913/Scripts/log.txt");
  file("/Temp/vm1-20240501093913/run.exe");
  file("/inetpub/logs/u_ex.log");
  const Plan made = plan();
  EXPECT_TRUE(has(made, "/Temp/vm1-20240501093913/Scripts/log.txt"));
  EXPECT_TRUE(has(made, "/Temp/vm1-20240501093913/run.exe"));
  EXPECT_TRUE(has(made, "/inetpub/logs/u_ex.log"));
}

TEST_F(Plans, TakeAnEventLogInUseWhateverItsTimeSays) {
  options_.os = "windows";
  options_.since = now() + std::chrono::hours(1);
  file("/Windows/System32/winevt/Logs/System.evtx");
  file("/Windows/System32/winevt/Logs/Archive-System-2024-05-01-10-20-30-123.evtx");
  EXPECT_EQ(paths(plan()), (std::vector<std::string>{"/Windows/System32/winevt/Logs/System.evtx"}));
}

TEST_F(Plans, SayThatCommandsAreNotRunForACopiedDisk) {
  EXPECT_NE(reason(plan(), "cat /proc/self/mounts").find("not run"), std::string::npos);
}

TEST_F(Plans, WhatARunThatWasEndedDidNotLookForIsNotSaidToBeMissing) {
  file("/var/log/waagent.log");
  const std::atomic<bool> stop{true};
  const Plan made = make_plan(Catalog::built_in(), options_, &stop);
  ASSERT_FALSE(made.left_out.entries().empty());
  for (const LeftOut& row : made.left_out.entries()) EXPECT_NE(row.reason, "not found") << row.origin;
}

TEST(ScriptLocations, AreReadFromTheConfiguration) {
  EXPECT_EQ(script_locations(R"({"preScriptLocation" : "/etc/azure/pre.sh", "postScriptLocation":"/etc/azure/post.sh"})"),
            (std::vector<std::string>{"/etc/azure/pre.sh", "/etc/azure/post.sh"}));
  EXPECT_TRUE(script_locations(R"({"preScriptLocation" : "relative.sh", "postScriptLocation")").empty());
}

TEST(Catalogue, RecognisesAFileByTheEndOfItsPath) {
  const Catalog& catalog = Catalog::built_in();
  const std::pair<const char*, const char*> kPaths[] = {
      {"case/vm/var/log/waagent.log.3.gz", "linux.waagent.log"},
      {"var/log/waagent.log-2023-06-05-1685981958.gz", "linux.waagent.log"},
      {"x/files/var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/1.0.9/extension.log",
       "linux.vmsnapshot.extension-log"},
      {"hana/shared/NDB/HDB00/h/trace/DB_X/backup.log", "linux.hana.backup-log"},
      {"b/commands/mounts.txt", "linux.command.mounts"},
      {"disk/WINDOWSAZURE/logs/WaAppAgent.LOG", "windows.agent.waappagent-log"},
      {"disk/windows/system32/WINEVT/logs/SECURITY.EVTX", "windows.evtx.security"},
      {"var/log/messages-20240501", "linux.syslog"},
      {"var/lib/waagent/Microsoft.X-1.0/status/3.status", "linux.status-json"}};
  for (const auto& [path, id] : kPaths) {
    const ArtifactSpec* spec = catalog.recognise(path);
    ASSERT_NE(spec, nullptr) << path;
    EXPECT_EQ(spec->id, id) << path;
  }
  EXPECT_EQ(catalog.recognise("some/thing.txt"), nullptr);
}

TEST(Catalogue, RefusesABrokenFileWithItsLine) {
  const EmbeddedFile file{"c.xml", "<catalog os='linux'>\n<artifact id='a' format='odd'><glob>/x</glob></artifact></catalog>"};
  const auto catalog = Catalog::parse(std::span(&file, 1));
  ASSERT_FALSE(catalog);
  EXPECT_NE(catalog.error().what.find("c.xml:2:"), std::string::npos) << catalog.error().what;
}

}  // namespace
}  // namespace vmtriage
