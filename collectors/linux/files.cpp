#include "collectors/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/filesystem.hpp>
#include <cerrno>
#include <cstring>
#include <limits>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

namespace fs = boost::filesystem;

Error system_error(const std::string& path, int number) {
  ErrorCode code = ErrorCode::io;
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      code = ErrorCode::not_found;
      break;
    case EACCES:
    case EPERM:
      code = ErrorCode::access_denied;
      break;
    case EAGAIN:
    case ETXTBSY:
    case EBUSY:
      code = ErrorCode::locked;
      break;
    default:
      break;
  }
  return {code, printable(path) + ": " + std::strerror(number)};
}

FileType type_of(mode_t mode) {
  if (S_ISREG(mode)) return FileType::regular;
  if (S_ISDIR(mode)) return FileType::directory;
  if (S_ISLNK(mode)) return FileType::link;
  return FileType::other;
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

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(number_); }
  int number() const { return number_; }

 private:
  int number_;
};

constexpr std::uint64_t kUnknownSize = std::numeric_limits<std::uint64_t>::max();

/// One pass over an open file up to the size it had, stepping over holes.
class FileReader {
 public:
  FileReader(int descriptor, std::string path, std::uint64_t at, std::uint64_t end, bool sparse)
      : descriptor_(std::make_shared<Descriptor>(descriptor)),
        path_(std::move(path)),
        at_(at),
        end_(end),
        sparse_(sparse) {}

  Result<std::size_t> read(std::span<char> target) {
    if (sparse_ && at_ >= data_end_) step_over_hole();
    const std::uint64_t limit = sparse_ ? std::min(data_end_, end_) : end_;
    if (at_ >= limit) return std::size_t{0};
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(target.size(), limit - at_));
    for (;;) {
      const ssize_t got = ::pread(descriptor_->number(), target.data(), wanted, static_cast<off_t>(at_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_error(path_, errno);
      at_ += static_cast<std::uint64_t>(got);
      if (got == 0) {
        if (end_ != kUnknownSize) *lost_bytes_ += end_ - at_;
        end_ = at_;
      }
      return static_cast<std::size_t>(got);
    }
  }

  std::shared_ptr<std::uint64_t> hole_bytes() const { return hole_bytes_; }
  std::shared_ptr<std::uint64_t> lost_bytes() const { return lost_bytes_; }

 private:
  void step_over_hole() {
    const off_t data = ::lseek(descriptor_->number(), static_cast<off_t>(at_), SEEK_DATA);
    if (data < 0) {
      // ENXIO: nothing but a hole up to the end. Anything else: a file system without SEEK_DATA, to be read as it is.
      const bool only_hole = errno == ENXIO;
      if (only_hole && end_ > at_) *hole_bytes_ += end_ - at_;
      if (only_hole) at_ = end_;
      sparse_ = only_hole;
      data_end_ = end_;
      return;
    }
    const auto begin = std::min(static_cast<std::uint64_t>(data), end_);
    *hole_bytes_ += begin - at_;
    at_ = begin;
    const off_t hole = ::lseek(descriptor_->number(), data, SEEK_HOLE);
    data_end_ = hole < 0 ? end_ : static_cast<std::uint64_t>(hole);
  }

  std::shared_ptr<Descriptor> descriptor_;
  std::string path_;
  std::uint64_t at_;
  std::uint64_t end_;
  std::uint64_t data_end_ = 0;
  bool sparse_;
  std::shared_ptr<std::uint64_t> hole_bytes_ = std::make_shared<std::uint64_t>(0);
  std::shared_ptr<std::uint64_t> lost_bytes_ = std::make_shared<std::uint64_t>(0);
};

}  // namespace

Result<FileInfo> file_info(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return system_error(path, errno);
  return info_of(status);
}

Result<OpenedFile> open_file(const std::string& path, std::uint64_t skip_bytes, ReadUntil until) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  // Asked before opening: to open a device or a FIFO can already do something to it.
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return system_error(path, errno);
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::unsupported, printable(path) + ": not a regular file"};
  int descriptor = ::open(path.c_str(), kFlags | O_NOATIME);
  if (descriptor < 0 && errno == EPERM) descriptor = ::open(path.c_str(), kFlags);
  if (descriptor < 0) return system_error(path, errno);
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return Error{ErrorCode::unsupported, printable(path) + ": not a regular file"};
  }
  const FileInfo info = info_of(status);
  const std::uint64_t begin = std::min(skip_bytes, info.size);
  const std::uint64_t end = until == ReadUntil::nothing_comes ? kUnknownSize : info.size;
  const bool sparse = until == ReadUntil::size_at_open && info.allocated < info.size;
  auto reader = std::make_shared<FileReader>(descriptor, path, begin, end, sparse);
  OpenedFile opened;
  opened.size = info.size - begin;
  opened.hole_bytes = reader->hole_bytes();
  opened.lost_bytes = reader->lost_bytes();
  opened.read = [reader](std::span<char> target) { return reader->read(target); };
  return opened;
}

Status for_each_name(const std::string& path, const std::function<void(std::string_view)>& use) {
  boost::system::error_code failure;
  fs::directory_iterator entry(path, failure);
  for (; !failure && entry != fs::directory_iterator(); entry.increment(failure)) use(entry->path().filename().native());
  if (failure) return system_error(path, failure.value());
  return Done{};
}

Result<std::string> link_target(const std::string& path) {
  boost::system::error_code failure;
  const fs::path target = fs::read_symlink(path, failure);
  if (failure) return system_error(path, failure.value());
  return target.native();
}

Result<std::string> real_path(const std::string& path) { return resolve_links("/", fs::absolute(path).native()); }

}  // namespace vmtriage
