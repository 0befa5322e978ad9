#include "collectors/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <boost/filesystem.hpp>
#include <cerrno>
#include <optional>

#include "agent/base/text.h"
#include "collectors/file_bytes.h"
#include "collectors/linux/descriptor.h"
#include "collectors/linux/os_error.h"

namespace vmtriage {
namespace {

namespace fs = boost::filesystem;

FileType type_of(mode_t mode) {
  if (S_ISREG(mode)) return FileType::regular;
  if (S_ISDIR(mode)) return FileType::directory;
  if (S_ISLNK(mode)) return FileType::link;
  return FileType::other;
}

/// Not every file system tells.
TypeHint hint_of(unsigned char type) {
  return type == DT_UNKNOWN ? std::nullopt : TypeHint(type_of(static_cast<mode_t>(DTTOIF(type))));
}

FileInfo info_of(const struct stat& status) {
  FileInfo info;
  info.type = type_of(status.st_mode);
  info.size = static_cast<std::uint64_t>(status.st_size);
  info.allocated = static_cast<std::uint64_t>(status.st_blocks) * 512;
  info.modified = Time(std::chrono::seconds(status.st_mtim.tv_sec)) + Ticks(status.st_mtim.tv_nsec / 100);
  info.device = status.st_dev;
  info.inode = status.st_ino;
  return info;
}

class DescriptorBytes : public FileBytes {
 public:
  DescriptorBytes(Descriptor descriptor, std::string path) : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t at, std::span<char> target) override {
    if (!is_cached_) {
      is_cached_ = is_in_cache(at, target);
      begin_ = at;
    }
    for (;;) {
      const ssize_t got = ::pread(descriptor_.get(), target.data(), target.size(), static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return os_error(printable(path_), errno);
      if (!*is_cached_) drop_up_to(at + static_cast<std::uint64_t>(got));
      return static_cast<std::size_t>(got);
    }
  }

  Stretch next_data(std::uint64_t at, std::uint64_t end) override {
    const off_t data = ::lseek(descriptor_.get(), static_cast<off_t>(at), SEEK_DATA);
    // ENXIO: nothing but a hole up to the end. Anything else: a file system without SEEK_DATA.
    if (data < 0) return {errno == ENXIO ? end : at, end};
    const off_t hole = ::lseek(descriptor_.get(), data, SEEK_HOLE);
    return {std::min(static_cast<std::uint64_t>(data), end), hole < 0 ? end : std::min(static_cast<std::uint64_t>(hole), end)};
  }

 private:
  /// Whether somebody else has use for what the system keeps of this file, as far as its first bytes tell. Systems that
  /// do not tell are left alone.
  bool is_in_cache(std::uint64_t at, std::span<char> target) {
    const iovec room{target.data(), std::min<std::size_t>(target.size(), 1)};
    return ::preadv2(descriptor_.get(), &room, 1, static_cast<off_t>(at), RWF_NOWAIT) >= 0 || errno != EAGAIN;
  }

  /// What is read once must not push out of memory what the VM works with.
  void drop_up_to(std::uint64_t end) {
    // From the beginning each time: pages that the system keeps together with later ones go with those.
    ::posix_fadvise(descriptor_.get(), static_cast<off_t>(begin_), static_cast<off_t>(end - std::min(begin_, end)),
                    POSIX_FADV_DONTNEED);
  }

  Descriptor descriptor_;
  std::string path_;
  std::optional<bool> is_cached_;
  std::uint64_t begin_ = 0;  ///< of what is read
};

}  // namespace

Result<FileInfo> file_info(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return os_error(printable(path), errno);
  return info_of(status);
}

Result<OpenedFile> open_file(const std::string& path, std::uint64_t skip_bytes, ReadUntil until) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  // Asked before opening: to open a device or a FIFO can already do something to it.
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return os_error(printable(path), errno);
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::unsupported, printable(path) + ": not a regular file"};
  Descriptor descriptor(::open(path.c_str(), kFlags | O_NOATIME));
  if (!descriptor && errno == EPERM) descriptor = Descriptor(::open(path.c_str(), kFlags));
  if (!descriptor) return os_error(printable(path), errno);
  if (::fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return Error{ErrorCode::unsupported, printable(path) + ": not a regular file"};
  }
  return read_once(std::make_unique<DescriptorBytes>(std::move(descriptor), path), info_of(status), skip_bytes, until);
}

Status for_each_name(const std::string& path, const std::function<void(std::string_view, TypeHint)>& use) {
  struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
  if (!folder) return os_error(printable(path), errno);
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") use(name, hint_of(entry->d_type));
  }
  if (errno != 0) return os_error(printable(path), errno);
  return Done{};
}

Result<std::string> link_target(const std::string& path) {
  boost::system::error_code failure;
  const fs::path target = fs::read_symlink(path, failure);
  if (failure) return os_error(printable(path), failure.value());
  return target.native();
}

Result<std::string> real_path(const std::string& path) { return resolve_links("/", fs::absolute(path).native()); }

}  // namespace vmtriage
