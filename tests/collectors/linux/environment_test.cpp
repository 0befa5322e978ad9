#include "collectors/environment.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/collectors/disk_fixture.h"

namespace vmtriage {
namespace {

using testing::Contains;
using testing::HasSubstr;

class DiskWithLinks : public DiskTest {
 protected:
  void link(const std::string& path, const std::string& target) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::filesystem::create_symlink(target, root_ / path);
  }
};

TEST_F(DiskWithLinks, ALinkIsFollowedToTheFileOnTheSameDisk) {
  write("usr/lib/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
  link("etc/os-release", "../usr/lib/os-release");
  EXPECT_EQ(read().os, "Debian GNU/Linux 12 (bookworm)");
}

TEST_F(DiskWithLinks, LinksResolveInsideTheDisk) {
  write("real/deep/name", "inside\n");
  link("real/hostname", "/real/deep/name");
  link("etc", "/real");
  EXPECT_EQ(read().host_name, "inside");
}

TEST_F(DiskWithLinks, LinksDoNotLeadOutOfTheDisk) {
  std::ofstream(folder_.file("secret")) << "outside\n";
  for (const std::string& target :
       {folder_.file("secret"), std::string("../../secret"), std::string("../../../secret")}) {
    SCOPED_TRACE(target);
    std::filesystem::remove_all(root_ / "etc");
    link("etc/hostname", target);
    EXPECT_EQ(read().host_name, "");
  }
  write("secret", "inside\n");
  EXPECT_EQ(read().host_name, "inside") << "`..` ends at the disk's root";
}

TEST_F(DiskWithLinks, LinksInACircleArePassedOver) {
  link("etc/hostname", "hostname2");
  link("etc/hostname2", "hostname");
  EXPECT_THAT(read().notes, Contains(HasSubstr("/etc/hostname: too many links")));
}

TEST_F(DiskWithLinks, PipesAndFoldersAreNotRead) {
  std::filesystem::create_directories(root_ / "etc");
  ASSERT_EQ(mkfifo((root_ / "etc/hostname").c_str(), 0600), 0);
  std::filesystem::create_directories(root_ / "etc/os-release");
  const Environment environment = read();
  EXPECT_EQ(environment.host_name, "");
  EXPECT_THAT(environment.notes, Contains("/etc/os-release: not a regular file"));
}

}  // namespace
}  // namespace vmtriage
