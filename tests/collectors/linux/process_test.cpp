#include "collectors/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace vmtriage {
namespace {

using testing::HasSubstr;

ProcessSpec shell(const std::string& script) { return {{"/bin/sh", "-c", script}}; }

ProcessOutput run(const ProcessSpec& spec) {
  Result<ProcessOutput> output = run_process(spec);
  EXPECT_TRUE(output.ok()) << (output.ok() ? "" : output.error().what);
  return output.ok() ? *output : ProcessOutput{};
}

/// The process is gone, not even a zombie of ours.
bool is_gone(const std::string& pid) { return kill(static_cast<pid_t>(std::stol(pid)), 0) != 0 && errno == ESRCH; }

bool has_no_child() { return waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

TEST(Process, OutputAndErrorsComeTogetherInTheOrderTheyWereWritten) {
  const ProcessOutput output = run(shell("echo one; echo two >&2; echo three; exit 7"));
  EXPECT_EQ(output.output, "one\ntwo\nthree\n");
  EXPECT_EQ(output.exit_code, 7);
  EXPECT_FALSE(output.signal || output.truncated || output.timed_out || output.stopped || output.abandoned);
  EXPECT_FALSE(output.succeeded());
}

TEST(Process, EnvironmentFolderAndInputAreTheSameOnEveryMachine) {
  setenv("TZ", "Asia/Tokyo", 1);
  const ProcessOutput output = run({{"/usr/bin/env"}});
  unsetenv("TZ");
  EXPECT_EQ(output.output, "LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nTERM=dumb\n");
  EXPECT_EQ(run({{"/bin/pwd"}}).output, "/\n");
  EXPECT_EQ(run({{"/bin/cat"}}).output, "");
}

TEST(Process, InputIsReadToItsEnd) {
  EXPECT_EQ(run({.argv = {"/bin/cat"}, .input = "list\nexit\n"}).output, "list\nexit\n");
  EXPECT_EQ(run({.argv = {"/usr/bin/wc", "-c"}, .input = std::string(kMaxInputBytes, 'x')}).output, "4096\n");
  EXPECT_EQ(run({.argv = {"/bin/true"}, .input = "nobody reads it"}).exit_code, 0);
  const auto refused = run_process({.argv = {"/bin/cat"}, .input = std::string(kMaxInputBytes + 1, 'x')});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
}

TEST(Process, ArgumentsAreNotReadByAShell) {
  EXPECT_EQ(run({{"/bin/echo", "$HOME;", "*", "a  b"}}).output, "$HOME; * a  b\n");
}

TEST(Process, NoOpenFileOfOursReachesTheCommand) {
  const int leak = open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  ASSERT_GE(leak, 3);
  const ProcessOutput output = run({{"/bin/ls", "/proc/self/fd"}});
  close(leak);
  EXPECT_EQ(output.output, "0\n1\n2\n3\n");  // 3 is the folder that ls reads
}

TEST(Process, IgnoredSignalsAreNotHandedDown) {
  signal(SIGPIPE, SIG_IGN);
  const ProcessOutput output = run(shell("kill -PIPE $$; echo survived"));
  signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ(output.signal, SIGPIPE);
  EXPECT_EQ(output.output, "");
}

TEST(Process, ACommandThatHangsIsKilledAndItsOutputIsKept) {
  ProcessSpec spec = shell("echo before; exec sleep 1000");
  spec.timeout_ms = 300;
  const ProcessOutput output = run(spec);
  EXPECT_TRUE(output.timed_out);
  EXPECT_FALSE(output.abandoned);
  EXPECT_EQ(output.signal, SIGKILL);
  EXPECT_FALSE(output.exit_code);
  EXPECT_EQ(output.output, "before\n");
  EXPECT_GE(output.elapsed_ms, 300);
  EXPECT_TRUE(has_no_child());
}

TEST(Process, ACommandThatPrintsForeverIsCutAtTheLimit) {
  ProcessSpec spec{{"/usr/bin/yes"}};
  spec.max_output_bytes = 100'001;
  const ProcessOutput output = run(spec);
  EXPECT_TRUE(output.truncated);
  EXPECT_FALSE(output.timed_out);
  EXPECT_EQ(output.output.size(), 100'001u);
  EXPECT_TRUE(output.output.starts_with("y\ny\n"));
  EXPECT_FALSE(output.succeeded());
}

TEST(Process, OutputOfExactlyTheLimitIsWhole) {
  ProcessSpec spec{{"/bin/echo", "-n", "12345"}};
  spec.max_output_bytes = 5;
  const ProcessOutput output = run(spec);
  EXPECT_EQ(output.output, "12345");
  EXPECT_TRUE(output.succeeded());
}

TEST(Process, ACommandThatIgnoresSigtermIsEndedAllTheSame) {
  ProcessSpec spec = shell("trap '' TERM INT HUP; echo ready; while :; do sleep 1; done");
  spec.timeout_ms = 300;
  const ProcessOutput output = run(spec);
  EXPECT_TRUE(output.timed_out);
  EXPECT_EQ(output.signal, SIGKILL);
  EXPECT_TRUE(has_no_child());
}

TEST(Process, AGrandchildThatHoldsThePipeDoesNotKeepUsWaiting) {
  const ProcessOutput output = run(shell("sleep 1000 & echo $!"));
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_FALSE(output.timed_out);
  EXPECT_TRUE(is_gone(output.output)) << output.output;
  EXPECT_TRUE(has_no_child());
}

TEST(Process, AGrandchildInASessionOfItsOwnIsEndedToo) {
  ProcessSpec spec = shell("setsid sh -c 'echo $$; exec sleep 1000' & exec sleep 1000");
  spec.timeout_ms = 500;
  const ProcessOutput output = run(spec);
  EXPECT_TRUE(output.timed_out);
  ASSERT_FALSE(output.output.empty());
  EXPECT_TRUE(is_gone(output.output)) << output.output;
  EXPECT_TRUE(has_no_child());
}

TEST(Process, ADaemonThatDetachedItselfIsEndedToo) {
  // Twice forked, a new session, no pipe: nothing but the adoption of orphans finds it.
  const ProcessOutput output = run(shell("(setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!)"));
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_TRUE(is_gone(output.output)) << output.output;
  EXPECT_TRUE(has_no_child());
}

TEST(Process, ManyGrandchildrenLeaveNoZombies) {
  ProcessSpec spec = shell("for i in 1 2 3 4 5 6 7 8 9 10; do (setsid sleep 1000 &) & done; exec sleep 1000");
  spec.timeout_ms = 500;
  EXPECT_FALSE(run(spec).abandoned);
  EXPECT_TRUE(has_no_child());
}

TEST(Process, ChildrenThatAreNotTheCommandsAreLeftAlone) {
  const pid_t other = fork();
  if (other == 0) {
    pause();
    _exit(0);
  }
  EXPECT_EQ(run(shell("sleep 1000 & true")).exit_code, 0);
  EXPECT_EQ(waitpid(other, nullptr, WNOHANG), 0) << "still running";
  kill(other, SIGKILL);
  EXPECT_EQ(waitpid(other, nullptr, 0), other);
}

TEST(Process, EndBySignalIsReported) {
  const ProcessOutput output = run(shell("kill -SEGV $$"));
  EXPECT_EQ(output.signal, SIGSEGV);
  EXPECT_FALSE(output.exit_code);
}

TEST(Process, ACommandThatClosesItsOutputAndGoesOnIsWaitedFor) {
  const ProcessOutput output = run(shell("echo x; exec >&- 2>&-; sleep 0.2; exit 3"));
  EXPECT_EQ(output.output, "x\n");
  EXPECT_EQ(output.exit_code, 3);
}

TEST(Process, AStopRequestEndsTheCommand) {
  const std::atomic<bool> stop{true};
  const Result<ProcessOutput> output = run_process(shell("sleep 1000"), &stop);
  ASSERT_TRUE(output.ok());
  EXPECT_TRUE(output->stopped);
  EXPECT_FALSE(output->timed_out);
  EXPECT_TRUE(has_no_child());
}

TEST(Process, WhatCannotBeStartedIsAnError) {
  struct Case {
    const char* name;
    std::vector<std::string> argv;
    ErrorCode code;
    const char* what;
  };
  for (const Case& c : std::vector<Case>{
           {"missing", {"/usr/bin/no-such-program"}, ErrorCode::not_found, "/usr/bin/no-such-program: No such file"},
           {"folder", {"/usr/bin"}, ErrorCode::unsupported, "/usr/bin: Is a directory"},
           {"no program", {"/etc/passwd"}, ErrorCode::access_denied, "/etc/passwd: Permission denied"},
           {"relative", {"ls"}, ErrorCode::unsupported, "ls: not an absolute path"},
           {"empty", {}, ErrorCode::unsupported, "command: not an absolute path"},
           {"too long", {"/bin/echo", std::string(10 << 20, 'x')}, ErrorCode::too_large, "/bin/echo: "}}) {
    SCOPED_TRACE(c.name);
    const Result<ProcessOutput> output = run_process({c.argv});
    ASSERT_FALSE(output.ok());
    EXPECT_EQ(output.error().code, c.code);
    EXPECT_THAT(output.error().what, HasSubstr(c.what));
    EXPECT_TRUE(has_no_child());
  }
}

TEST(Process, OnlyTheSystemsProgramsAreFound) {
  const auto shell_path = find_program("sh");
  ASSERT_TRUE(shell_path);
  EXPECT_TRUE(shell_path->ends_with("bin/sh")) << *shell_path;
  EXPECT_EQ(find_program("no-such-program"), std::nullopt);
  EXPECT_EQ(find_program("../bin/sh"), std::nullopt);
  EXPECT_EQ(find_program(""), std::nullopt);
}

}  // namespace
}  // namespace vmtriage
