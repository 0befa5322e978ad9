#include "collectors/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

std::string shell() { return find_program("cmd").value_or("cmd is missing"); }

TEST(WindowsProcess, OutputAndExitCodeAreKept) {
  const auto output = run_process({.argv = {shell(), "/c", "echo out& echo err>&2& exit 7"}, .timeout_ms = 60'000});
  ASSERT_TRUE(output.ok()) << output.error().what;
  EXPECT_EQ(output->exit_code, 7);
  EXPECT_THAT(output->output, testing::HasSubstr("out"));
  EXPECT_THAT(output->output, testing::HasSubstr("err"));
  EXPECT_FALSE(output->timed_out);
}

TEST(WindowsProcess, InputIsReadToItsEnd) {
  const auto output = run_process({.argv = {shell()}, .input = "echo hello\r\n", .timeout_ms = 60'000});
  ASSERT_TRUE(output.ok()) << output.error().what;
  EXPECT_FALSE(output->timed_out) << "its input has an end";
  EXPECT_THAT(output->output, testing::HasSubstr("hello"));
  const auto refused = run_process({.argv = {shell()}, .input = std::string(kMaxInputBytes + 1, 'x')});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
}

TEST(WindowsProcess, TheEnvironmentIsNotOurs) {
  SetEnvironmentVariableW(L"VMTRIAGE_SECRET", L"leaked");
  const auto output = run_process({.argv = {shell(), "/c", "set"}, .timeout_ms = 60'000});
  ASSERT_TRUE(output.ok()) << output.error().what;
  EXPECT_THAT(output->output, testing::HasSubstr("SystemRoot="));
  EXPECT_THAT(output->output, testing::Not(testing::HasSubstr("leaked")));
}

TEST(WindowsProcess, ACommandThatHangsIsEndedWithAllThatItStarted) {
  // The outer one waits for the inner one, which counts for ever.
  const auto output =
      run_process({.argv = {shell(), "/c", "echo begun& cmd /c for /l %i in (1,0,2) do @rem"}, .timeout_ms = 10'000});
  ASSERT_TRUE(output.ok()) << output.error().what;
  EXPECT_TRUE(output->timed_out);
  EXPECT_FALSE(output->abandoned);
  EXPECT_THAT(output->output, testing::HasSubstr("begun"));
}

TEST(WindowsProcess, ToPrintTooMuchIsTheEnd) {
  const auto output =
      run_process({.argv = {shell(), "/c", "for /l %i in (1,0,2) do @echo all work and no play"}, .timeout_ms = 60'000, .max_output_bytes = 1000});
  ASSERT_TRUE(output.ok()) << output.error().what;
  EXPECT_TRUE(output->truncated);
  EXPECT_EQ(output->output.size(), 1000u);
}

TEST(WindowsProcess, AStopRequestEndsIt) {
  std::atomic<bool> stop = true;
  const auto output = run_process({.argv = {shell(), "/c", "for /l %i in (1,0,2) do @rem"}, .timeout_ms = 60'000}, &stop);
  ASSERT_TRUE(output.ok()) << output.error().what;
  EXPECT_TRUE(output->stopped);
}

TEST(WindowsProcess, OnlyAbsolutePathsOfProgramsAreRun) {
  EXPECT_EQ(run_process({.argv = {"cmd.exe"}}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(run_process({.argv = {}}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(run_process({.argv = {"C:/no/such/program.exe"}}).error().code, ErrorCode::not_found);
  EXPECT_FALSE(find_program("no-such-program-anywhere"));
  EXPECT_FALSE(find_program("../System32/cmd"));
  EXPECT_FALSE(find_program("C:cmd"));
}

}  // namespace
}  // namespace vmtriage
