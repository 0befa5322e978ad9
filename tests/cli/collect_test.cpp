#include <chrono>
#include <regex>
#include <thread>

#include "tests/cli/cli.h"
#include "tests/collectors/one_shot_server.h"

namespace vmtriage {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

constexpr const char* kExtensionLog = "var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/extension.log";

class Collect : public CliTest {
 protected:
  Unpacked bundle(const Arguments& more = {}) const { return unpack(collect(more)); }
};

// ---- what is chosen

TEST_F(Collect, ProfileDecidesWhatIsTaken) {
  put("var/log/waagent.log", "x\n");
  put("var/log/dpkg.log", "x\n");
  put("hana/shared/HDB/HDB00/vm1/trace/backup.log", "x\n");
  put("root/vm1_20240501/Scripts/MicrosoftAzureBackupILRLogFile.log", "x\n");
  const struct {
    Arguments profiles;
    std::set<std::string> extra;
  } cases[] = {
      {{}, {"var/log/syslog", "var/log/waagent.log", "var/log/dpkg.log"}},
      {{"--profile", "minimal"}, {"var/log/syslog", "var/log/waagent.log"}},
      {{"--profile", "sap-hana"},
       {"var/log/syslog", "var/log/waagent.log", "var/log/dpkg.log", "hana/shared/HDB/HDB00/vm1/trace/backup.log"}},
      {{"--profile", "file-restore"}, {"root/vm1_20240501/Scripts/MicrosoftAzureBackupILRLogFile.log"}},
      {{"--profile", "minimal", "--profile", "file-restore"},
       {"var/log/syslog", "var/log/waagent.log", "root/vm1_20240501/Scripts/MicrosoftAzureBackupILRLogFile.log"}},
      {{"--profile", "everything"},
       {"var/log/syslog", "var/log/waagent.log", "var/log/dpkg.log", "hana/shared/HDB/HDB00/vm1/trace/backup.log",
        "root/vm1_20240501/Scripts/MicrosoftAzureBackupILRLogFile.log"}},
  };
  for (const auto& [profiles, extra] : cases) {
    std::set<std::string> expected = extra;
    expected.insert({"etc/hostname", "etc/os-release"});
    EXPECT_EQ(collected(bundle(profiles)), expected) << ::testing::PrintToString(profiles);
  }
}

TEST_F(Collect, LimitsOfProcessorAndDiskAreKeptAndChangeNoResult) {
  fill(put("var/log/messages", ""), 6 << 20, long_words(99) + "\n");
  const auto seconds = [&](const Arguments& more) {
    const auto begin = std::chrono::steady_clock::now();
    const Unpacked unpacked = bundle(more);
    EXPECT_EQ(unpacked.file("files/var/log/messages").size(), std::size_t{6} << 20);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  // 6.3 MB read, some more written; a tenth of a second is free.
  EXPECT_GE(seconds({"--max-io", "5"}), 1.1);
  // At least 10 ms of work, at a hundredth of all processors.
  const double processors = std::max(1u, std::thread::hardware_concurrency());
  EXPECT_GE(seconds({"--max-cpu", "1"}), 1.0 / processors - 0.1);
  for (const char* wrong : {"0", "101", "x"}) EXPECT_EQ(collect({"--max-cpu", wrong}).exit_code, 64) << wrong;
  EXPECT_EQ(collect({"--max-io", "0"}).exit_code, 64);
}

TEST_F(Collect, SinceAndUntilCutLogsAndLeaveOldFilesOut) {
  put("var/log/waagent.log",
      "2024-05-01T10:00:00.000000Z INFO ExtHandler early\n2024-05-10T10:00:00.000000Z INFO ExtHandler wanted\n"
      "  its second line\n2024-05-20T10:00:00.000000Z INFO ExtHandler late\n");
  put("var/log/old.log", "2020-01-01T10:00:00Z old\n");
  std::filesystem::last_write_time(vm_path("var/log/old.log"),
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(24 * 4000));
  const Unpacked cut = bundle({"--since", "2024-05-05", "--until", "2024-05-15"});
  EXPECT_EQ(cut.file("files/var/log/waagent.log"),
            "2024-05-10T10:00:00.000000Z INFO ExtHandler wanted\n  its second line\n");
  EXPECT_THAT(said_about(cut.findings, "/var/log/old.log"), HasSubstr("not changed since --since"));
  EXPECT_FALSE(cut.has("files/var/log/old.log"));
}

TEST_F(Collect, IncludeAddsAndExcludeTakesAway) {
  put("opt/tool/logs/a.log", "a\n");
  put("opt/tool/logs/deep/b.log", "b\n");
  put("opt/tool/secret.pem", "c\n");
  put("var/log/noise.log", "d\n");
  const Unpacked some =
      bundle({"--include", "/opt/tool/logs/*.log", "--include", "/opt/nothing/*", "--exclude", "noise*"});
  EXPECT_THAT(collected(some, "opt/"), ElementsAre("opt/tool/logs/a.log"));
  EXPECT_THAT(said_about(some.findings, "/opt/nothing/*"), HasSubstr("--include: not found"));
  EXPECT_THAT(said_about(some.findings, "/var/log/noise.log"), HasSubstr("excluded by --exclude"));
  EXPECT_FALSE(some.has("files/var/log/noise.log"));
  const Unpacked all = bundle({"--include", "/opt/tool/**"});
  EXPECT_THAT(collected(all, "opt/"), ElementsAre("opt/tool/logs/a.log", "opt/tool/logs/deep/b.log"));
  EXPECT_THAT(said_about(all.findings, "secret.pem"), HasSubstr("never collected"));
}

// ---- budgets

TEST_F(Collect, LongTextKeepsItsNewestPartInWholeLinesAndSaysSo) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "line number " + std::to_string(i) + "\n";
  put("var/log/messages", text);
  put("var/log/old.gz", noise(20'000));
  put("var/log/old.gz", "\x1f\x8b" + noise(20'000));
  const Unpacked short_one = bundle({"--max-file-size", "10000"});
  const std::string kept = short_one.file("files/var/log/messages");
  EXPECT_THAT(kept, StartsWith("line number "));
  EXPECT_TRUE(text.ends_with(kept));
  EXPECT_GT(kept.size(), 9900u);
  EXPECT_LE(kept.size(), 10'000u);
  EXPECT_THAT(said_about(short_one.findings, "/var/log/messages"), HasSubstr("the newest part was kept"));
  for (const Json& file : short_one.manifest["files"]) {
    if (file["origin"] == "/var/log/messages") {
      EXPECT_EQ(file["truncated"], text.size() - kept.size());
    }
  }
  EXPECT_THAT(said_about(short_one.findings, "/var/log/old.gz"), HasSubstr("too large"));
}

TEST_F(Collect, TotalBudgetTakesTheNextSmallerFile) {
  put("var/log/waagent.log", std::string(6000, 'a') + "\n");
  put("var/log/messages", std::string(7000, 'b') + "\n");
  put("var/log/zypper.log", std::string(1000, 'c') + "\n");
  const Unpacked part = bundle({"--max-total-size", "8000"});
  EXPECT_TRUE(part.has("files/var/log/waagent.log"));
  EXPECT_TRUE(part.has("files/var/log/zypper.log"));
  EXPECT_THAT(said_about(part.findings, "/var/log/messages"), HasSubstr("over the total budget"));
}

// ---- SAP HANA

TEST_F(Collect, HanaLogsInAnUnusualPlaceAreSearched) {
  put("data/sap/PRD/HDB10/vm1/trace/backup.log", "2024-05-01 system\n");
  put("var/lib/docker/overlay2/1/trace/backup.log", "of a container\n");
  const Unpacked hana = bundle({"--profile", "sap-hana"});
  EXPECT_THAT(collected(hana, "backup.log"), ElementsAre("data/sap/PRD/HDB10/vm1/trace/backup.log"));
  EXPECT_THAT(said_about(hana.findings, "backint.log"), HasSubstr("not found"));
  put("hana/shared/PRD/HDB10/vm1/trace/backup.log", "2024-05-01 usual\n");
  EXPECT_THAT(collected(bundle({"--profile", "sap-hana"}), "backup.log"),
              ElementsAre("hana/shared/PRD/HDB10/vm1/trace/backup.log"));
}

// ---- file restore

TEST_F(Collect, PathOfAFileRestoreIsTakenWholeButForItsPasswords) {
  put("data/restore/vm1_wus_123456789-1234.py", "TargetPassword = \"70d717a9e2daec2\"\nprint('x')\n");
  put("data/restore/vm1-20240501/Scripts/MicrosoftAzureBackupILRLogFile.log", "log\n");
  put("data/restore/vm1-20240501/Scripts/key.pem", "never\n");
  const Unpacked restore = bundle({"--profile", "file-restore", "--path", "/data/restore/vm1_wus_123456789-1234.py",
                                   "--path", "/data/restore/vm1-20240501", "--path", "/data/nothing"});
  EXPECT_THAT(collected(restore, "data/"),
              ElementsAre("data/restore/vm1-20240501/Scripts/MicrosoftAzureBackupILRLogFile.log",
                          "data/restore/vm1_wus_123456789-1234.py"));
  EXPECT_THAT(restore.file("files/data/restore/vm1_wus_123456789-1234.py"),
              AllOf(HasSubstr("TargetPassword"), Not(HasSubstr("70d717a9"))));
  EXPECT_THAT(said_about(restore.findings, "/data/nothing"), HasSubstr("not found"));
  EXPECT_THAT(said_about(restore.findings, "key.pem"), HasSubstr("never collected"));
}

// ---- what is never taken

TEST_F(Collect, PersonalLogsNeedTheirOption) {
  const Arguments names = {"var/log/auth.log", "var/log/secure", "var/log/audit/audit.log"};
  for (const std::string& name : names) put(name, "x\n");
  const Unpacked without = bundle();
  const Unpacked with = bundle({"--include-personal"});
  for (const std::string& name : names) {
    EXPECT_FALSE(without.has("files/" + name)) << name;
    EXPECT_THAT(said_about(without.findings, name), HasSubstr("--include-personal")) << name;
    EXPECT_TRUE(with.has("files/" + name)) << name;
  }
}

// ---- the run

TEST_F(Collect, DryRunSaysWhatItWouldDoAndTouchesNothing) {
  put("var/log/auth.log", "x\n");
  const Outcome outcome = collect({"--dry-run"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("/var/log/syslog"), HasSubstr("/var/log/auth.log: personal data"), HasSubstr("items")));
  EXPECT_EQ(files_in_target(), 0u);
}

TEST_F(Collect, BundleInACollectedFolderIsNoEvidence) {
  const Outcome outcome = run_program({"collect", "--root", root_, "--batch", "-o", vm_path("var/log")});
  EXPECT_THAT(collected(unpack(outcome)), UnorderedElementsAre("etc/hostname", "etc/os-release", "var/log/syslog"));
}

TEST_F(Collect, PathsOfTheBundleArePrintedInTheSystemsOwnForm) {
  const std::filesystem::path target(target_);
  const std::pair<std::string, std::string> cases[] = {
      {target.generic_string(), target.string()},
      {target.generic_string() + "/mine.zip", (target / "mine.zip").string()}};
  for (const auto& [given, shown] : cases) {
    const Outcome outcome = run_program({"collect", "--root", root_, "--batch", "-o", given});
    EXPECT_THAT(outcome.out, StartsWith(shown));
  }
}

TEST_F(Collect, WhatAKilledRunLeftBehindIsRemovedByTheNext) {
  const auto made = [this](const std::string& name, int hours_ago) {
    const std::string path = (std::filesystem::path(target_) / name).string();
    write_bytes(path, "PK");
    std::filesystem::last_write_time(path,
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours(hours_ago));
    return path;
  };
  const std::string abandoned = made(".vmtriage-0123456789abcdef.part", 2),
                    fresh = made(".vmtriage-123456789abcdef0.part", 0), foreign = made(".vmtriage-notes.part", 2);
  EXPECT_EQ(collect().exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(abandoned));
  EXPECT_TRUE(std::filesystem::exists(fresh)) << "another machine may be writing it";
  EXPECT_TRUE(std::filesystem::exists(foreign));
}

TEST_F(Collect, BatchPrintsThePathAndNothingElse) {
  const Outcome outcome = collect({"--case-id", "2405010040001234"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_TRUE(std::regex_match(
      outcome.out, std::regex(R"(.*[/\\]vmtriage_2405010040001234_vm1_[0-9]{8}T[0-9]{6}Z_[0-9a-f]{6}\.zip\n)")))
      << outcome.out;
  const Outcome named = run_program(
      {"collect", "--root", root_, "--batch", "-o", (std::filesystem::path(target_) / "mine.zip").string()});
  EXPECT_THAT(named.out, ::testing::EndsWith("mine.zip\n"));
}

TEST_F(Collect, MissingPartsOfTheSupportRequestAreNamedForThisKindOfVmOnly) {
  const Outcome outcome = run_program({"collect", "--root", root_, "-o", target_});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("Asked for by support and missing"), HasSubstr("/var/log/waagent")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("C:\\Windows")));
}

TEST_F(Collect, ExitCodeIsTheVerdict) {
  const auto code = [this] { return collect().exit_code; };
  EXPECT_EQ(code(), 0);
  put(kExtensionLog,
      "2024-05-01 10:00:00.1  Info  Protocol endpoint not found: WireProtocol, [ProtocolError] [DhcpError] x\n");
  EXPECT_EQ(code(), 1);
  put(kExtensionLog, "2024-05-01 10:00:00.1  Info  Failed to FIFREEZE: /data\n");
  EXPECT_EQ(code(), 2);
  put(kExtensionLog, "");
  put("var/log/broken.log.gz", "\x1f\x8b\x08 broken");
  EXPECT_EQ(code(), 3);
}

TEST_F(Collect, MetadataServiceNamesTheVm) {
  OneShotServer server([](const Socket& socket) {
    const std::string body =
        R"({"compute": {"location": "westeurope", "name": "stand-in", "resourceGroupName": "rg-test", "subscriptionId": )"
        R"("8d10da13-8125-4ba9-a717-bf7490507b3d", "vmId": "02aab8a4-74ef-476e-8182-f6d2ba4166a6", "vmSize": "Standard_D2s_v5"}})";
    say(socket, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                    "\r\nConnection: close\r\n\r\n" + body);
  });
  const Outcome outcome = collect_live({"--profile", "minimal", "--since", "1h", "--batch", "--vault", "vault1",
                                        "--imds-address", "127.0.0.1:" + std::to_string(server.request().port)});
  const Unpacked live = unpack(outcome);
  EXPECT_EQ(live.findings["host"]["azure"]["vm"], "stand-in");
  EXPECT_EQ(live.manifest["environment"]["resource_group"], "rg-test");
  EXPECT_THAT(live.file("ticket.txt"),
              AllOf(HasSubstr("stand-in"), HasSubstr("8d10da13-8125-4ba9-a717-bf7490507b3d"), HasSubstr("vault1")));
  EXPECT_TRUE(live.has("commands"));
}

}  // namespace
}  // namespace vmtriage
