#include "collectors/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include "collectors/linux/descriptor.h"
#include "collectors/linux/os_error.h"

namespace vmtriage {
namespace {

bool is_own_folder(const std::string& path) {
  struct stat info = {};
  return path.starts_with('/') && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid();
}

/// In /tmp anybody may have put a link, a pipe or a file of his own under our name.
Result<Descriptor> open_lock_file(const std::string& path) {
  Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
  if (!file) return os_error(path, errno);
  struct stat info = {};
  if (fstat(file.get(), &info) != 0) return os_error(path, errno);
  if (!S_ISREG(info.st_mode) || info.st_uid != geteuid() || info.st_nlink != 1) {
    return Error{ErrorCode::access_denied, path + ": is not a file of this user alone"};
  }
  return file;
}

std::optional<long> read_pid(int file) {
  std::array<char, 32> buffer{};
  const ssize_t size = pread(file, buffer.data(), buffer.size(), 0);
  long pid = 0;
  if (size <= 0 || std::from_chars(buffer.data(), buffer.data() + size, pid).ec != std::errc() || pid <= 0) {
    return std::nullopt;
  }
  return pid;
}

Error held_by_another(int file) {
  const auto pid = read_pid(file);
  return {ErrorCode::locked,
          "another vmtriage is running" + (pid ? " (pid " + std::to_string(*pid) + ")" : std::string())};
}

}  // namespace

std::string InstanceLock::default_path() {
  if (geteuid() == 0) return is_own_folder("/run") ? "/run/vmtriage.lock" : "/var/run/vmtriage.lock";
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && is_own_folder(runtime)) return std::string(runtime) + "/vmtriage.lock";
  return "/tmp/vmtriage-" + std::to_string(geteuid()) + ".lock";
}

Result<InstanceLock> InstanceLock::acquire(const std::string& path) {
  Result<Descriptor> file = open_lock_file(path);
  if (!file) return file.error();
  if (flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return held_by_another(file->get());
    return os_error(path, errno);
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(file->get(), 0) != 0 || pwrite(file->get(), pid.data(), pid.size(), 0) < 0)
    return os_error(path, errno);
  return InstanceLock(file->release());
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}

InstanceLock& InstanceLock::operator=(InstanceLock&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

// The file stays: removing it would let a third process lock a file that a second one, which has it open, believes to
// hold.
InstanceLock::~InstanceLock() {
  if (handle_ >= 0) close(static_cast<int>(handle_));
}

}  // namespace vmtriage
