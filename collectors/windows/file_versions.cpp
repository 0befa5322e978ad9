#include <windows.h>

#include <algorithm>
#include <optional>

#include "agent/base/text.h"
#include "agent/base/time.h"
#include "collectors/finder.h"
#include "collectors/owned.h"
#include "collectors/windows/native.h"
#include "collectors/windows/questions.h"

namespace vmtriage {
namespace {

struct LibraryTraits {
  using Value = HMODULE;
  static HMODULE none() { return nullptr; }
  static bool is_none(HMODULE library) { return library == nullptr; }
  static void close(HMODULE library) { FreeLibrary(library); }
};

/// Windows' own reader of version resources, loaded where it is used: few programs need it.
class VersionLibrary {
 public:
  VersionLibrary() : library_(LoadLibraryExW(L"version.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32)) {}

  /// Nothing for a file without a version.
  std::optional<VS_FIXEDFILEINFO> version_of(const std::wstring& path) const {
    const auto size_of = function<DWORD(WINAPI*)(LPCWSTR, LPDWORD)>("GetFileVersionInfoSizeW");
    const auto read = function<BOOL(WINAPI*)(LPCWSTR, DWORD, DWORD, LPVOID)>("GetFileVersionInfoW");
    const auto query = function<BOOL(WINAPI*)(LPCVOID, LPCWSTR, LPVOID*, PUINT)>("VerQueryValueW");
    constexpr DWORD kMaxBytes = 1 << 20;
    DWORD ignored = 0;
    const DWORD size = size_of == nullptr ? 0 : size_of(path.c_str(), &ignored);
    if (size == 0 || size > kMaxBytes) return std::nullopt;
    std::string bytes(size, '\0');
    void* found = nullptr;
    UINT found_size = 0;
    if (!read(path.c_str(), 0, size, bytes.data()) || !query(bytes.data(), L"\\", &found, &found_size)) return std::nullopt;
    if (found_size < sizeof(VS_FIXEDFILEINFO)) return std::nullopt;
    return *static_cast<const VS_FIXEDFILEINFO*>(found);
  }

 private:
  template <typename Function>
  Function function(const char* name) const {
    return library_ ? reinterpret_cast<Function>(reinterpret_cast<void*>(GetProcAddress(library_.get(), name))) : nullptr;
  }

  Owned<LibraryTraits> library_;
};

std::string version_text(DWORD high, DWORD low) {
  return std::to_string(HIWORD(high)) + "." + std::to_string(LOWORD(high)) + "." + std::to_string(HIWORD(low)) + "." +
         std::to_string(LOWORD(low));
}

void describe(const FoundFile& file, const VersionLibrary& versions, AnswerWriter& answer) {
  std::string shown = system_drive() + file.path;
  std::replace(shown.begin(), shown.end(), '/', '\\');
  answer.asking(shown);
  answer.heading(shown);
  const auto version = versions.version_of(to_wide(shown));
  if (version) {
    answer.field("file version", version_text(version->dwFileVersionMS, version->dwFileVersionLS));
    answer.field("product version", version_text(version->dwProductVersionMS, version->dwProductVersionLS));
  } else {
    answer.field("file version", "none");
  }
  answer.field("size", std::to_string(file.info.size));
  answer.field("modified", format_time(file.info.modified));
}

}  // namespace

void ask_file_versions(const std::vector<std::string>& globs, AnswerWriter& answer) {
  const VersionLibrary versions;
  const Finder finder("/", globs, {}, nullptr);
  for (const std::string& glob : globs) {
    answer.asking(glob);
    if (!answer.is_wanted()) return;
    bool any = false;
    finder.find(
        glob,
        [&](const FoundFile& file) {
          any = true;
          describe(file, versions, answer);
        },
        [&](const std::string& path, const std::string& reason, std::uint64_t) { answer.fail({ErrorCode::io, path + ": " + reason}); });
    if (!any) {
      answer.heading(glob);
      answer.field("file version", "no such file");
    }
  }
}

}  // namespace vmtriage
