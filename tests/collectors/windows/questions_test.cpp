#include "collectors/windows/questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "analyzers/checks/registry_text.h"
#include "analyzers/checks/state_blocks.h"
#include "analyzers/checks/windows_state.h"
#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

using testing::HasSubstr;

/// Asks this machine. It is asked for nothing that is not on every Windows.
SystemAnswer ask(const std::vector<std::string>& words) {
  const auto answer = ask_system(words, 60'000, nullptr);
  return answer ? *answer : SystemAnswer{{}, {answer.error()}};
}

TEST(WindowsQuestions, ARegistryKeyIsWrittenWithAllBelowIt) {
  const SystemAnswer answer = ask({"registry", "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\."});
  const RegistryText registry = parse_registry_text(answer.text);
  ASSERT_NE(registry.find("\\CurrentVersion", "CurrentBuild"), nullptr) << answer.text;
  EXPECT_FALSE(registry.find("\\CurrentVersion", "CurrentBuild")->data.empty());
  EXPECT_EQ(registry.keys.size(), 1u);
  const RegistryText whole = parse_registry_text(ask({"registry", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Nls"}).text);
  EXPECT_GT(whole.keys.size(), 1u);
  EXPECT_NE(whole.find("\\Nls\\CodePage", "ACP"), nullptr);
}

TEST(WindowsQuestions, AKeyThatIsNotThereIsSaidToBeMissing) {
  const SystemAnswer answer = ask({"registry", "HKLM\\SOFTWARE\\No Such Key", "HKCU\\Environment"});
  EXPECT_EQ(answer.text, "; HKEY_LOCAL_MACHINE\\SOFTWARE\\No Such Key: not there\n");
  ASSERT_EQ(answer.problems.size(), 1u);
  EXPECT_EQ(answer.problems[0].code, ErrorCode::unsupported);
}

TEST(WindowsQuestions, ServicesTellTheirStateAndSettings) {
  const SystemAnswer answer = ask({"services", "RpcSs", "NoSuchService"});
  const auto blocks = parse_state_blocks(answer.text);
  ASSERT_EQ(blocks.size(), 3u) << answer.text;
  EXPECT_EQ(blocks[0].heading, "service RpcSs");
  EXPECT_FALSE(blocks[0].get("state").empty());
  EXPECT_FALSE(blocks[0].get("start type").empty());
  EXPECT_FALSE(blocks[0].get("account").empty());
  EXPECT_FALSE(blocks[0].get("binary").empty());
  EXPECT_EQ(blocks[1].get("state"), "not installed");
  EXPECT_EQ(blocks[2].heading, "all services");
  EXPECT_GT(blocks[2].fields.size(), 3u);
  EXPECT_EQ(parse_service_states(answer.text).size(), 2u);
}

TEST(WindowsQuestions, TheSystemDriveIsOneOfTheVolumes) {
  const SystemAnswer answer = ask({"volumes"});
  bool found = false;
  for (const StateBlock& block : parse_state_blocks(answer.text)) {
    if (block.get("mounted at") != system_drive() + "\\") continue;
    found = true;
    EXPECT_EQ(block.get("type"), "fixed");
    EXPECT_FALSE(block.get("file system").empty());
    EXPECT_FALSE(block.get("size").empty());
    EXPECT_FALSE(block.get("free").empty());
  }
  EXPECT_TRUE(found) << answer.text;
}

TEST(WindowsQuestions, DisksAreNamedWithTheirNumber) {
  const SystemAnswer answer = ask({"disks"});
  for (const StateBlock& block : parse_state_blocks(answer.text)) EXPECT_THAT(std::string(block.heading), testing::StartsWith("disk "));
}

TEST(WindowsQuestions, VersionsOfFilesAreRead) {
  const SystemAnswer answer = ask({"file-versions", "/Windows/System32/kernel3*.dll", "/Windows/No/Such.exe"});
  const auto blocks = parse_state_blocks(answer.text);
  ASSERT_GE(blocks.size(), 2u) << answer.text;
  const std::string_view version = blocks[0].get("product version");
  EXPECT_EQ(version.find_first_not_of("0123456789."), std::string_view::npos) << version;
  EXPECT_EQ(std::count(version.begin(), version.end(), '.'), 3) << version;
  EXPECT_EQ(blocks.back().get("file version"), "no such file");
}

TEST(WindowsQuestions, AccessRightsAreToldTwice) {
  const SystemAnswer answer = ask({"access-rights", "C:\\Windows", "C:\\No Such Folder", "HKLM\\SOFTWARE\\Classes"});
  const auto blocks = parse_state_blocks(answer.text);
  ASSERT_EQ(blocks.size(), 3u) << answer.text;
  EXPECT_THAT(std::string(blocks[0].get("sddl")), HasSubstr("D:"));
  EXPECT_THAT(std::string(blocks[0].get("allow")), HasSubstr("0x"));
  EXPECT_EQ(blocks[1].get("sddl"), "not there");
  EXPECT_THAT(std::string(blocks[2].get("sddl")), HasSubstr("D:"));
}

}  // namespace
}  // namespace vmtriage
