#pragma once

#include <cstdint>
#include <string>

#include "agent/base/result.h"

namespace vmtriage {

/// Held while this program works, so that two runs (a scheduled one and a person's) do not load a sick VM twice and do
/// not write the same state. It belongs to the process, not to the file: a file left behind by a crash locks nothing.
class InstanceLock {
 public:
  /// Errors: locked ("another vmtriage is running (pid 123)"), access_denied (the file belongs to somebody else), io.
  static Result<InstanceLock> acquire(const std::string& path = default_path());

  /// Linux: `/run/vmtriage.lock` for root, else in `$XDG_RUNTIME_DIR`, else `/tmp/vmtriage-<uid>.lock`.
  static std::string default_path();

  InstanceLock(InstanceLock&& other) noexcept;
  InstanceLock& operator=(InstanceLock&& other) noexcept;
  InstanceLock(const InstanceLock&) = delete;
  InstanceLock& operator=(const InstanceLock&) = delete;
  ~InstanceLock();

 private:
  explicit InstanceLock(std::intptr_t handle) : handle_(handle) {}

  std::intptr_t handle_;  ///< the system's handle of the lock file, -1 when it was moved away
};

}  // namespace vmtriage
