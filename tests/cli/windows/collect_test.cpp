#include <windows.h>

#include <aclapi.h>
#include <sddl.h>

#include "collectors/instance_lock.h"
#include "collectors/windows/native.h"
#include "tests/cli/bad_input.h"

namespace vmtriage {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// `D:P(A;;FA;;;SY)(A;;FA;;;BA)`, as the system has it.
std::string acl_of(const std::string& path) {
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  wchar_t* text = nullptr;
  EXPECT_EQ(GetNamedSecurityInfoW(to_wide(path).data(), SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, nullptr, nullptr,
                                  nullptr, nullptr, &descriptor),
            DWORD{ERROR_SUCCESS});
  EXPECT_TRUE(ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, SDDL_REVISION_1,
                                                                   DACL_SECURITY_INFORMATION, &text, nullptr));
  const std::string acl = to_utf8(text);
  LocalFree(text);
  LocalFree(descriptor);
  return acl;
}

bool keeps_protected_acls(const std::string& path) {
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  ConvertStringSecurityDescriptorToSecurityDescriptorW(L"D:P(A;;FA;;;SY)(A;;FA;;;BA)", SDDL_REVISION_1, &descriptor,
                                                       nullptr);
  SECURITY_ATTRIBUTES attributes{sizeof(SECURITY_ATTRIBUTES), descriptor, FALSE};
  const Handle made(CreateFileW(to_wide(path).c_str(), GENERIC_WRITE, 0, &attributes, CREATE_NEW, 0, nullptr));
  LocalFree(descriptor);
  return acl_of(path).starts_with("D:P");
}

class WindowsCollect : public BadInput {
 protected:
  /// A folder that ./dev test-windows or a developer prepared: VMTRIAGE_SMALL_FOLDER is on a disk of 1 MiB,
  /// VMTRIAGE_READ_ONLY_FOLDER on a medium that holds vmtriage.exe and cannot be written.
  static std::string prepared(const char* name) {
    const char* folder = std::getenv(name);
    return folder == nullptr ? "" : folder;
  }
};

TEST_F(WindowsCollect, HelpShowsWhatIsTypedOnWindows) {
  for (const Arguments& arguments : {Arguments{"--help"}, {"collect", "--help"}, {"analyze", "--help"}}) {
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("Usage: vmtriage "), HasSubstr("E:\\"), Not(HasSubstr("sudo")),
                                   Not(HasSubstr("/mnt"))));
  }
}

TEST_F(WindowsCollect, BundleIsForSystemAndAdministratorsAlone) {
  if (!keeps_protected_acls(scratch_.file("probe"))) GTEST_SKIP() << "this system keeps no protected access lists";
  const Unpacked bundle = unpack(collect());
  EXPECT_EQ(acl_of(bundle.zip), "D:P(A;;FA;;;SY)(A;;FA;;;BA)");
}

TEST_F(WindowsCollect, SecondRunIsRefusedWhileTheFirstWorks) {
  const LiveTurn turn(scratch_);
  const auto lock = InstanceLock::acquire();
  ASSERT_TRUE(lock.ok()) << lock.error().what;
  const Outcome outcome = run_program({"collect", "-o", target_, "--profile", "minimal"});
  EXPECT_EQ(outcome.exit_code, 75);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err,
              HasSubstr("another vmtriage is running (pid " + std::to_string(GetCurrentProcessId()) + "); wait"));
  EXPECT_EQ(lines(outcome.err), 1);
  EXPECT_EQ(files_in_target(), 0u);
}

TEST_F(WindowsCollect, WithoutElevationItSaysWhatItCannotSeeAndGoesOn) {
  const LiveTurn turn(scratch_);
  RunOptions options;
  options.ordinary_user = true;
  const Outcome outcome = run_program(
      {"collect", "-o", target_, "--batch", "--profile", "minimal", "--imds-address", "127.0.0.1:1"}, options);
  if (outcome.err.find("not elevated") == std::string::npos)
    GTEST_SKIP() << "this system takes no rights away from a process";
  EXPECT_GE(outcome.exit_code, 1);
  EXPECT_LE(outcome.exit_code, 3);
  const Json report = unpack(outcome).findings;
  EXPECT_FALSE(report["verdict"]["complete"]);
  EXPECT_THAT(said_about(report, "not elevated"), HasSubstr("elevated prompt"));
}

TEST_F(WindowsCollect, FileThatAnotherProcessDoesNotShareIsNamedAndTheRestIsCollected) {
  const std::string held = put("var/log/held.log", "x\n");
  put(kExtensionLog, kFailure);
  const Handle handle(
      CreateFileW(to_wide(held).c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING, 0, nullptr));
  ASSERT_TRUE(static_cast<bool>(handle));
  const Unpacked bundle = unpack(collect());
  EXPECT_THAT(said_about(bundle.findings, "held.log"), HasSubstr("used by another process"));
  EXPECT_FALSE(bundle.findings["verdict"]["complete"]);
  EXPECT_TRUE(finds(bundle.findings, kFailureRule));
}

TEST_F(WindowsCollect, FolderThatTheAccountMayNotOpenIsNamedAndTheRestIsCollected) {
  put("var/log/azure/closed/x.log", "x\n");
  put(kExtensionLog, kFailure);
  const std::string folder = vm_path("var/log/azure/closed");
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  // Nobody but the system.
  ConvertStringSecurityDescriptorToSecurityDescriptorW(L"D:P(A;OICI;FA;;;SY)", SDDL_REVISION_1, &descriptor, nullptr);
  SetFileSecurityW(to_wide(folder).c_str(), DACL_SECURITY_INFORMATION, descriptor);
  LocalFree(descriptor);
  if (acl_of(folder) != "D:P(A;OICI;FA;;;SY)") GTEST_SKIP() << "this system keeps no protected access lists";
  RunOptions options;
  options.ordinary_user = true;
  const Unpacked bundle = unpack(collect({}, options));
  EXPECT_THAT(said_about(bundle.findings, "closed"), HasSubstr("access denied"));
  EXPECT_TRUE(finds(bundle.findings, kFailureRule));
}

TEST_F(WindowsCollect, TargetOnAShareIsWritten) {
  const std::string share = "\\\\localhost\\" + target_.substr(0, 1) + "$" + target_.substr(2);
  std::error_code failure;
  if (!std::filesystem::is_directory(share, failure)) GTEST_SKIP() << share << " cannot be reached";
  put(kExtensionLog, kFailure);
  const Outcome outcome = run_program({"collect", "--root", root_, "--batch", "-o", share});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("localhost"));
  EXPECT_TRUE(finds(unpack(outcome).findings, kFailureRule));
  EXPECT_EQ(run_program({"verify", outcome.out.substr(0, outcome.out.find('\n'))}).exit_code, 0);
}

TEST_F(WindowsCollect, ShareThatCannotBeReachedIsOneLine) {
  const Outcome outcome =
      run_program({"collect", "--root", root_, "--batch", "-o", "\\\\localhost\\no-such-share\\x.zip"});
  EXPECT_EQ(outcome.exit_code, 73);
  EXPECT_EQ(lines(outcome.err), 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("no-such-share"), HasSubstr("choose another folder with -o")));
}

TEST_F(WindowsCollect, FullDiskIsAnErrorAndLeavesNoTemporary) {
  const std::string small = prepared("VMTRIAGE_SMALL_FOLDER");
  if (small.empty()) GTEST_SKIP() << "needs VMTRIAGE_SMALL_FOLDER";
  const std::string filler = small + "\\filler";
  fill(filler, 1020 * 1024, std::string(4096, 'x'));
  const Outcome outcome = run_program({"collect", "--root", root_, "--batch", "-o", small});
  std::filesystem::remove(filler);
  EXPECT_EQ(outcome.exit_code, 74);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, AllOf(HasSubstr(".zip: "), HasSubstr("no bundle was left behind")));
  EXPECT_TRUE(std::filesystem::is_empty(small));
}

TEST_F(WindowsCollect, SmallDiskTakesLessEvidenceAndSaysSo) {
  const std::string small = prepared("VMTRIAGE_SMALL_FOLDER");
  if (small.empty()) GTEST_SKIP() << "needs VMTRIAGE_SMALL_FOLDER";
  fill(put("var/log/messages", ""), 3 * kMiB, noise(kMiB));
  const Outcome outcome = run_program({"collect", "--root", root_, "--batch", "-o", small});
  EXPECT_THAT(outcome.err, HasSubstr("are free"));
  const Unpacked bundle = unpack(outcome);
  EXPECT_THAT(said_about(bundle.findings, "/var/log/messages"), HasSubstr("total budget"));
  std::filesystem::remove(bundle.zip);
}

TEST_F(WindowsCollect, ProgramOnAReadOnlyMediumWorksAndSaysThatItsFolderIsNoTarget) {
  const std::string medium = prepared("VMTRIAGE_READ_ONLY_FOLDER");
  if (medium.empty()) GTEST_SKIP() << "needs VMTRIAGE_READ_ONLY_FOLDER";
  RunOptions options;
  options.program = medium + "\\vmtriage.exe";
  options.folder = medium;
  EXPECT_EQ(collect({}, options).exit_code, 0);
  EXPECT_EQ(files_in_target(), 1u);
  const Outcome outcome = run_program({"collect", "--root", root_, "--batch"}, options);
  EXPECT_TRUE(outcome.exit_code == 73 || outcome.exit_code == 77) << outcome.exit_code;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr(".zip: "), HasSubstr("choose another folder with -o")));
  EXPECT_THAT(outcome.out, IsEmpty());
}

TEST_F(WindowsCollect, LibraryBesideTheProgramIsNotLoaded) {
  const std::string folder = scratch_.file("downloads");
  std::filesystem::create_directories(folder);
  std::filesystem::copy(built_program(), folder + "/vmtriage.exe");
  // Not version.dll, which Wine's own libraries import.
  for (const char* name : {"bcrypt.dll", "wevtapi.dll", "fltlib.dll"}) {
    write_bytes(folder + "/" + name, "no library");
  }
  RunOptions options;
  options.program = folder + "/vmtriage.exe";
  options.folder = folder;
  put(kExtensionLog, kFailure);
  EXPECT_EQ(collect({}, options).exit_code, 2);
}

TEST_F(WindowsCollect, LowPriorityRunEndsAsAnyOther) {
  put(kExtensionLog, kFailure);
  const Outcome outcome = collect({"--low-priority"});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_LE(lines(outcome.err), 1) << outcome.err;
}

TEST_F(WindowsCollect, NamesOfAnyScriptAreCollectedAndWrittenTo) {
  put("WindowsAzure/Logs/記録 😀.log", "x\n");
  const std::string folder = target_ + "\\出力 フォルダー";
  ASSERT_TRUE(CreateDirectoryW(to_wide(folder).c_str(), nullptr));
  const Outcome outcome = run_program({"collect", "--root", root_, "--batch", "-o", folder});
  EXPECT_TRUE(outcome.out.starts_with(folder)) << outcome.out << outcome.err;
  const std::string bundle = outcome.out.substr(0, outcome.out.find('\n'));
  EXPECT_EQ(run_program({"verify", bundle}).exit_code, 0);
  EXPECT_TRUE(MoveFileW(to_wide(bundle).c_str(), to_wide(target_ + "\\bundle.zip").c_str()));
  EXPECT_TRUE(unpack_file(target_ + "\\bundle.zip").has("manifest.json"));
}

}  // namespace
}  // namespace vmtriage
