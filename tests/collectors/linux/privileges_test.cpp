#include "collectors/privileges.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace vmtriage {
namespace {

TEST(Privileges, TheStrongestLocaleVariableDecides) {
  setenv("LANG", "ja_JP.UTF-8", 1);
  unsetenv("LC_MESSAGES");
  setenv("LC_ALL", "", 1);
  EXPECT_EQ(user_language(), Language::ja) << "an empty variable counts as none";
  setenv("LC_MESSAGES", "en_US.UTF-8", 1);
  EXPECT_EQ(user_language(), Language::en);
  setenv("LC_ALL", "ja_JP.UTF-8", 1);
  EXPECT_EQ(user_language(), Language::ja);
  for (const char* name : {"LANG", "LC_MESSAGES", "LC_ALL"}) unsetenv(name);
  EXPECT_EQ(user_language(), Language::en);
}

TEST(Privileges, LowPriorityIsTheLowest) {
  // In a child, because an ordinary user cannot take it back.
  const pid_t child = fork();
  if (child == 0) {
    const bool lowered = lower_priority().ok() && getpriority(PRIO_PROCESS, 0) == 19;
    _exit(lowered ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(Privileges, MemoryAndRightsAreThoseOfThisProcess) {
  EXPECT_GT(peak_memory_kib(), 0);
  EXPECT_EQ(is_administrator(), geteuid() == 0);
}

TEST(Privileges, AStreamThatIsNoTerminalHasNoWidth) {
  if (is_terminal(Stream::input)) GTEST_SKIP() << "run with a terminal as input";
  EXPECT_EQ(terminal_width(Stream::input), std::nullopt);
}

}  // namespace
}  // namespace vmtriage
