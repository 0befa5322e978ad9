#include "collectors/instance_lock.h"

#include <utility>

#include "agent/base/text.h"
#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

/// The process number stands in the file so that it can be told who holds it: readers are let in, writers are not.
constexpr DWORD kShare = FILE_SHARE_READ;

Error held_by_another(const std::string& path) {
  const Handle file(CreateFileW(native_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
  std::string pid(16, '\0');
  DWORD size = 0;
  if (file && ReadFile(file.get(), pid.data(), static_cast<DWORD>(pid.size()), &size, nullptr)) pid.resize(size);
  pid = trim(pid.substr(0, pid.find_first_not_of("0123456789")));
  return {ErrorCode::locked, "another vmtriage is running" + (pid.empty() ? "" : " (pid " + pid + ")")};
}

}  // namespace

std::string InstanceLock::default_path() {
  // %ProgramData%, whose environment variable could be another's; an administrator's file there is closed to users.
  return system_drive() + "/ProgramData/vmtriage.lock";
}

Result<InstanceLock> InstanceLock::acquire(const std::string& path) {
  Handle file(CreateFileW(native_path(path).c_str(), GENERIC_WRITE, kShare, nullptr, OPEN_ALWAYS,
                          FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
  if (!file && GetLastError() == ERROR_SHARING_VIOLATION) return held_by_another(path);
  if (!file) return os_error(path, GetLastError());
  BY_HANDLE_FILE_INFORMATION facts{};
  if (!GetFileInformationByHandle(file.get(), &facts)) return os_error(path, GetLastError());
  if ((facts.dwFileAttributes & (FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DIRECTORY)) != 0 || facts.nNumberOfLinks != 1) {
    return Error{ErrorCode::access_denied, path + ": is not a plain file"};
  }
  const std::string pid = std::to_string(GetCurrentProcessId()) + "\n";
  DWORD written = 0;
  if (!SetEndOfFile(file.get()) || !WriteFile(file.get(), pid.data(), static_cast<DWORD>(pid.size()), &written, nullptr)) {
    return os_error(path, GetLastError());
  }
  return InstanceLock(reinterpret_cast<std::intptr_t>(file.release()));
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}

InstanceLock& InstanceLock::operator=(InstanceLock&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

InstanceLock::~InstanceLock() { Handle(reinterpret_cast<HANDLE>(handle_)).close(); }

}  // namespace vmtriage
