#include "collectors/privileges.h"

#include <windows.h>

#include <psapi.h>

#include <array>

#include "agent/base/time.h"
#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

HANDLE handle_of(Stream stream) {
  switch (stream) {
    case Stream::input: return GetStdHandle(STD_INPUT_HANDLE);
    case Stream::output: return GetStdHandle(STD_OUTPUT_HANDLE);
    case Stream::error: break;
  }
  return GetStdHandle(STD_ERROR_HANDLE);
}

}  // namespace

bool is_administrator() {
  HANDLE opened = nullptr;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &opened)) return false;
  const Handle token(opened);
  TOKEN_ELEVATION elevation{};
  DWORD size = 0;
  return GetTokenInformation(token.get(), TokenElevation, &elevation, sizeof elevation, &size) && elevation.TokenIsElevated != 0;
}

Status read_past_permissions() {
  TOKEN_PRIVILEGES wanted{};
  wanted.PrivilegeCount = 1;
  wanted.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
  HANDLE opened = nullptr;
  if (!LookupPrivilegeValueW(nullptr, SE_BACKUP_NAME, &wanted.Privileges[0].Luid) ||
      !OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, &opened)) {
    return os_error("SeBackupPrivilege", GetLastError());
  }
  const Handle token(opened);
  // It says yes also where the account does not have the privilege.
  if (!AdjustTokenPrivileges(token.get(), FALSE, &wanted, 0, nullptr, nullptr) || GetLastError() != ERROR_SUCCESS) {
    return os_error("SeBackupPrivilege", GetLastError());
  }
  return Done{};
}

RightsAdvice rights_advice() {
  return {"not elevated: what only administrators may read is missing from the bundle; run it from an elevated prompt",
          "this user: not elevated, so a part of the evidence could not be read; run vmtriage from an elevated prompt (Run as "
          "administrator)"};
}

Status lower_priority() {
  // Background mode lowers processor, disk and memory priority; where it does not exist, the processor's alone.
  if (SetPriorityClass(GetCurrentProcess(), PROCESS_MODE_BACKGROUND_BEGIN)) return Done{};
  if (!SetPriorityClass(GetCurrentProcess(), IDLE_PRIORITY_CLASS)) return os_error("processor priority", GetLastError());
  return Error{ErrorCode::unsupported, "disk priority: this Windows has no background mode"};
}

std::chrono::nanoseconds used_processor_time() {
  FILETIME created, ended, kernel, user;
  if (!GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user)) return {};
  const auto ticks = [](const FILETIME& time) {
    return Ticks(static_cast<std::int64_t>(std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime));
  };
  return ticks(kernel) + ticks(user);
}

std::int64_t peak_memory_kib() {
  PROCESS_MEMORY_COUNTERS counters{};
  if (!GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters)) return 0;
  return static_cast<std::int64_t>(counters.PeakWorkingSetSize / 1024);
}

Result<std::uint64_t> disk_free_bytes(const std::string& path) {
  ULARGE_INTEGER free{};
  // It wants a folder and takes no path in the long form without its last backslash.
  std::wstring folder = native_path(path);
  if (!folder.ends_with(L'\\')) folder += L'\\';
  if (!GetDiskFreeSpaceExW(folder.c_str(), &free, nullptr, nullptr)) return os_error(path, GetLastError());
  return std::uint64_t{free.QuadPart};
}

bool is_terminal(Stream stream) {
  DWORD mode = 0;
  return GetConsoleMode(handle_of(stream), &mode) != 0;
}

std::optional<int> terminal_width(Stream stream) {
  CONSOLE_SCREEN_BUFFER_INFO info{};
  if (!GetConsoleScreenBufferInfo(handle_of(stream), &info)) return std::nullopt;
  return info.srWindow.Right - info.srWindow.Left + 1;
}

Language user_language() {
  std::array<wchar_t, LOCALE_NAME_MAX_LENGTH> name{};
  const LCID locale = MAKELCID(GetUserDefaultUILanguage(), SORT_DEFAULT);
  if (LCIDToLocaleName(locale, name.data(), static_cast<int>(name.size()), 0) == 0) return Language::en;
  return language_of_locale(to_utf8(name.data()));
}

}  // namespace vmtriage
