#include "collectors/mounts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "collectors/finder.h"

namespace vmtriage {
namespace {

/// A file system whose server never says a word: every call that touches it waits, as with an NFS server that is gone.
class DeadMount {
 public:
  DeadMount() : point_(std::filesystem::temp_directory_path() / ("vmtriage-dead-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(point_ / "hana");
    device_ = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    const std::string options = "fd=" + std::to_string(device_) + ",rootmode=40000,user_id=0,group_id=0";
    mounted_ = device_ >= 0 && mount("dead", hana().c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) == 0;
  }
  ~DeadMount() {
    if (device_ >= 0) close(device_);  // this ends the calls that wait
    if (mounted_) umount2(hana().c_str(), MNT_DETACH);
    std::filesystem::remove_all(point_);
  }

  bool is_mounted() const { return mounted_; }
  std::string root() const { return point_.string(); }
  std::string hana() const { return (point_ / "hana").string(); }

 private:
  std::filesystem::path point_;
  int device_ = -1;
  bool mounted_ = false;
};

TEST(Mounts, AFileSystemThatDoesNotAnswerIsNamedAndNotTouched) {
  const DeadMount dead;
  if (!dead.is_mounted()) GTEST_SKIP() << "needs root and /dev/fuse";
  const std::vector<MountPoint> silent = silent_mounts(std::chrono::milliseconds(200));
  const auto found = std::find_if(silent.begin(), silent.end(), [&](const MountPoint& each) { return each.path == dead.hana(); });
  ASSERT_NE(found, silent.end());

  // Each of these would wait for ever.
  const Finder finder(dead.root(), {"/hana/**"}, silent, nullptr);
  std::vector<std::string> refused;
  const auto use = [](const FoundFile& file) { ADD_FAILURE() << file.path; };
  const auto refuse = [&](const std::string&, const std::string& reason, std::uint64_t) { refused.push_back(reason); };
  for (const char* glob : {"/hana/shared/*/trace/backup.log", "/hana/**", "/**/backup.log", "/*", "/*/x"}) {
    refused.clear();
    finder.find(glob, use, refuse);
    ASSERT_EQ(refused.size(), 1u) << glob;
    EXPECT_NE(refused[0].find("/hana: the fuse file system mounted here does not answer"), std::string::npos) << refused[0];
  }
  finder.search({"backup.log"}, use, refuse);
}

}  // namespace
}  // namespace vmtriage
