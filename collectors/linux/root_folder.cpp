#include "collectors/linux/root_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <deque>

#include "agent/base/text.h"
#include "collectors/linux/os_error.h"

namespace vmtriage {
namespace {

constexpr int kMaxLinks = 40;
constexpr std::size_t kMaxNames = 100'000;
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

using Names = std::deque<std::string>;

void put_in_front(Names& names, std::string_view path) {
  const std::vector<std::string_view> parts = split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!part->empty() && *part != ".") names.emplace_front(*part);
  }
}

/// A way down from the root, one open folder per name, so that `..` cannot lead above the root.
class Walk {
 public:
  explicit Walk(int root) : root_(root) {}

  /// 0, or the errno value of what stopped it.
  int go(Names names) {
    int links = 0;
    while (!names.empty()) {
      const std::string name = names.front();
      names.pop_front();
      if (name == "..") {
        if (!below_.empty()) below_.pop_back();
        continue;
      }
      struct stat info = {};
      if (fstatat(here(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return errno;
      const int failed = S_ISLNK(info.st_mode) ? follow(name, names, links) : enter(name, info.st_mode);
      if (failed != 0) return failed;
    }
    return 0;
  }

  Descriptor take_last() {
    if (below_.empty()) return Descriptor(openat(root_, ".", kOpenFlags | O_DIRECTORY));
    return std::move(below_.back());
  }

 private:
  int here() const { return below_.empty() ? root_ : below_.back().get(); }

  int enter(const std::string& name, mode_t mode) {
    if (!S_ISDIR(mode) && !S_ISREG(mode)) return EINVAL;
    Descriptor opened(openat(here(), name.c_str(), kOpenFlags | (S_ISDIR(mode) ? O_DIRECTORY : 0)));
    if (!opened) return errno;
    below_.push_back(std::move(opened));
    return 0;
  }

  int follow(const std::string& name, Names& names, int& links) {
    std::array<char, PATH_MAX> target;
    const ssize_t size = readlinkat(here(), name.c_str(), target.data(), target.size());
    if (size < 0) return errno;
    if (++links > kMaxLinks) return ELOOP;
    const std::string_view text(target.data(), static_cast<std::size_t>(size));
    if (text.starts_with('/')) below_.clear();
    put_in_front(names, text);
    return 0;
  }

  const int root_;
  std::vector<Descriptor> below_;
};

/// Reads up to `size` bytes from `offset` on; less when the file is shorter.
Result<std::string> read_part(int file, std::string_view path, off_t offset, std::size_t size) {
  std::string content(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = pread(file, content.data() + filled, size - filled, offset + static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error(path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  content.resize(filled);
  return content;
}

Result<std::size_t> size_of(int file, std::string_view path) {
  struct stat info = {};
  if (fstat(file, &info) != 0) return os_error(path, errno);
  if (!S_ISREG(info.st_mode)) return os_error(path, S_ISDIR(info.st_mode) ? EISDIR : EINVAL);
  return static_cast<std::size_t>(info.st_size);
}

}  // namespace

Result<RootFolder> RootFolder::open(const std::string& path) {
  Descriptor root(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (!root) return os_error(path, errno);
  return RootFolder(std::move(root));
}

Result<Descriptor> RootFolder::look_up(std::string_view path) const {
  Names names;
  put_in_front(names, path);
  Walk walk(root_.get());
  const int failed = walk.go(std::move(names));
  if (failed != 0) return os_error(path, failed);
  Descriptor last = walk.take_last();
  if (!last) return os_error(path, errno);
  return last;
}

Result<std::string> RootFolder::read_start(std::string_view path, std::size_t max_bytes) const {
  const Result<Descriptor> file = look_up(path);
  if (!file) return file.error();
  const Result<std::size_t> size = size_of(file->get(), path);
  if (!size) return size.error();
  // Files of /proc and /sys have a size of 0 or of a page, whatever they hold: read until nothing comes.
  return read_part(file->get(), path, 0, max_bytes);
}

Result<std::string> RootFolder::read_tail(std::string_view path, std::size_t max_bytes) const {
  const Result<Descriptor> file = look_up(path);
  if (!file) return file.error();
  const Result<std::size_t> size = size_of(file->get(), path);
  if (!size) return size.error();
  return read_part(file->get(), path, static_cast<off_t>(*size - std::min(*size, max_bytes)), max_bytes);
}

Result<std::string> RootFolder::read_file(std::string_view path, std::size_t max_bytes) const {
  Result<std::string> content = read_start(path, max_bytes + 1);
  if (content && content->size() > max_bytes) {
    return Error{ErrorCode::too_large, std::string(path) + ": larger than " + format_size(max_bytes)};
  }
  return content;
}

Result<std::vector<std::string>> RootFolder::list(std::string_view path) const {
  Result<Descriptor> folder = look_up(path);
  if (!folder) return folder.error();
  DIR* stream = fdopendir(folder->get());
  if (stream == nullptr) return os_error(path, errno);
  folder->release();
  std::vector<std::string> names;
  while (const dirent* item = readdir(stream)) {
    const std::string_view name = item->d_name;
    if (name != "." && name != ".." && names.size() <= kMaxNames) names.emplace_back(name);
  }
  closedir(stream);
  if (names.size() > kMaxNames) return Error{ErrorCode::too_large, std::string(path) + ": more than 100000 names"};
  std::sort(names.begin(), names.end());
  return names;
}

bool RootFolder::exists(std::string_view path) const { return look_up(path).ok(); }

}  // namespace vmtriage
