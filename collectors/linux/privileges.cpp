#include "collectors/privileges.h"

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "collectors/linux/os_error.h"

namespace vmtriage {
namespace {

constexpr int kLowestNice = 19;
// linux/ioprio.h, which older kernel headers do not install.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioIdle = 3 << 13;

int descriptor_of(Stream stream) { return static_cast<int>(stream); }
static_assert(static_cast<int>(Stream::input) == STDIN_FILENO && static_cast<int>(Stream::error) == STDERR_FILENO);

}  // namespace

bool is_administrator() { return geteuid() == 0; }

Status read_past_permissions() { return Done{}; }

RightsAdvice rights_advice() {
  return {"not running as root: what only root may read is missing from the bundle; run it with sudo",
          "this user: not root, so a part of the evidence could not be read; run vmtriage with sudo"};
}

Status lower_priority() {
  // Both, even when one fails: each helps the VM alone. 0 is the calling thread, and threads inherit from it.
  const int nice_error = setpriority(PRIO_PROCESS, 0, kLowestNice) == 0 ? 0 : errno;
  const int io_error = syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIoprioIdle) == 0 ? 0 : errno;
  if (nice_error != 0) return os_error("processor priority", nice_error);
  if (io_error != 0) return os_error("disk priority", io_error);
  return Done{};
}

std::chrono::nanoseconds used_processor_time() {
  timespec used = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

std::int64_t peak_memory_kib() {
  rusage usage = {};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

Result<std::uint64_t> disk_free_bytes(const std::string& path) {
  struct statvfs info = {};
  if (statvfs(path.c_str(), &info) != 0) return os_error(path, errno);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

bool is_terminal(Stream stream) { return isatty(descriptor_of(stream)) == 1; }

std::optional<int> terminal_width(Stream stream) {
  winsize size = {};
  if (!is_terminal(stream) || ioctl(descriptor_of(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return std::nullopt;
  return size.ws_col;
}

Language user_language() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return language_of_locale(value);
  }
  return Language::en;
}

}  // namespace vmtriage
