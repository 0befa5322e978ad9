#include "collectors/inode_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace vmtriage {
namespace {

TEST(InodeSet, TellsWhatItHasSeenAsASetOfPairsDoes) {
  InodeSet inodes;
  std::set<std::pair<std::uint64_t, std::uint64_t>> expected;
  std::mt19937_64 random(7);
  for (int i = 0; i < 100'000; ++i) {
    // Inodes of a small disk come one after the other, those of some systems are 64 bits of anything, and 0 is one too.
    const std::uint64_t device = random() % 3, inode = random() % 2 == 0 ? random() % 20'000 : random() | 1u << 20;
    ASSERT_EQ(inodes.insert(device, inode), expected.insert({device, inode}).second) << device << " " << inode;
  }
  EXPECT_TRUE(inodes.insert(9, 0));
  EXPECT_FALSE(inodes.insert(9, 0));
}

}  // namespace
}  // namespace vmtriage
