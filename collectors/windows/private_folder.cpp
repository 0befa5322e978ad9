#include "collectors/private_folder.h"

#include <windows.h>

#include <sddl.h>

#include "agent/base/text.h"
#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

/// SYSTEM, administrators, the owner, and the event log service (NT SERVICE\EventLog), which writes its exports there and owns the
/// logs anyway. `P`: nothing is inherited from the parent; `OICI`: what is made inside gets the same.
constexpr wchar_t kPrivateAcl[] =
    L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)"
    L"(A;OICI;FA;;;S-1-5-80-880578595-1860270145-482643319-2788375705-1540778122)";

}  // namespace

Status make_private_folder(const std::string& path) {
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(kPrivateAcl, SDDL_REVISION_1, &descriptor, nullptr)) {
    return os_error(printable(path), GetLastError());
  }
  SECURITY_ATTRIBUTES attributes{sizeof(SECURITY_ATTRIBUTES), descriptor, FALSE};
  const bool made = CreateDirectoryW(native_path(path).c_str(), &attributes) != FALSE;
  const DWORD reason = GetLastError();
  LocalFree(descriptor);
  if (!made) return os_error(printable(path), reason);
  return Done{};
}

void remove_own_folder(const std::string& path) { RemoveDirectoryW(native_path(path).c_str()); }

void remove_own_file(const std::string& path) { DeleteFileW(native_path(path).c_str()); }

}  // namespace vmtriage
