#include "collectors/instance_lock.h"

#include <gtest/gtest.h>
#include <windows.h>

#include "tests/agent/scratch_folder.h"

namespace vmtriage {
namespace {

TEST(WindowsInstanceLock, ASecondOneIsTurnedAwayWithTheFirstOnesNumber) {
  const ScratchFolder folder;
  const auto first = InstanceLock::acquire(folder.file("lock"));
  ASSERT_TRUE(first.ok()) << first.error().what;
  const auto second = InstanceLock::acquire(folder.file("lock"));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::locked);
  EXPECT_EQ(second.error().what, "another vmtriage is running (pid " + std::to_string(GetCurrentProcessId()) + ")");
}

TEST(WindowsInstanceLock, EndsWithItsObject) {
  const ScratchFolder folder;
  write_bytes(folder.file("lock"), "123456789 of a run that crashed\n");
  EXPECT_TRUE(InstanceLock::acquire(folder.file("lock")).ok());
  EXPECT_TRUE(InstanceLock::acquire(folder.file("lock")).ok());
}

}  // namespace
}  // namespace vmtriage
