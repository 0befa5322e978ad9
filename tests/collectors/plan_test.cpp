#include "collectors/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "collectors/finder.h"

namespace vmtriage {
namespace {

namespace fs = std::filesystem;

/// A copied VM in a temporary folder.
class Plans : public testing::Test {
 protected:
  Plans() : root_(fs::temp_directory_path() / ("vmtriage-plan-" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
    fs::create_directories(root_);
    options_.root = root_.string();
  }
  ~Plans() override { fs::remove_all(root_); }

  void file(const std::string& path, const std::string& text = "x\n") {
    const fs::path whole = root_.string() + path;
    fs::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }
  void link(const std::string& path, const std::string& target) {
    const fs::path whole = root_.string() + path;
    fs::create_directories(whole.parent_path());
    fs::create_symlink(target, whole);
  }
  Plan plan() { return make_plan(Catalog::built_in(), options_, nullptr); }

  static std::vector<std::string> paths(const Plan& plan) {
    std::vector<std::string> found;
    for (const PlannedItem& item : plan.items) found.push_back(item.path);
    return found;
  }
  static std::string reason(const Plan& plan, const std::string& path) {
    for (const LeftOut& entry : plan.left_out.entries()) {
      if (entry.origin == path) return entry.reason;
    }
    return "";
  }
  static bool has(const Plan& plan, const std::string& path) {
    const auto all = paths(plan);
    return std::find(all.begin(), all.end(), path) != all.end();
  }

  fs::path root_;
  PlanOptions options_;
};

TEST_F(Plans, PutWhatNamesTheFailureFirst) {
  file("/var/log/zzz.log");
  file("/var/log/syslog");
  file("/var/log/waagent.log");
  file("/var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/extension.log");
  EXPECT_EQ(paths(plan()), (std::vector<std::string>{"/var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/extension.log",
                                                     "/var/log/waagent.log", "/var/log/syslog", "/var/log/zzz.log"}));
}

TEST_F(Plans, NeverTakeSecretsNotEvenThroughALink) {
  file("/etc/shadow");
  file("/var/log/azure/TransportPrivate.pem");
  file("/var/log/azure/host.prv");
  link("/var/log/azure/innocent.log", "/etc/shadow");
  link("/var/log/azure/innocent2.log", "TransportPrivate.pem");
  const Plan made = plan();
  EXPECT_TRUE(paths(made).empty());
  EXPECT_NE(reason(made, "/var/log/azure/host.prv").find("never collected"), std::string::npos);
  EXPECT_NE(reason(made, "/var/log/azure/innocent.log").find("leads out"), std::string::npos) << reason(made, "/var/log/azure/innocent.log");
}

TEST_F(Plans, NameEveryLinkThatIsNotFollowed) {
  link("/var/log/dangling.log", "/nowhere");
  link("/var/log/loop.log", "loop.log");
  link("/var/log/folder", "/var/log");
  file("/var/log/real.log");
  link("/var/log/good.log", "real.log");
  const Plan made = plan();
  EXPECT_NE(reason(made, "/var/log/dangling.log"), "");
  EXPECT_NE(reason(made, "/var/log/loop.log").find("too many links"), std::string::npos);
  EXPECT_NE(reason(made, "/var/log/folder").find("folder"), std::string::npos);
  EXPECT_EQ(made.items.size(), 1u) << "the file behind two names is taken once";
}

TEST_F(Plans, FindHanaLogsOnceByInode) {
  options_.profiles = {"sap-hana"};
  file("/hana/shared/NDB/HDB00/h1/trace/backup.log");
  file("/hana/shared/NDB/HDB00/h1/trace/DB_X/backint.log");
  link("/usr/sap/NDB/HDB00", "/hana/shared/NDB/HDB00");
  EXPECT_EQ(plan().items.size(), 2u);
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
  const auto start = fs::file_time_type::clock::now();
  for (const auto& [name, age] : {std::pair("a", 3), std::pair("b", 1), std::pair("c", 4), std::pair("d", 2)}) {
    file(std::string("/var/x/") + name + ".log");
    fs::last_write_time(root_.string() + "/var/x/" + name + ".log", start - std::chrono::hours(age));
  }
  const Plan made = make_plan(*catalog, options_, nullptr);
  EXPECT_EQ(paths(made), (std::vector<std::string>{"/var/x/b.log", "/var/x/d.log"}));
  EXPECT_NE(reason(made, "/var/x/c.log").find("the newest 2 were kept"), std::string::npos);
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

TEST_F(Plans, SayThatCommandsAreNotRunForACopiedDisk) {
  EXPECT_NE(reason(plan(), "cat /proc/self/mounts").find("not run"), std::string::npos);
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
      {"x/files/var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/1.0.9/extension.log", "linux.vmsnapshot.extension-log"},
      {"hana/shared/NDB/HDB00/h/trace/DB_X/backup.log", "linux.hana.backup-log"},
      {"b/commands/mounts.txt", "linux.command.mounts"},
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
