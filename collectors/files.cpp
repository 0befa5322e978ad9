#include "collectors/files.h"

#include <algorithm>
#include <deque>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

std::string join_path(const std::deque<std::string>& parts) {
  std::string path;
  for (const std::string& part : parts) path += "/" + part;
  return path.empty() ? "/" : path;
}

/// The error of a path of this machine, told of the VM's path.
Error seen_as(const std::string& vm_path, const std::string& path, const Error& error) {
  const std::string prefix = printable(path);
  if (!error.what.starts_with(prefix)) return error;
  return {error.code, printable(vm_path) + error.what.substr(prefix.size())};
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  auto file = open_file(path);
  if (!file) return file.error();
  std::string text;
  std::string buffer(64 << 10, '\0');
  for (;;) {
    const auto got = file->read(buffer);
    if (!got) return got.error();
    if (*got == 0) return text;
    if (text.size() + *got > max_bytes) {
      return Error{ErrorCode::too_large, printable(path) + ": larger than " + format_size(max_bytes)};
    }
    text.append(buffer, 0, *got);
  }
}

std::string_view NameList::operator[](std::size_t i) const {
  const char* name = text_.data() + begins_[i];
  return name;  // names hold no NUL: each ends at one
}

Result<NameList> list_folder(const std::string& path, std::size_t max_bytes) {
  NameList names;
  const Status listed = for_each_name(path, [&](std::string_view name) {
    if (names.text_.size() + name.size() + 1 > max_bytes) {
      ++names.dropped;
      return;
    }
    names.begins_.push_back(static_cast<std::uint32_t>(names.text_.size()));
    names.text_.append(name).push_back('\0');
  });
  if (!listed) return listed.error();
  const char* text = names.text_.data();
  std::sort(names.begins_.begin(), names.begins_.end(), [text](std::uint32_t a, std::uint32_t b) {
    return std::string_view(text + a) < std::string_view(text + b);
  });
  return names;
}

std::optional<Error> silence_of(const std::string& path, const std::vector<MountPoint>& silent) {
  const auto mount = std::find_if(silent.begin(), silent.end(), [&](const MountPoint& each) { return each.path == path; });
  if (mount == silent.end()) return std::nullopt;
  return Error{ErrorCode::timed_out, printable(path) + ": the " + mount->type +
                                         " file system mounted here does not answer, so that nothing below it was read"};
}

Result<std::string> resolve_links(const std::string& root, const std::string& path, const std::vector<MountPoint>& silent) {
  constexpr int kMaxLinks = 40;  // as the kernel
  std::deque<std::string> ahead, done;
  const auto put_ahead = [&](std::string_view text) {
    const auto parts = split(text, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      if (!part->empty() && *part != ".") ahead.emplace_front(*part);
    }
  };
  put_ahead(path);
  for (int links = 0; !ahead.empty();) {
    std::string part = std::move(ahead.front());
    ahead.pop_front();
    if (part == "..") {
      if (!done.empty()) done.pop_back();
      continue;
    }
    done.push_back(std::move(part));
    const std::string here = below(root, join_path(done));
    if (const auto silence = silence_of(here, silent)) return *silence;
    const auto info = file_info(here);
    if (!info && info.error().code == ErrorCode::not_found && ahead.empty()) break;
    if (!info) return seen_as(join_path(done), here, info.error());
    if (info->type != FileType::link) continue;
    if (++links > kMaxLinks) return Error{ErrorCode::io, printable(path) + ": too many links"};
    const auto target = link_target(here);
    if (!target) return seen_as(join_path(done), here, target.error());
    done.pop_back();
    if (target->starts_with('/')) done.clear();
    put_ahead(*target);
  }
  return join_path(done);
}

std::string below(const std::string& root, std::string_view path) {
  if (root.empty() || root == "/") return std::string(path);
  return (root.back() == '/' ? root.substr(0, root.size() - 1) : root) + std::string(path);
}

std::string os_of_root(const std::string& root) { return file_info(below(root, "/Windows/System32")) ? "windows" : "linux"; }

}  // namespace vmtriage
