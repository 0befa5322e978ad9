#include "collectors/root_folder.h"

#include <algorithm>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

constexpr std::size_t kMaxNameListBytes = 4 << 20;

/// The error of a path of this machine, told of the path below the root.
Error told_of(std::string_view path, const Error& error) {
  return {error.code, std::string(path) + error.what.substr(error.what.rfind(": "))};
}

}  // namespace

Result<RootFolder> RootFolder::open(const std::string& path, Names names) {
  const auto info = file_info(below(path, "/."));
  if (!info) return info.error();
  return RootFolder(path, names);
}

Result<std::string> RootFolder::look_up(std::string_view path) const {
  const auto resolved = resolve_links(root_, std::string(path), {}, names_);
  if (!resolved) return resolved.error();
  return below(root_, *resolved);
}

Result<std::string> RootFolder::read_part(std::string_view path, std::uint64_t skip_bytes, std::size_t max_bytes) const {
  const Result<std::string> place = look_up(path);
  if (!place) return place.error();
  const Result<OpenedFile> file = open_file(*place, skip_bytes, ReadUntil::nothing_comes);
  if (!file) return told_of(path, file.error());
  std::string content(max_bytes, '\0');
  std::size_t filled = 0;
  while (filled < max_bytes) {
    const Result<std::size_t> got = file->read(std::span(content).subspan(filled));
    if (!got) return told_of(path, got.error());
    if (*got == 0) break;
    filled += *got;
  }
  content.resize(filled);
  return content;
}

Result<std::string> RootFolder::read_start(std::string_view path, std::size_t max_bytes) const { return read_part(path, 0, max_bytes); }

Result<std::string> RootFolder::read_tail(std::string_view path, std::size_t max_bytes) const {
  const Result<std::string> place = look_up(path);
  if (!place) return place.error();
  const Result<FileInfo> info = file_info(*place);
  if (!info) return told_of(path, info.error());
  return read_part(path, info->size - std::min<std::uint64_t>(info->size, max_bytes), max_bytes);
}

Result<std::string> RootFolder::read_file(std::string_view path, std::size_t max_bytes) const {
  Result<std::string> content = read_start(path, max_bytes + 1);
  if (content && content->size() > max_bytes) {
    return Error{ErrorCode::too_large, std::string(path) + ": larger than " + format_size(max_bytes)};
  }
  return content;
}

Result<std::vector<std::string>> RootFolder::list(std::string_view path) const {
  const Result<std::string> place = look_up(path);
  if (!place) return place.error();
  const Result<NameList> names = list_folder(*place, kMaxNameListBytes);
  if (!names) return told_of(path, names.error());
  if (names->dropped > 0) return Error{ErrorCode::too_large, std::string(path) + ": too many names"};
  std::vector<std::string> sorted;
  for (std::size_t i = 0; i < names->size(); ++i) sorted.emplace_back((*names)[i]);
  return sorted;
}

bool RootFolder::exists(std::string_view path) const {
  const Result<std::string> place = look_up(path);
  return place && file_info(*place).ok();
}

}  // namespace vmtriage
