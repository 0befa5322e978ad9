#include "collectors/event_log.h"

#include <windows.h>

#include "agent/base/text.h"
#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

/// EvtExportLogChannelPath of winevt.h.
constexpr DWORD kChannelPath = 1;
constexpr const char* kService = "event log service";

using EvtExportLog = BOOL(WINAPI*)(HANDLE session, LPCWSTR channel, LPCWSTR query, LPCWSTR target, DWORD flags);

/// Not linked, so that the program starts where it is missing. It stays loaded: a call that was given up still runs in it.
EvtExportLog find_export() {
  const HMODULE library = LoadLibraryExW(L"wevtapi.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
  return library == nullptr ? nullptr : reinterpret_cast<EvtExportLog>(reinterpret_cast<void*>(GetProcAddress(library, "EvtExportLog")));
}

/// `C:\out\1.evtx`: it takes no path in the long form where a short one will do.
std::wstring plain_path(const std::string& path) {
  const std::wstring native = native_path(path);
  const bool short_drive_path = native.size() < MAX_PATH && native.starts_with(L"\\\\?\\") && !native.starts_with(L"\\\\?\\UNC\\");
  return short_drive_path ? native.substr(4) : native;
}

Status export_channel(const std::string& channel, const std::string& query, const std::string& target) {
  static const EvtExportLog call = find_export();
  if (call == nullptr) return Error{ErrorCode::unsupported, std::string(kService) + ": not there"};
  if (call(nullptr, to_wide(channel).c_str(), to_wide(query).c_str(), plain_path(target).c_str(), kChannelPath)) return Done{};
  return os_error(kService, GetLastError());
}

}  // namespace

ExportChannel event_log_service() { return export_channel; }

}  // namespace vmtriage
