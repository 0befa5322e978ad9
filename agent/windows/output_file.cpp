#include "agent/output_file.h"

#include <windows.h>

#include <sddl.h>

#include <algorithm>
#include <string>

#include "agent/base/temporary_name.h"
#include "agent/base/text.h"
#include "collectors/files.h"
#include "collectors/private_folder.h"
#include "collectors/privileges.h"
#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

/// SYSTEM and administrators; `P`: nothing is inherited from the folder.
constexpr wchar_t kAdministratorsAcl[] = L"D:P(A;;FA;;;SY)(A;;FA;;;BA)";
/// Who is no administrator could not read his own file: its owner, too.
constexpr wchar_t kOwnerAcl[] = L"D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)";
constexpr std::size_t kMaxWriteBytes = 1 << 26;

/// A new file that only administrators may open, or also who makes it.
Handle create_private(const std::wstring& path) {
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  const wchar_t* acl = is_administrator() ? kAdministratorsAcl : kOwnerAcl;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(acl, SDDL_REVISION_1, &descriptor, nullptr)) {
    return Handle();
  }
  SECURITY_ATTRIBUTES attributes{sizeof(SECURITY_ATTRIBUTES), descriptor, FALSE};
  Handle handle(CreateFileW(path.c_str(), GENERIC_WRITE, 0, &attributes, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr));
  const DWORD reason = GetLastError();
  LocalFree(descriptor);
  SetLastError(reason);
  return handle;
}

/// Of a file in the folder that event logs are exported to: `17.evtx`. Whoever put another folder in its place loses
/// nothing else.
bool is_export_name(std::string_view name) {
  return name.ends_with(".evtx") && name.find_first_not_of("0123456789") == name.size() - 5;
}

}  // namespace

struct OutputFile::State {
  std::wstring target;
  std::string name;
  std::wstring temporary;
  Handle handle;
  bool published = false;

  ~State() {
    handle.close();
    if (!published && !temporary.empty()) DeleteFileW(temporary.c_str());
  }
};

OutputFile::OutputFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;
OutputFile::~OutputFile() = default;

Result<OutputFile> OutputFile::create(const fs::path& target) {
  auto state = std::make_unique<State>();
  state->target = native_path(target.string());
  state->name = printable(target.string());
  const std::wstring temporary = native_path((target.parent_path() / temporary_name()).string());
  state->handle = create_private(temporary);
  if (!state->handle) return os_error(state->name, GetLastError());
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
    if (!WriteFile(state_->handle.get(), bytes.data(), wanted, &written, &place)) {
      return os_error(state_->name, GetLastError());
    }
    if (written == 0) return os_error(state_->name, ERROR_HANDLE_DISK_FULL);
    offset += written;
    bytes.remove_prefix(written);
  }
  return Done{};
}

Status OutputFile::truncate(std::uint64_t size) {
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
  if (!SetFileInformationByHandle(state_->handle.get(), FileEndOfFileInfo, &end, sizeof(end))) {
    return os_error(state_->name, GetLastError());
  }
  return Done{};
}

Status OutputFile::publish() {
  if (!FlushFileBuffers(state_->handle.get())) return os_error(state_->name, GetLastError());
  state_->handle.close();
  if (!MoveFileExW(state_->temporary.c_str(), state_->target.c_str(),
                   MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
    return os_error(state_->name, GetLastError());
  }
  state_->published = true;
  return Done{};
}

const std::string& OutputFile::name() const { return state_->name; }

void remove_if_abandoned(const fs::path& path) {
  // Nobody else can delete what a run has open: it shares nothing.
  if (DeleteFileW(native_path(path.string()).c_str())) return;
  const auto info = file_info(path.string());
  if (!info || info->type != FileType::directory) return;
  const auto names = list_folder(path.string());
  for (std::size_t i = 0; names && i < names->size(); ++i) {
    if (is_export_name((*names)[i])) remove_own_file((path / std::string((*names)[i])).string());
  }
  remove_own_folder(path.string());
}

}  // namespace vmtriage
