#include "agent/zip_writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/agent/scratch_folder.h"

namespace vmtriage {
namespace {

/// A target that takes no more than this many bytes.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(ZipWriterOnLinux, IsReadableByItsOwnerOnlyBeforeAndAfter) {
  const ScratchFolder folder;
  const mode_t mask = umask(0);
  auto zip = std::move(*ZipWriter::create(folder.file("a.zip")));
  const auto mode = [](const std::string& path) {
    struct stat status {};
    EXPECT_EQ(stat(path.c_str(), &status), 0);
    return status.st_mode & 07777;
  };
  EXPECT_EQ(mode(std::filesystem::directory_iterator(folder.path())->path().string()), 0600u);
  ASSERT_TRUE(zip->finish().ok());
  EXPECT_EQ(mode(folder.file("a.zip")), 0600u);
  umask(mask);
}

TEST(ZipWriterOnLinux, FullTargetIsAnErrorOfTheEntryAndTheRestIsFinished) {
  const ScratchFolder folder;
  const FileSizeLimit limit(1 << 20);
  for (const std::size_t size : {2u << 20, 9u << 20}) {
    auto zip = std::move(*ZipWriter::create(folder.file("a.zip")));
    {
      Result<ZipWriter::Entry> large = zip->open("large", {});
      Status status = large->write(noise(size));
      if (status) status = large->close();
      ASSERT_FALSE(status.ok());
      EXPECT_EQ(status.error().code, ErrorCode::too_large);
      EXPECT_EQ(status.error().what, folder.file("a.zip") + ": File too large");
    }
    Result<ZipWriter::Entry> small = zip->open("small", {});
    ASSERT_TRUE(small->write("1").ok());
    ASSERT_TRUE(small->close().ok());
    EXPECT_TRUE(zip->finish().ok());
    if (has_tool("unzip")) {
      EXPECT_EQ(run_quietly("unzip -t " + folder.file("a.zip") + " small"), 0);
    }
  }
}

TEST(ZipWriterOnLinux, HeldEntryThatFindsTheTargetFullIsNamed) {
  const ScratchFolder folder;
  const FileSizeLimit limit(9 << 20);
  auto zip = std::move(*ZipWriter::create(folder.file("a.zip")));
  Result<ZipWriter::Entry> large = zip->open("large", {});
  ASSERT_TRUE(large->write(noise(8 << 20)).ok());
  Result<ZipWriter::Entry> held = zip->open("held", {});
  ASSERT_TRUE(held->write(noise(2 << 20)).ok());
  ASSERT_TRUE(held->close().ok());
  EXPECT_TRUE(zip->lost().empty());
  ASSERT_TRUE(large->close().ok());
  EXPECT_EQ(zip->lost(), std::vector<std::string>{"held"});
  EXPECT_TRUE(zip->finish().ok());
}

TEST(ZipWriterOnLinux, FullDiskIsNamed) {
  const ScratchFolder folder;
  if (run_quietly("mount -t tmpfs -o size=1m none " + folder.path()) != 0) GTEST_SKIP() << "tmpfs cannot be mounted";
  {
    auto zip = std::move(*ZipWriter::create(folder.file("a.zip")));
    {
      Result<ZipWriter::Entry> entry = zip->open("large", {});
      const Status status = entry->write(noise(9 << 20));
      ASSERT_FALSE(status.ok());
      EXPECT_EQ(status.error().what, folder.file("a.zip") + ": No space left on device");
    }
    EXPECT_TRUE(zip->finish().ok());
  }
  EXPECT_EQ(run_quietly("umount " + folder.path()), 0);
}

}  // namespace
}  // namespace vmtriage
