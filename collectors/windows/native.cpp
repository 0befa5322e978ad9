#include "collectors/windows/native.h"

#include <winsock2.h>

#include <algorithm>
#include <array>
#include <vector>

#include "agent/base/text.h"
#include "collectors/files.h"
#include "collectors/privileges.h"

namespace vmtriage {
namespace {

/// ERROR_ELEVATION_REQUIRED, which the headers of mingw-w64 10 lack.
constexpr DWORD kElevationRequired = 740;

ErrorCode code_of(DWORD number) {
  switch (number) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_BAD_NETPATH:
    case ERROR_BAD_NET_NAME:
    case ERROR_INVALID_NAME:
    case ERROR_INVALID_DRIVE:
    case ERROR_NOT_READY:
    case ERROR_DIRECTORY:
      return ErrorCode::not_found;
    case ERROR_ACCESS_DENIED:
    case ERROR_PRIVILEGE_NOT_HELD:
    case ERROR_WRITE_PROTECT:
    case kElevationRequired:
    case WSAEACCES:
      return ErrorCode::access_denied;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
      return ErrorCode::locked;
    case WSAETIMEDOUT:
    case ERROR_SEM_TIMEOUT:
      return ErrorCode::timed_out;
    case ERROR_FILENAME_EXCED_RANGE:
      return ErrorCode::too_large;
    case ERROR_CALL_NOT_IMPLEMENTED:
    case ERROR_BAD_EXE_FORMAT:
    case ERROR_NOT_SUPPORTED:
      return ErrorCode::unsupported;
    default:
      return ErrorCode::io;
  }
}

/// For what an administrator meets most, words that say what to do; nothing for all else.
std::string_view own_message_of(DWORD number) {
  switch (number) {
    case ERROR_SHARING_VIOLATION: return "used by another process";
    case ERROR_LOCK_VIOLATION: return "a part of it is locked by another process";
    case ERROR_ACCESS_DENIED: return is_administrator() ? "access denied" : "access denied; run vmtriage elevated (Run as administrator)";
    default: return {};
  }
}

/// English where Windows has it: the reports are read by other people than this machine's users.
std::string message_of(DWORD number) {
  if (const std::string_view own = own_message_of(number); !own.empty()) return std::string(own);
  std::array<wchar_t, 512> text{};
  for (const DWORD language : {static_cast<DWORD>(MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US)), DWORD{0}}) {
    const DWORD size = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, number, language, text.data(),
                                      static_cast<DWORD>(text.size()), nullptr);
    if (size == 0) continue;
    std::string message = to_utf8({text.data(), size});
    while (message.ends_with('\n') || message.ends_with('\r') || message.ends_with('.') || message.ends_with(' ')) message.pop_back();
    return message;
  }
  return "error " + std::to_string(number);
}

/// Without `.`, `..` and empty parts, which a path behind `\\?\` must not have.
std::wstring normalised(const std::vector<std::string_view>& parts) {
  std::vector<std::string_view> kept;
  for (const std::string_view part : parts) {
    if (part == ".." && !kept.empty()) kept.pop_back();
    if (!part.empty() && part != "." && part != "..") kept.push_back(part);
  }
  std::wstring text;
  for (const std::string_view part : kept) text += L"\\" + to_wide(part);
  return text;
}

std::wstring absolute(const std::wstring& path) {
  std::wstring full(GetFullPathNameW(path.c_str(), 0, nullptr, nullptr), L'\0');
  full.resize(GetFullPathNameW(path.c_str(), static_cast<DWORD>(full.size()), full.data(), nullptr));
  return full;
}

}  // namespace

std::wstring to_wide(std::string_view utf8) {
  const std::string bytes = utf8_to_utf16(utf8);
  std::wstring wide(bytes.size() / sizeof(wchar_t), L'\0');
  std::copy_n(bytes.data(), wide.size() * sizeof(wchar_t), reinterpret_cast<char*>(wide.data()));
  return wide;
}

std::string to_utf8(std::wstring_view wide) {
  return utf16_to_utf8({reinterpret_cast<const char*>(wide.data()), wide.size() * sizeof(wchar_t)});
}

std::string system_drive() {
  std::array<wchar_t, MAX_PATH> folder{};
  const UINT size = GetSystemWindowsDirectoryW(folder.data(), static_cast<UINT>(folder.size()));
  return size < 2 ? "C:" : to_utf8({folder.data(), 2});
}

std::wstring native_path(std::string_view path) {
  std::string slashed(path);
  std::replace(slashed.begin(), slashed.end(), '\\', '/');
  if (slashed.starts_with("//?/UNC/")) slashed = "//" + slashed.substr(8);
  if (slashed.starts_with("//?/")) slashed.erase(0, 4);
  if (slashed.starts_with("//")) return L"\\\\?\\UNC" + normalised(split(slashed, '/'));
  if (slashed.starts_with('/')) slashed = has_drive(slashed.substr(1)) ? slashed.substr(1) : system_drive() + slashed;
  if (has_drive(slashed)) {
    const std::wstring rest = normalised(split(std::string_view(slashed).substr(2), '/'));
    return L"\\\\?\\" + to_wide(slashed.substr(0, 2)) + (rest.empty() ? L"\\" : rest);
  }
  const std::string full = path_of(absolute(to_wide(slashed)));
  return has_drive(full) || full.starts_with("//") ? native_path(full) : to_wide(full);
}

std::string path_of(std::wstring_view native) {
  std::string path = to_utf8(native);
  std::replace(path.begin(), path.end(), '\\', '/');
  if (path.starts_with("//?/UNC/")) return "//" + path.substr(8);
  return path.starts_with("//?/") ? path.substr(4) : path;
}

bool is_same_file(HANDLE a, HANDLE b) {
  BY_HANDLE_FILE_INFORMATION first{}, second{};
  return GetFileInformationByHandle(a, &first) && GetFileInformationByHandle(b, &second) &&
         first.dwVolumeSerialNumber == second.dwVolumeSerialNumber && first.nFileIndexHigh == second.nFileIndexHigh &&
         first.nFileIndexLow == second.nFileIndexLow;
}

std::string shown(std::string_view path) {
  std::string text = path_of(native_path(path));
  std::replace(text.begin(), text.end(), '/', '\\');
  return printable(text);
}

Error os_error(std::string_view thing, DWORD number) { return {code_of(number), std::string(thing) + ": " + message_of(number)}; }

}  // namespace vmtriage
