#include "collectors/stop.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace vmtriage {
namespace {

/// In a child process: the flag cannot be taken back, and the handlers stay.
int exit_code_of(int (*work)()) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

template <int kSignal>
int raise_twice() {
  signal(kSignal, SIG_DFL);
  watch_for_stop();
  if (stop_requested()) return 1;
  raise(kSignal);
  if (!stop_requested()) return 2;
  raise(kSignal);
  return stop_requested() ? 0 : 3;
}

TEST(Stop, SignalsSetTheFlagAndASecondOneDoesNothingMore) {
  EXPECT_EQ(exit_code_of(raise_twice<SIGINT>), 0);
  EXPECT_EQ(exit_code_of(raise_twice<SIGTERM>), 0);
  EXPECT_EQ(exit_code_of(raise_twice<SIGHUP>), 0);
}

TEST(Stop, ARunUnderNohupGoesOnWhenItsTerminalCloses) {
  EXPECT_EQ(exit_code_of([] {
              signal(SIGHUP, SIG_IGN);
              watch_for_stop();
              raise(SIGHUP);
              return stop_requested() ? 1 : 0;
            }),
            0);
}

TEST(Stop, AClosedPipeIsNoReasonToEnd) {
  EXPECT_EQ(exit_code_of([] {
              watch_for_stop();
              raise(SIGPIPE);
              return stop_requested() ? 1 : 0;
            }),
            0);
}

}  // namespace
}  // namespace vmtriage
