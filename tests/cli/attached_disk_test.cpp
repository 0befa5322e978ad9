#include "tests/cli/attached_disk.h"

#include "tests/cli/windows_vm.h"

namespace vmtriage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// The OS disk of a Windows VM that another machine has attached. Its names are spelled as some other Windows would.
class AttachedWindowsDisk : public CliTest {
 protected:
  void SetUp() override {
    if (disk_.root().empty()) GTEST_SKIP() << "this system gives no drive letter to a folder";
    disk_.put("WINDOWSAZURE/logs/WaAppAgent.log",
              "[00000018] 2024-05-01T16:35:45Z [ERROR] Could not get transport certificate\r\n");
    disk_.put("WINDOWSAZURE/GuestAgent_2.7.41491.1125_2024-05-30_131545/x.log", "x\r\n");
    disk_.put("WINDOWS/system32/WINEVT/logs/Application.evtx", failing_log());
    disk_.put("WINDOWS/system32/WINEVT/logs/SYSTEM.EVTX", log_of("sick-vm.contoso.local"));
    disk_.put("WINDOWS/system32/WINEVT/logs/SECURITY.EVTX", log_of("sick-vm.contoso.local"));
    disk_.put("WINDOWS/system32/CONFIG/sam", "key material");
    disk_.put("Restore/vm1-20240501/Scripts/MicrosoftAzureBackupILRLogFile.log", "log\r\n");
    disk_.put("Restore/vm1-20240501/Scripts/key.PEM", "key material");
    disk_.put("Restore/other/script.log", "log\r\n");
  }

  static std::string log_of(const std::string& computer) {
    using namespace evtx_writer;
    ChunkWriter chunk;
    chunk.record(
        1, classic_event({.provider = "EventLog", .id = 6005, .level = 4, .channel = "System", .computer = computer},
                         {}, ""));
    return file_of({chunk.finish()});
  }

  Outcome collect_disk(const Arguments& more = {}) const {
    Arguments arguments = {"collect", "--root",    disk_.root(), "-o",        target_,
                           "--batch", "--profile", "vss",        "--profile", "file-restore"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  std::string on_disk(std::string_view name) const {
    return std::filesystem::path(disk_.root() + std::string(name)).make_preferred().string();
  }

  const AttachedDisk disk_;
};

TEST_F(AttachedWindowsDisk, GivesItsFilesUnderTheNamesOfItsVm) {
  const Unpacked bundle =
      unpack(collect_disk({"--path", "C:\\Restore\\vm1-20240501", "--path", on_disk("Restore/other")}));
  EXPECT_THAT(
      collected(bundle),
      ElementsAre("C/Restore/other/script.log", "C/Restore/vm1-20240501/Scripts/MicrosoftAzureBackupILRLogFile.log",
                  "C/Windows/System32/winevt/Logs/Application.evtx", "C/Windows/System32/winevt/Logs/System.evtx",
                  "C/WindowsAzure/Logs/WaAppAgent.log"));
  for (const Json& file : bundle.manifest["files"]) {
    const std::string path = file["path"], origin = file["origin"];
    EXPECT_EQ(path.starts_with("files/"), origin.starts_with("C:\\")) << origin;
  }
  EXPECT_EQ(bundle.file("files/C/Windows/System32/winevt/Logs/Application.evtx"), failing_log());
  EXPECT_TRUE(finds(bundle.findings, "windows.vss.writer-nonretryable"));
  EXPECT_THAT(said_about(bundle.findings, "SECURITY.EVTX"), HasSubstr("--include-personal"));
  EXPECT_THAT(said_about(bundle.findings, "key.PEM"), HasSubstr("never collected"));
  EXPECT_FALSE(bundle.holds("key material"));
  EXPECT_EQ(run_program({"verify", bundle.zip}).exit_code, 0);
}

TEST_F(AttachedWindowsDisk, IsDescribedByItselfAndNotByTheMachineThatReadsIt) {
  const Unpacked bundle = unpack(collect_disk());
  EXPECT_FALSE(bundle.has("commands"));
  const std::string said = said_about(bundle.findings, "not run for a copied or mounted disk");
  for (const char* question : {"vssadmin list writers", "query: services", "query: registry"}) {
    EXPECT_THAT(said, HasSubstr(question));
  }
  const Json host = bundle.findings["host"], environment = bundle.manifest["environment"];
  EXPECT_EQ(host["name"], "sick-vm");
  EXPECT_EQ(host["platform"], "windows");
  EXPECT_EQ(environment["agent_version"], "2.7.41491.1125");
  EXPECT_EQ(environment["kernel"], "");
  EXPECT_THAT(std::filesystem::path(bundle.zip).filename().string(), StartsWith("vmtriage_sick-vm_"));
}

TEST_F(AttachedWindowsDisk, IsAnalyzedLikeItsBundle) {
  const Json here = analyze(disk_.root()).report(), there = unpack(collect_disk()).findings;
  EXPECT_TRUE(finds(here, "windows.vss.writer-nonretryable"));
  EXPECT_EQ(here["host"], there["host"]);
  EXPECT_EQ(here["findings"].size(), there["findings"].size());
}

TEST_F(AttachedWindowsDisk, IsAllOfItWhateverFolderOfItTheProgramIsStartedIn) {
  RunOptions options;
  options.folder = on_disk("Restore");
  const Json here = analyze(disk_.root()).report(), there = analyze(disk_.root(), {}, options).report();
  EXPECT_EQ(here["artifacts"], there["artifacts"]);
  const Outcome outcome = run_program({"collect", "--root", disk_.root(), "-o", target_, "--batch"}, options);
  EXPECT_TRUE(finds(unpack(outcome).findings, "windows.vss.writer-nonretryable"));
}

TEST_F(AttachedWindowsDisk, ProfileDecidesWhatIsTaken) {
  disk_.put("Packages/Plugins/Microsoft.Azure.RecoveryServices.VMSnapshot/1.0.119.0/Status/3.status", "[]");
  disk_.put("Program Files/Microsoft SQL Server/MSSQL15.MSSQLSERVER/MSSQL/Log/ERRORLOG", "x\r\n");
  const std::set<std::string> agent = {
      "C/Packages/Plugins/Microsoft.Azure.RecoveryServices.VMSnapshot/1.0.119.0/Status/3.status",
      "C/WindowsAzure/Logs/WaAppAgent.log"};
  const std::set<std::string> logs = {"C/Windows/System32/winevt/Logs/Application.evtx",
                                      "C/Windows/System32/winevt/Logs/System.evtx"};
  const std::set<std::string> sql = {"C/Program Files/Microsoft SQL Server/MSSQL15.MSSQLSERVER/MSSQL/Log/ERRORLOG"};
  const struct {
    Arguments profiles;
    std::vector<std::set<std::string>> expected;
  } cases[] = {
      {{"--profile", "minimal"}, {agent, logs}},
      {{}, {agent, logs}},
      {{"--profile", "vss"}, {agent, logs}},
      {{"--profile", "sql"}, {agent, logs, sql}},
      {{"--profile", "file-restore", "--path", "C:\\Restore\\other"}, {{"C/Restore/other/script.log"}}},
      {{"--profile", "everything"}, {agent, logs, sql}},
  };
  for (const auto& [profiles, expected] : cases) {
    std::set<std::string> all;
    for (const std::set<std::string>& each : expected) all.insert(each.begin(), each.end());
    Arguments arguments = {"collect", "--root", disk_.root(), "-o", target_, "--batch"};
    arguments.insert(arguments.end(), profiles.begin(), profiles.end());
    EXPECT_EQ(collected(unpack(run_program(arguments))), all) << ::testing::PrintToString(profiles);
  }
}

TEST_F(AttachedWindowsDisk, PathOfThreeHundredCharactersIsCollected) {
  std::string folder = "WINDOWSAZURE/logs/Plugins";
  for (int i = 0; i < 7; ++i) folder += "/" + std::string(40, static_cast<char>('a' + i));
  disk_.put(folder + "/deep.log", "deep\r\n");
  const Unpacked bundle = unpack(collect_disk());
  const std::string name = "C/WindowsAzure/Logs/Plugins" + folder.substr(folder.find("/aaa")) + "/deep.log";
  EXPECT_THAT(collected(bundle), ::testing::Contains(name));
}

TEST_F(AttachedWindowsDisk, BundleOnTheDiskItselfIsNoEvidence) {
  const std::string out = on_disk("WINDOWSAZURE/logs");
  for (int run = 0; run < 2; ++run) {
    const Outcome outcome = run_program({"collect", "--root", disk_.root(), "-o", out, "--batch"});
    const Unpacked bundle = unpack(outcome);
    EXPECT_THAT(collected(bundle, "vmtriage"), IsEmpty());
  }
}

}  // namespace
}  // namespace vmtriage
