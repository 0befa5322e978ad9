#include <windows.h>

#include "collectors/windows/native.h"
#include "tests/analyzers/vss_samples.h"
#include "tests/cli/windows_vm.h"

namespace vmtriage {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kAgentLog = "WindowsAzure/Logs/WaAppAgent.log";
constexpr const char* kStatus =
    "Packages/Plugins/Microsoft.Azure.RecoveryServices.VMSnapshot/1.0.119.0/Status/3.status";
constexpr const char* kSystemLog = "Windows/System32/winevt/Logs/System.evtx";
constexpr const char* kApplicationLog = "Windows/System32/winevt/Logs/Application.evtx";
constexpr const char* kVssAdmin = "Windows/System32/vssadmin.exe";

/// Another log than that of applications: of an event that stands in two logs, either may be shown.
std::string quiet_system_log() {
  using namespace evtx_writer;
  ChunkWriter chunk;
  chunk.record(1, classic_event({.provider = "EventLog", .id = 6005, .level = 4, .channel = "System"}, {}, ""));
  return file_of({chunk.finish()});
}

/// Windows itself, laid out like a sick Azure VM: this writes into C:\Windows, so only where
/// VMTRIAGE_DISPOSABLE_WINDOWS says that nobody minds (./dev test-windows does, whose Windows is a folder of the
/// build).
class WindowsVm : public CliTest {
 protected:
  void SetUp() override {
    if (std::getenv("VMTRIAGE_DISPOSABLE_WINDOWS") == nullptr) GTEST_SKIP() << "needs VMTRIAGE_DISPOSABLE_WINDOWS";
    root_ = system_drive() + "/";
    put_own(kAgentLog, "[00000018] 2024-05-01T16:35:45Z [ERROR] Could not get transport certificate\r\n");
    put_own(
        kStatus,
        R"([{"version":"1.0","timestampUTC":"2024-05-01T16:36:00Z","status":{"name":"VMSnapshot","operation":"Enable",)"
        R"("status":"error","code":4,"formattedMessage":{"lang":"en-US","message":)"
        R"("VSS failed StatusCode.FailedVssWriterInBadState, retry"}}}])");
    put_own(kSystemLog, quiet_system_log());
    put_own(kApplicationLog, failing_log());
    if (system_drive() != "C:") GTEST_SKIP() << "Windows is not on C:";
  }
  void TearDown() override {
    for (const std::string& path : made_) {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
  }

  void put_own(const std::string& name, std::string_view text) {
    ASSERT_FALSE(std::filesystem::exists(vm_path(name))) << name;
    made_.push_back(put(name, text));
  }
  /// Installs a vssadmin.exe that lists these writers.
  void install_vssadmin(std::string_view writers) {
    const auto built = std::filesystem::path(built_program()).parent_path() / "tests" / "vssadmin_stand_in.exe";
    put_own(kVssAdmin, read_bytes(built.string()));
    put_own(std::string(kVssAdmin) + ".writers.txt", writers);
  }
  Outcome collect_vm(const Arguments& more = {}) const {
    Arguments arguments = {"--batch", "--profile", "vss", "--imds-address", "127.0.0.1:1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(live_arguments(arguments), turn_.options());
  }

 private:
  Arguments live_arguments(const Arguments& more) const {
    Arguments arguments = {"collect", "-o", target_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  const LiveTurn turn_{scratch_};
  std::vector<std::string> made_;
};

TEST_F(WindowsVm, BundleHoldsItsEvidenceAndNamesWhatFailed) {
  install_vssadmin(kJapaneseWritersCp932);
  const Outcome outcome = collect_vm();
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  const Unpacked bundle = unpack(outcome);
  for (const char* name : {kAgentLog, kStatus, kSystemLog, kApplicationLog}) {
    EXPECT_TRUE(bundle.has("files/C/" + std::string(name))) << name;
  }
  EXPECT_EQ(bundle.file("files/C/" + std::string(kApplicationLog)), failing_log());
  for (const Json& file : bundle.manifest["files"]) {
    if (!std::string(file["path"]).ends_with(".evtx")) continue;
    EXPECT_TRUE(file.contains("obtained")) << file.dump() << ": exported by the service, or copied, and why";
  }
  EXPECT_TRUE(finds(bundle.findings, "windows.vss.writer-nonretryable"));
  EXPECT_TRUE(finds(bundle.findings, "windows.vssadmin.writer-failed"));
  EXPECT_EQ(bundle.findings["host"]["platform"], "windows");
  EXPECT_EQ(run_program({"verify", bundle.zip}).exit_code, 0);
  // The half of this test that runs on Linux looks at the same bundle.
  const auto kept = std::filesystem::path(built_program()).parent_path() / "vm_bundle.zip";
  std::filesystem::copy_file(bundle.zip, kept, std::filesystem::copy_options::overwrite_existing);
}

TEST_F(WindowsVm, MissingVssadminIsSaidAndTheRestIsCollected) {
  const Json report = unpack(collect_vm()).findings;
  EXPECT_THAT(said_about(report, "vssadmin"), HasSubstr("not"));
  EXPECT_TRUE(finds(report, "windows.vss.writer-nonretryable"));
}

TEST_F(WindowsVm, HangingVssadminIsEndedWithWhatItStarted) {
  install_vssadmin(kEnglishWriters);
  put_own(std::string(kVssAdmin) + ".hang", "");
  const Outcome outcome = collect_vm({"--timeout", "15"});
  const Unpacked bundle = unpack(outcome);
  EXPECT_TRUE(bundle.manifest["partial"]);
  EXPECT_THAT(said_about(bundle.findings, "vssadmin"), Not(IsEmpty()));
  // Nothing holds the program any more.
  EXPECT_TRUE(DeleteFileW(native_path(vm_path(kVssAdmin)).c_str()));
}

/// The computer's name in the registry, as long as this lives.
class OtherComputerName {
 public:
  explicit OtherComputerName(const wchar_t* name) : before_(get()) { set(name); }
  OtherComputerName(const OtherComputerName&) = delete;
  OtherComputerName& operator=(const OtherComputerName&) = delete;
  ~OtherComputerName() { set(before_.c_str()); }

 private:
  static constexpr const wchar_t* kKey = L"SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters";

  static std::wstring get() {
    wchar_t text[256] = {};
    DWORD size = sizeof text;
    RegGetValueW(HKEY_LOCAL_MACHINE, kKey, L"Hostname", RRF_RT_REG_SZ, nullptr, text, &size);
    return text;
  }
  static void set(const wchar_t* name) {
    RegSetKeyValueW(HKEY_LOCAL_MACHINE, kKey, L"Hostname", REG_SZ, name,
                    static_cast<DWORD>((wcslen(name) + 1) * sizeof(wchar_t)));
  }

  std::wstring before_;
};

TEST_F(WindowsVm, ExoticComputerNameIsShownAsItIsAndNamesTheBundleInAscii) {
  const OtherComputerName name(L"会計 <サーバー>\\..\\01");
  const Unpacked bundle = unpack(collect_vm({"--profile", "minimal"}));
  EXPECT_EQ(bundle.findings["host"]["name"], "会計 <サーバー>\\..\\01");
  const std::string file = std::filesystem::path(bundle.zip).filename().string();
  EXPECT_EQ(file.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."),
            std::string::npos)
      << file;
  EXPECT_EQ(std::filesystem::path(bundle.zip).parent_path(), std::filesystem::path(target_));
}

}  // namespace
}  // namespace vmtriage
