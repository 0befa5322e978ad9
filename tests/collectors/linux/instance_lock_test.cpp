#include "collectors/instance_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace vmtriage {
namespace {

class InstanceLockTest : public testing::Test {
 protected:
  InstanceLockTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vmtriage-lock-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/vmtriage.lock";
  }
  ~InstanceLockTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

/// Another process that holds the lock until it is killed.
class Holder {
 public:
  explicit Holder(const std::string& path) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    pid_ = fork();
    if (pid_ == 0) {
      const auto lock = InstanceLock::acquire(path);
      const char told = lock.ok() ? '1' : '0';
      if (write(ready[1], &told, 1) == 1) pause();
      _exit(0);
    }
    char told = '0';
    EXPECT_EQ(read(ready[0], &told, 1), 1);
    EXPECT_EQ(told, '1');
    close(ready[0]);
    close(ready[1]);
  }
  ~Holder() { crash(); }

  pid_t pid() const { return pid_; }
  void crash() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

TEST_F(InstanceLockTest, ASecondProcessIsTurnedAwayWithTheFirstOnesNumber) {
  const Holder holder(path_);
  const auto lock = InstanceLock::acquire(path_);
  ASSERT_FALSE(lock.ok());
  EXPECT_EQ(lock.error().code, ErrorCode::locked);
  EXPECT_EQ(lock.error().what, "another vmtriage is running (pid " + std::to_string(holder.pid()) + ")");
}

TEST_F(InstanceLockTest, TheFileOfACrashedRunLocksNothing) {
  Holder holder(path_);
  holder.crash();
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(InstanceLock::acquire(path_).ok());
}

TEST_F(InstanceLockTest, TheLockEndsWithItsObject) {
  {
    const auto lock = InstanceLock::acquire(path_);
    ASSERT_TRUE(lock.ok());
    EXPECT_FALSE(InstanceLock::acquire(path_).ok());
  }
  EXPECT_TRUE(InstanceLock::acquire(path_).ok());
}

TEST_F(InstanceLockTest, AMovedLockIsStillHeld) {
  auto first = InstanceLock::acquire(path_);
  ASSERT_TRUE(first.ok());
  const InstanceLock moved = std::move(*first);
  EXPECT_FALSE(InstanceLock::acquire(path_).ok());
}

TEST_F(InstanceLockTest, TheFileIsPrivate) {
  const auto lock = InstanceLock::acquire(path_);
  struct stat info = {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(InstanceLockTest, NoLinkIsFollowedAndNoForeignFileIsWrittenTo) {
  const std::string linked = folder_ + "/linked";
  const std::string doubled = folder_ + "/doubled";
  for (const std::string& victim : {linked, doubled}) std::ofstream(victim) << "precious";
  std::filesystem::create_symlink(linked, folder_ + "/link");
  std::filesystem::create_symlink(folder_ + "/new", folder_ + "/dangling");
  std::filesystem::create_hard_link(doubled, folder_ + "/hard");
  ASSERT_EQ(mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
  for (const char* name : {"link", "dangling", "hard", "fifo"}) {
    SCOPED_TRACE(name);
    EXPECT_FALSE(InstanceLock::acquire(folder_ + "/" + name).ok());
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/new"));
  for (const std::string& victim : {linked, doubled}) {
    std::string content;
    std::ifstream(victim) >> content;
    EXPECT_EQ(content, "precious");
  }
}

TEST_F(InstanceLockTest, AFolderThatIsNotThereIsAnError) {
  const auto lock = InstanceLock::acquire(folder_ + "/missing/vmtriage.lock");
  ASSERT_FALSE(lock.ok());
  EXPECT_EQ(lock.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace vmtriage
