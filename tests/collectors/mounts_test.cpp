#include "collectors/mounts.h"

#include <gtest/gtest.h>

namespace vmtriage {
namespace {

TEST(Mounts, AreReadFromTheTableOfTheKernel) {
  const auto mounts = parse_mountinfo(
      "22 27 0:21 / /proc rw,nosuid shared:5 - proc proc rw\n"
      "98 27 0:45 / /hana/shared rw,relatime shared:53 - nfs4 10.1.0.4:/shared rw,vers=4.1\n"
      "99 27 0:46 /a /mnt/with\\040blank rw - cifs //files/share rw\n"
      "torn line\n"
      "1 2 3 4 -\n");
  ASSERT_EQ(mounts.size(), 3u);
  EXPECT_EQ(mounts[1].path, "/hana/shared");
  EXPECT_EQ(mounts[1].type, "nfs4");
  EXPECT_EQ(mounts[2].path, "/mnt/with blank");
}

TEST(Mounts, ServersAndProgramsMayKeepAReaderWaiting) {
  for (const char* type : {"nfs", "nfs4", "cifs", "fuse", "fuse.sshfs", "ceph"}) EXPECT_TRUE(depends_on_others({"/x", type})) << type;
  for (const char* type : {"ext4", "xfs", "tmpfs", "overlay", "proc", "autofs"}) EXPECT_FALSE(depends_on_others({"/x", type})) << type;
}

}  // namespace
}  // namespace vmtriage
