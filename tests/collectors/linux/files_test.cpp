#include "collectors/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "tests/agent/scratch_folder.h"

namespace vmtriage {
namespace {

constexpr std::size_t kBytes = 8 << 20;

/// How many pages of a file the system has in memory.
std::size_t pages_in_memory(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  void* const view = ::mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file, 0);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages(kBytes / page);
  ::mincore(view, kBytes, pages.data());
  ::munmap(view, kBytes);
  ::close(file);
  return static_cast<std::size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char p) { return (p & 1) != 0; }));
}

void forget(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ::fsync(file);
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  ::close(file);
}

void read_all(const std::string& path) {
  auto file = open_file(path);
  ASSERT_TRUE(file.ok());
  std::string buffer(1 << 20, '\0');
  std::size_t bytes = 0;
  for (auto got = file->read(buffer); got && *got > 0; got = file->read(buffer)) bytes += *got;
  EXPECT_EQ(bytes, kBytes);
}

TEST(OpenedFileCache, FileThatNobodyElseUsedIsNotKeptInMemory) {
  const ScratchFolder folder;
  const std::string path = folder.file("a.log");
  write_bytes(path, std::string(kBytes, 'x'));
  forget(path);
  if (pages_in_memory(path) > 0) GTEST_SKIP() << "this file system keeps all in memory";
  read_all(path);
  // What the system read ahead of the last block may still be there.
  EXPECT_LE(pages_in_memory(path), kBytes / 4096 / 8);
}

TEST(OpenedFileCache, FileThatTheVmWorksWithStaysInMemory) {
  const ScratchFolder folder;
  const std::string path = folder.file("a.log");
  write_bytes(path, std::string(kBytes, 'x'));
  const std::size_t before = pages_in_memory(path);
  if (before < kBytes / 4096) GTEST_SKIP() << "this file system keeps nothing in memory";
  read_all(path);
  EXPECT_EQ(pages_in_memory(path), before);
}

TEST(FolderList, TellsWhatItsNamesStandForAsTheFilesThemselvesDo) {
  const ScratchFolder folder;
  for (const char* name : {"a file", "b"}) std::ofstream(folder.path() + "/" + name) << "x";
  ASSERT_EQ(::mkdir((folder.path() + "/folder").c_str(), 0700), 0);
  ASSERT_EQ(::symlink("a file", (folder.path() + "/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((folder.path() + "/pipe").c_str(), 0600), 0);
  const auto names = list_folder(folder.path());
  ASSERT_TRUE(names);
  ASSERT_EQ(names->size(), 5u);
  for (std::size_t i = 0; i < names->size(); ++i) {
    const auto info = file_info(folder.path() + "/" + std::string((*names)[i]));
    ASSERT_TRUE(info);
    // Not every file system tells.
    EXPECT_EQ(names->type(i).value_or(info->type), info->type) << (*names)[i];
  }
}

}  // namespace
}  // namespace vmtriage
