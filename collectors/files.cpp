#include "collectors/files.h"

#include <algorithm>
#include <deque>
#include <limits>

#include "agent/base/text.h"
#include "collectors/file_bytes.h"

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

bool is_absent(const Result<FileInfo>& info) { return !info && info.error().code == ErrorCode::not_found; }

/// Stands before a name in a NameList whose type is not known.
constexpr char kNoType = '\x7f';

constexpr std::uint64_t kUnknownSize = std::numeric_limits<std::uint64_t>::max();

/// Goes over an open file up to the size it had, and steps over holes.
class Pass {
 public:
  Pass(std::unique_ptr<FileBytes> bytes, Stretch whole, bool sparse)
      : bytes_(std::move(bytes)), at_(whole.begin), end_(whole.end), data_end_(sparse ? whole.begin : whole.end) {}

  Result<std::size_t> read(std::span<char> target) {
    if (at_ >= data_end_ && at_ < end_) step_over_hole();
    const std::uint64_t left = std::min(data_end_, end_) - at_;
    if (left == 0) return std::size_t{0};
    const auto got = bytes_->read_at(at_, target.first(static_cast<std::size_t>(std::min<std::uint64_t>(target.size(), left))));
    if (!got) return got;
    at_ += *got;
    if (*got == 0) end_here();
    return got;
  }

  std::shared_ptr<std::uint64_t> hole_bytes() const { return hole_bytes_; }
  std::shared_ptr<std::uint64_t> lost_bytes() const { return lost_bytes_; }

 private:
  void step_over_hole() {
    const Stretch data = bytes_->next_data(at_, end_);
    *hole_bytes_ += data.begin - at_;
    at_ = data.begin;
    data_end_ = data.end;
  }

  void end_here() {
    if (end_ != kUnknownSize) *lost_bytes_ += end_ - at_;
    end_ = data_end_ = at_;
  }

  std::unique_ptr<FileBytes> bytes_;
  std::uint64_t at_;
  std::uint64_t end_;
  std::uint64_t data_end_;  ///< of the data that is being read; a hole may begin there
  std::shared_ptr<std::uint64_t> hole_bytes_ = std::make_shared<std::uint64_t>(0);
  std::shared_ptr<std::uint64_t> lost_bytes_ = std::make_shared<std::uint64_t>(0);
};

}  // namespace

OpenedFile read_once(std::unique_ptr<FileBytes> bytes, const FileInfo& info, std::uint64_t skip_bytes, ReadUntil until) {
  const bool known = until == ReadUntil::size_at_open;
  const std::uint64_t begin = std::min(skip_bytes, info.size);
  const auto pass = std::make_shared<Pass>(std::move(bytes), Stretch{begin, known ? info.size : kUnknownSize},
                                           known && info.allocated < info.size);
  OpenedFile opened;
  opened.size = info.size - begin;
  opened.hole_bytes = pass->hole_bytes();
  opened.lost_bytes = pass->lost_bytes();
  opened.read = [pass](std::span<char> target) { return pass->read(target); };
  return opened;
}

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

TypeHint NameList::type(std::size_t i) const {
  const char type = text_[begins_[i] - 1];
  return type == kNoType ? std::nullopt : TypeHint(static_cast<FileType>(type));
}

Result<NameList> list_folder(const std::string& path, std::size_t max_bytes) {
  NameList names;
  const Status listed = for_each_name(path, [&](std::string_view name, TypeHint type) {
    const std::size_t types = names.begins_.size();  // a byte each, which the bound of the names does not mean
    if (names.text_.size() - types + name.size() + 1 > max_bytes) {
      ++names.dropped;
      return;
    }
    names.text_.push_back(type ? static_cast<char>(*type) : kNoType);
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

std::string spelled_in(const std::string& folder, const std::string& name) {
  const auto names = list_folder(folder);
  for (std::size_t i = 0; names && i < names->size(); ++i) {
    if (equal_no_case((*names)[i], name)) return std::string((*names)[i]);
  }
  return name;
}

Result<std::string> resolve_links(const std::string& root, const std::string& path,
                                  const std::vector<MountPoint>& silent, Names names) {
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
    const std::string folder = below(root, join_path(done));
    done.push_back(std::move(part));
    std::string here = below(root, join_path(done));
    if (const auto silence = silence_of(here, silent)) return *silence;
    auto info = file_info(here);
    if (names == Names::any_case && is_absent(info)) {
      done.back() = spelled_in(folder, done.back());
      here = below(root, join_path(done));
      if (const auto silence = silence_of(here, silent)) return *silence;
      info = file_info(here);
    }
    if (is_absent(info) && ahead.empty()) break;
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

bool has_drive(std::string_view path) {
  const bool letter = !path.empty() && ((path[0] >= 'A' && path[0] <= 'Z') || (path[0] >= 'a' && path[0] <= 'z'));
  return letter && path.size() >= 2 && path[1] == ':' && (path.size() == 2 || path[2] == '/');
}

std::string shown_path(const std::string& os, std::string_view vm_path) {
  if (os != "windows" || !vm_path.starts_with('/')) return std::string(vm_path);
  std::string shown = has_drive(vm_path.substr(1)) ? std::string(vm_path.substr(1)) : "C:" + std::string(vm_path);
  std::replace(shown.begin(), shown.end(), '/', '\\');
  return shown;
}

std::string vm_path_of(const std::string& os, std::string_view shown) {
  std::string path(shown);
  if (os != "windows") return path;
  std::replace(path.begin(), path.end(), '\\', '/');
  if (path.starts_with("//?/")) path.erase(0, 4);
  if (!has_drive(path)) return path;
  if (path[0] != 'C' && path[0] != 'c') return "/" + path;
  return path.size() == 2 ? "/" : path.substr(2);
}

std::optional<std::string> vm_path_below(const std::string& root, const std::string& os, std::string_view shown) {
  std::string folder = root + "/", path(shown);
  if (os == "windows") {
    for (std::string* each : {&folder, &path}) std::replace(each->begin(), each->end(), '\\', '/');
  }
  while (folder.ends_with("//")) folder.pop_back();
  if (folder == "/") return std::nullopt;
  const std::string start = (path + "/").substr(0, folder.size());
  if (os == "windows" ? !equal_no_case(start, folder) : start != folder) return std::nullopt;
  return "/" + (path.size() > folder.size() ? path.substr(folder.size()) : std::string());
}

Error too_large(std::uint64_t size, std::uint64_t limit) {
  return {ErrorCode::too_large, "too large: " + format_size(size) + ", the limit for one file is " + format_size(limit)};
}

std::string os_of_root(const std::string& root) {
  const auto folder = resolve_links(root, "/Windows/System32", {}, Names::any_case);
  return folder && file_info(below(root, *folder)) ? "windows" : "linux";
}

}  // namespace vmtriage
