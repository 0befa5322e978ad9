#include "collectors/privileges.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace vmtriage {
namespace {

TEST(Privileges, LocaleNamesTellTheLanguage) {
  struct Case {
    const char* locale;
    Language language;
  };
  for (const Case& c :
       {Case{"ja_JP.UTF-8", Language::ja}, Case{"ja", Language::ja}, Case{"ja-JP", Language::ja},
        Case{"ja.utf8", Language::ja}, Case{"Japanese_Japan.932", Language::ja}, Case{"ja_JP@cjknarrow", Language::ja},
        Case{"jam_JM", Language::en}, Case{"en_US.UTF-8", Language::en}, Case{"C", Language::en},
        Case{"POSIX", Language::en}, Case{"", Language::en}}) {
    EXPECT_EQ(language_of_locale(c.locale), c.language) << c.locale;
  }
}

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

TEST(Privileges, FreeSpaceIsKnownForFoldersThatExist) {
  EXPECT_TRUE(disk_free_bytes("/").ok());
  const auto missing = disk_free_bytes("/no/such/folder");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_TRUE(missing.error().what.starts_with("/no/such/folder: "));
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
