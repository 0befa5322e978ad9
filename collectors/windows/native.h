#pragma once

#include <windows.h>

#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "collectors/owned.h"

namespace vmtriage {

/// UTF-8 to what Windows' functions take, and back; invalid sequences become U+FFFD.
std::wstring to_wide(std::string_view utf8);
std::string to_utf8(std::wstring_view wide);

/// A path as CreateFileW takes it, whatever its length: `\\?\C:\Windows\…`, `\\?\UNC\server\share\…`.
///
///     /Windows/System32   a path of the VM: on the drive that Windows runs from
///     /D:/Data            the same, on another one
///     C:/Temp/x, x/y      a path of this machine
std::wstring native_path(std::string_view path);

/// `C:/Temp/x` from `\\?\C:\Temp\x`.
std::string path_of(std::wstring_view native);

/// The same for people: `C:\Windows\System32` for `/Windows/System32`, fit for a message.
std::string shown(std::string_view path);

/// `C:`, the drive that Windows runs from.
std::string system_drive();

/// The Error for a code of GetLastError: `os_error("C:/x", ERROR_ACCESS_DENIED)` reads "C:/x: access denied".
Error os_error(std::string_view thing, DWORD number);

/// Whether two handles are of one file, whatever its names.
bool is_same_file(HANDLE a, HANDLE b);

struct HandleTraits {
  using Value = HANDLE;
  static HANDLE none() { return INVALID_HANDLE_VALUE; }
  static bool is_none(HANDLE handle) { return handle == INVALID_HANDLE_VALUE || handle == nullptr; }
  static void close(HANDLE handle) { CloseHandle(handle); }
};

using Handle = Owned<HandleTraits>;

}  // namespace vmtriage
