#include "collectors/files.h"

#include <windows.h>

#include <winioctl.h>

#include <algorithm>

#include "agent/base/text.h"
#include "collectors/file_bytes.h"
#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

/// Another process may read, write, rename and delete what is read here.
constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
/// FILE_FLAG_BACKUP_SEMANTICS opens folders too, and files that only a backup operator may read.
constexpr DWORD kLookOnly = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
/// FILE_ATTRIBUTE_RECALL_ON_OPEN and _ON_DATA_ACCESS, which the headers of mingw-w64 10 lack.
constexpr DWORD kRecall = 0x0004'0000 | 0x0040'0000;
/// Kept elsewhere: to read it would bring it back, over a network that may be the failure.
constexpr DWORD kElsewhere = FILE_ATTRIBUTE_OFFLINE | kRecall;
/// 100-nanosecond steps from 1601 to 1970.
constexpr std::int64_t kEpochTicks = 116'444'736'000'000'000;

Handle open_native(const std::string& path, DWORD access, DWORD flags) {
  return Handle(CreateFileW(native_path(path).c_str(), access, kShareAll, nullptr, OPEN_EXISTING, flags, nullptr));
}

Time time_of(const FILETIME& time) {
  const auto ticks = static_cast<std::int64_t>(std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime);
  return Time(Ticks(ticks - kEpochTicks));
}

std::uint64_t join_halves(DWORD high, DWORD low) { return std::uint64_t{high} << 32 | low; }

/// A link or a junction, and not a file whose content a driver keeps in another form.
bool leads_elsewhere(HANDLE handle) {
  FILE_ATTRIBUTE_TAG_INFO tag{};
  if (!GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &tag, sizeof tag)) return true;
  return tag.ReparseTag == 0 || IsReparseTagNameSurrogate(tag.ReparseTag);
}

/// Only the file itself tells what a reparse point is.
TypeHint hint_of(DWORD attributes) {
  if ((attributes & (FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DEVICE)) != 0) return std::nullopt;
  return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? FileType::directory : FileType::regular;
}

FileType type_of(HANDLE handle, DWORD attributes) {
  if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 && leads_elsewhere(handle)) return FileType::link;
  if ((attributes & FILE_ATTRIBUTE_DIRECTORY) != 0) return FileType::directory;
  if ((attributes & FILE_ATTRIBUTE_DEVICE) != 0 || GetFileType(handle) != FILE_TYPE_DISK) return FileType::other;
  return FileType::regular;
}

Result<BY_HANDLE_FILE_INFORMATION> facts_of(HANDLE handle, const std::string& path) {
  BY_HANDLE_FILE_INFORMATION facts{};
  if (!GetFileInformationByHandle(handle, &facts)) return os_error(shown(path), GetLastError());
  return facts;
}

std::uint64_t bytes_on_disk(HANDLE handle, std::uint64_t size) {
  FILE_STANDARD_INFO facts{};
  if (!GetFileInformationByHandleEx(handle, FileStandardInfo, &facts, sizeof facts)) return size;
  return static_cast<std::uint64_t>(facts.AllocationSize.QuadPart);
}

FileInfo info_of(HANDLE handle, const BY_HANDLE_FILE_INFORMATION& facts) {
  FileInfo info;
  info.type = type_of(handle, facts.dwFileAttributes);
  info.size = join_halves(facts.nFileSizeHigh, facts.nFileSizeLow);
  // A compressed file is smaller on disk too, and has no holes.
  const bool sparse = (facts.dwFileAttributes & FILE_ATTRIBUTE_SPARSE_FILE) != 0;
  info.allocated = sparse ? bytes_on_disk(handle, info.size) : info.size;
  info.modified = time_of(facts.ftLastWriteTime);
  info.device = facts.dwVolumeSerialNumber;
  info.inode = join_halves(facts.nFileIndexHigh, facts.nFileIndexLow);
  return info;
}

class HandleBytes : public FileBytes {
 public:
  HandleBytes(Handle handle, std::string path) : handle_(std::move(handle)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t at, std::span<char> target) override {
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(at);
    place.OffsetHigh = static_cast<DWORD>(at >> 32);
    DWORD got = 0;
    const auto wanted = static_cast<DWORD>(std::min(target.size(), kMaxReadBytes));
    if (!ReadFile(handle_.get(), target.data(), wanted, &got, &place) && GetLastError() != ERROR_HANDLE_EOF) {
      return os_error(shown(path_), GetLastError());
    }
    return std::size_t{got};
  }

  Stretch next_data(std::uint64_t at, std::uint64_t end) override {
    FILE_ALLOCATED_RANGE_BUFFER asked{}, data{};
    asked.FileOffset.QuadPart = static_cast<LONGLONG>(at);
    asked.Length.QuadPart = static_cast<LONGLONG>(end - at);
    DWORD size = 0;
    // ERROR_MORE_DATA: there is more than the one range that was asked for.
    if (!DeviceIoControl(handle_.get(), FSCTL_QUERY_ALLOCATED_RANGES, &asked, sizeof asked, &data, sizeof data, &size, nullptr) &&
        GetLastError() != ERROR_MORE_DATA) {
      return {at, end};
    }
    if (size == 0) return {end, end};
    const std::uint64_t begin = std::clamp(static_cast<std::uint64_t>(data.FileOffset.QuadPart), at, end);
    return {begin, std::min(begin + static_cast<std::uint64_t>(data.Length.QuadPart), end)};
  }

 private:
  static constexpr std::size_t kMaxReadBytes = 1 << 26;

  Handle handle_;
  std::string path_;
};

/// A log is often held for a moment only, by its writer or by a virus scanner.
Handle open_to_read(const std::string& path) {
  constexpr DWORD kPauseMs = 15;
  for (int tries = 3;; Sleep(kPauseMs)) {
    Handle handle = open_native(path, GENERIC_READ, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_SEQUENTIAL_SCAN);
    if (handle || GetLastError() != ERROR_SHARING_VIOLATION || --tries == 0) return handle;
  }
}

struct SearchTraits {
  using Value = HANDLE;
  static HANDLE none() { return INVALID_HANDLE_VALUE; }
  static bool is_none(HANDLE search) { return search == INVALID_HANDLE_VALUE; }
  static void close(HANDLE search) { FindClose(search); }
};

}  // namespace

Result<FileInfo> file_info(const std::string& path) {
  const Handle handle = open_native(path, FILE_READ_ATTRIBUTES, kLookOnly);
  if (!handle) return os_error(shown(path), GetLastError());
  const auto facts = facts_of(handle.get(), path);
  if (!facts) return facts.error();
  return info_of(handle.get(), *facts);
}

// Every file has a size here.
Result<OpenedFile> open_file(const std::string& path, std::uint64_t skip_bytes, ReadUntil) {
  // Looked at before it is opened for reading: that alone would bring a file back from where it is kept.
  const Handle look = open_native(path, FILE_READ_ATTRIBUTES, kLookOnly);
  if (!look) return os_error(shown(path), GetLastError());
  const auto facts = facts_of(look.get(), path);
  if (!facts) return facts.error();
  if ((facts->dwFileAttributes & kElsewhere) != 0) {
    return Error{ErrorCode::unsupported, shown(path) + ": kept in a cloud or an archive, and not brought back for this"};
  }
  const FileInfo info = info_of(look.get(), *facts);
  if (info.type != FileType::regular) return Error{ErrorCode::unsupported, shown(path) + ": not a regular file"};
  Handle handle = open_to_read(path);
  if (!handle) return os_error(shown(path), GetLastError());
  if (!is_same_file(look.get(), handle.get())) {
    return Error{ErrorCode::io, shown(path) + ": another file took its place while it was opened"};
  }
  return read_once(std::make_unique<HandleBytes>(std::move(handle), path), info, skip_bytes, ReadUntil::size_at_open);
}

Status for_each_name(const std::string& path, const std::function<void(std::string_view, TypeHint)>& use) {
  WIN32_FIND_DATAW found{};
  std::wstring pattern = native_path(path);
  pattern += pattern.ends_with(L'\\') ? L"*" : L"\\*";
  const Owned<SearchTraits> search(
      FindFirstFileExW(pattern.c_str(), FindExInfoBasic, &found, FindExSearchNameMatch, nullptr, FIND_FIRST_EX_LARGE_FETCH));
  if (!search) {
    const DWORD reason = GetLastError();
    if (reason == ERROR_FILE_NOT_FOUND && file_info(path)) return Done{};  // the root of an empty drive
    return os_error(shown(path), reason);
  }
  do {
    const std::string name = to_utf8(found.cFileName);
    if (name != "." && name != "..") use(name, hint_of(found.dwFileAttributes));
  } while (FindNextFileW(search.get(), &found));
  if (const DWORD reason = GetLastError(); reason != ERROR_NO_MORE_FILES) return os_error(shown(path), reason);
  return Done{};
}

Result<std::string> link_target(const std::string& path) {
  return Error{ErrorCode::unsupported, shown(path) + ": a link or a junction, not followed"};
}

Result<std::string> real_path(const std::string& path) {
  const Handle handle(CreateFileW(native_path(path).c_str(), FILE_READ_ATTRIBUTES, kShareAll, nullptr, OPEN_EXISTING,
                                  FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  if (!handle) return os_error(shown(path), GetLastError());
  std::wstring name(32'768, L'\0');
  const DWORD size = GetFinalPathNameByHandleW(handle.get(), name.data(), static_cast<DWORD>(name.size()), FILE_NAME_NORMALIZED);
  if (size == 0 || size >= name.size()) return path_of(native_path(path));
  return path_of({name.data(), size});
}

}  // namespace vmtriage
