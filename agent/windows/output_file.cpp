#include "agent/output_file.h"

#include <sddl.h>
#include <windows.h>

#include <algorithm>
#include <array>
#include <boost/system/error_code.hpp>
#include <random>
#include <string>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

/// SYSTEM, administrators and the owner; `P`: nothing is inherited from the folder.
constexpr wchar_t kPrivateAcl[] = L"D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)";
constexpr std::size_t kMaxWriteBytes = 1 << 26;

std::string shown(const fs::path& path) {
  const std::wstring& wide = path.native();
  return printable(
      utf16_to_utf8({reinterpret_cast<const char*>(wide.data()), wide.size() * sizeof(std::wstring::value_type)}));
}

Error error_of(const std::string& name, DWORD number) {
  ErrorCode code = ErrorCode::io;
  if (number == ERROR_FILE_NOT_FOUND || number == ERROR_PATH_NOT_FOUND) code = ErrorCode::not_found;
  if (number == ERROR_ACCESS_DENIED || number == ERROR_WRITE_PROTECT) code = ErrorCode::access_denied;
  if (number == ERROR_SHARING_VIOLATION) code = ErrorCode::locked;
  const boost::system::error_code reason(static_cast<int>(number), boost::system::system_category());
  return {code, name + ": " + reason.message()};
}

fs::path temporary_beside(const fs::path& target) {
  std::random_device random;
  std::array<unsigned char, 8> bytes;
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random());
  return target.parent_path() / (".vmtriage-" + to_hex(bytes) + ".part");
}

/// A new file that only its owner and administrators may open; INVALID_HANDLE_VALUE where it cannot be made.
HANDLE create_private(const fs::path& path) {
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(kPrivateAcl, SDDL_REVISION_1, &descriptor, nullptr)) {
    return INVALID_HANDLE_VALUE;
  }
  SECURITY_ATTRIBUTES attributes{sizeof(SECURITY_ATTRIBUTES), descriptor, FALSE};
  const HANDLE handle =
      CreateFileW(path.c_str(), GENERIC_WRITE, 0, &attributes, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr);
  const DWORD reason = GetLastError();
  LocalFree(descriptor);
  SetLastError(reason);
  return handle;
}

}  // namespace

struct OutputFile::State {
  fs::path target;
  std::string name;
  fs::path temporary;
  HANDLE handle = INVALID_HANDLE_VALUE;
  bool published = false;

  ~State() {
    if (handle != INVALID_HANDLE_VALUE) CloseHandle(handle);
    if (!published && !temporary.empty()) DeleteFileW(temporary.c_str());
  }
};

OutputFile::OutputFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;
OutputFile::~OutputFile() = default;

Result<OutputFile> OutputFile::create(const fs::path& target) {
  auto state = std::make_unique<State>();
  state->target = target;
  state->name = shown(target);
  const fs::path temporary = temporary_beside(target);
  state->handle = create_private(temporary);
  if (state->handle == INVALID_HANDLE_VALUE) return error_of(state->name, GetLastError());
  state->temporary = temporary;
  return OutputFile(std::move(state));
}

Status OutputFile::write_at(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(offset);
    place.OffsetHigh = static_cast<DWORD>(offset >> 32);
    const auto wanted = static_cast<DWORD>(std::min(bytes.size(), kMaxWriteBytes));
    DWORD written = 0;
    if (!WriteFile(state_->handle, bytes.data(), wanted, &written, &place)) {
      return error_of(state_->name, GetLastError());
    }
    if (written == 0) return error_of(state_->name, ERROR_HANDLE_DISK_FULL);
    offset += written;
    bytes.remove_prefix(written);
  }
  return Done{};
}

Status OutputFile::truncate(std::uint64_t size) {
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
  if (!SetFileInformationByHandle(state_->handle, FileEndOfFileInfo, &end, sizeof(end))) {
    return error_of(state_->name, GetLastError());
  }
  return Done{};
}

Status OutputFile::publish() {
  if (!FlushFileBuffers(state_->handle)) return error_of(state_->name, GetLastError());
  CloseHandle(state_->handle);
  state_->handle = INVALID_HANDLE_VALUE;
  if (!MoveFileExW(state_->temporary.c_str(), state_->target.c_str(),
                   MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
    return error_of(state_->name, GetLastError());
  }
  state_->published = true;
  return Done{};
}

const std::string& OutputFile::name() const { return state_->name; }

}  // namespace vmtriage
