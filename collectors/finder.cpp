#include "collectors/finder.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

constexpr int kMaxDepth = 24;
/// A plan is in memory together with the names of the folder it is made of.
constexpr std::size_t kMaxPlannedNameBytes = 8 << 20;
constexpr const char* kTooManyNames = "the folder holds too many files: only a part of them was looked at";
constexpr int kMaxSearchDepth = 12;
constexpr std::size_t kMaxSearchFolders = 200'000;
constexpr std::chrono::seconds kMaxSearchTime{20};

/// Not searched: no files of an application live there, or they are no local files.
constexpr std::string_view kNotSearched[] = {
    "/proc",           "/sys", "/dev", "/run", "/tmp/.mount", "/snap", "/var/lib/docker", "/var/lib/containers",
    "/var/lib/kubelet"};

bool has_wildcard(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

std::string child(const std::string& folder, std::string_view name) {
  return (folder == "/" ? std::string() : folder) + "/" + std::string(name);
}

/// Mount points that are no local disk: a search must not wait for a dead server.
std::set<std::string> foreign_mounts(const std::string& root) {
  constexpr std::string_view kLocal[] = {"ext2", "ext3", "ext4",     "xfs",  "btrfs",
                                         "zfs",  "jfs",  "reiserfs", "vfat", "overlay"};
  std::set<std::string> mounts;
  for (MountPoint& mount : mounts_of(root)) {
    if (mount.path == "/" || std::find(std::begin(kLocal), std::end(kLocal), mount.type) != std::end(kLocal)) continue;
    mounts.insert(std::move(mount.path));
  }
  return mounts;
}

}  // namespace

struct Finder::Walk {
  std::string glob;
  std::vector<std::string> levels;
  const Use& use;
  const Refuse& refuse_some;
  const std::set<std::string>& pass_over;
  bool passed = false;  ///< one of them
  std::vector<FileInfo> above = {};  ///< the folders on the way down
  std::string last_folder = {};      ///< of the file that was taken last …
  std::optional<Result<std::string>> resolved_folder = {};  ///< … and where it really is

  /// Whether a folder is one of those above it: a mount, or a link that the system does not show as one.
  bool is_loop(const FileInfo& folder) const {
    const auto is_same = [&](const FileInfo& each) { return each.inode == folder.inode && each.device == folder.device; };
    return folder.inode != 0 && std::any_of(above.begin(), above.end(), is_same);
  }

  void refuse(const std::string& path, const std::string& reason, std::uint64_t count = 1) const {
    refuse_some(path, reason, count);
  }
};

Finder::Finder(std::string root, std::vector<std::string> allowed, std::vector<MountPoint> silent,
               const std::atomic<bool>* stop, Names names)
    : root_(std::move(root)), allowed_(std::move(allowed)), silent_(std::move(silent)), stop_(stop), names_(names) {
  // The folders of the globs may themselves be links: /var/log on a data disk.
  for (std::size_t i = 0, n = allowed_.size(); i < n; ++i) {
    const std::string fixed = fixed_part(allowed_[i]);
    const auto resolved = resolve(fixed);
    if (fixed != "/" && resolved && *resolved != fixed) allowed_.push_back(*resolved + allowed_[i].substr(fixed.size()));
  }
}

void Finder::find(const std::string& glob, const Use& use, const Refuse& refuse) const { start(glob, use, refuse, {}); }

bool Finder::find_rest(const std::string& glob, const Use& use, const Refuse& refuse) const {
  return start(glob, use, refuse, passed_over_);
}

bool Finder::start(const std::string& glob, const Use& use, const Refuse& refuse, const std::set<std::string>& pass_over) const {
  Walk walk{glob, {}, use, refuse, pass_over};
  for (std::string_view part : split(glob, '/')) {
    if (!part.empty()) walk.levels.emplace_back(part);
  }
  match_level(walk, "/", 0);
  return walk.passed;
}

void Finder::match_level(Walk& walk, const std::string& path, std::size_t level) const {
  if (stopped()) return;
  if (level == walk.levels.size()) return take(walk, path);
  const std::string& name = walk.levels[level];
  if (name == "**") return start_below(walk, path);
  if (has_wildcard(name)) return match_names(walk, path, level);
  match_level(walk, child(path, name), level + 1);
}

void Finder::match_names(Walk& walk, const std::string& path, std::size_t level) const {
  const auto resolved = resolve(path);
  if (!resolved) return refuse_unless_absent(walk, path, resolved.error());
  const auto names = list_folder(below(root_, *resolved), kMaxPlannedNameBytes);
  if (!names) return refuse_unless_absent(walk, path, names.error());
  if (names->dropped > 0) walk.refuse(path, kTooManyNames, names->dropped);
  for (std::size_t i = 0; i < names->size() && !stopped(); ++i) {
    const std::string_view name = (*names)[i];
    if (matches(walk.levels[level], name)) match_level(walk, child(path, name), level + 1);
  }
}

void Finder::start_below(Walk& walk, const std::string& path) const {
  const auto resolved = resolve(path);
  if (!resolved) return refuse_unless_absent(walk, path, resolved.error());
  if (const auto start = info_of(*resolved)) walk.above = {*start};
  walk_below(walk, path, *resolved, 0);
}

/// `real` is `path` with its links resolved: only so is all that is met below it looked for on the VM's own disk.
void Finder::walk_below(Walk& walk, const std::string& path, const std::string& real, int depth) const {
  const auto names = list_folder(below(root_, real), kMaxPlannedNameBytes);
  if (!names) return refuse_unless_absent(walk, path, names.error());
  if (names->dropped > 0) walk.refuse(path, kTooManyNames, names->dropped);
  for (std::size_t i = 0; i < names->size() && !stopped(); ++i) {
    const std::string here = child(path, (*names)[i]);
    const TypeHint type = names->type(i);
    if (type && *type != FileType::directory && !matches(walk.glob, here)) continue;
    const std::string real_here = child(real, (*names)[i]);
    const auto info = info_of(real_here);
    if (!info && info.error().code == ErrorCode::timed_out) {
      walk.refuse(here, info.error().what);
    } else if (info && info->type == FileType::directory) {
      if (walk.pass_over.contains(here)) {
        walk.passed = true;
      } else if (walk.is_loop(*info)) {
        walk.refuse(here, "leads back to a folder above it: not followed");
      } else if (depth == kMaxDepth) {
        walk.refuse(here, "nested too deep");
      } else {
        walk.above.push_back(*info);
        walk_below(walk, here, real_here, depth + 1);
        walk.above.pop_back();
      }
    } else if (matches(walk.glob, here)) {
      // What was just asked need not be asked again.
      if (info) take_found(walk, here, real_here, *info);
      if (!info) take(walk, here);
    }
  }
}

/// The files of a folder come one after the other.
const Result<std::string>& Finder::resolve_folder(Walk& walk, const std::string& folder) const {
  if (!walk.resolved_folder || walk.last_folder != folder) {
    walk.last_folder = folder;
    walk.resolved_folder = resolve(folder);
  }
  return *walk.resolved_folder;
}

void Finder::take(Walk& walk, const std::string& path) const {
  // A path may pass a link to a folder at a level that the glob names.
  const std::size_t slash = path.rfind('/');
  const Result<std::string>& folder = resolve_folder(walk, slash == 0 ? "/" : path.substr(0, slash));
  if (!folder) return refuse_unless_absent(walk, path, folder.error());
  std::string real = child(*folder, std::string_view(path).substr(slash + 1));
  auto info = info_of(real);
  if (names_ == Names::any_case && !info && info.error().code == ErrorCode::not_found) {
    real = child(*folder, spelled_in(below(root_, *folder), path.substr(slash + 1)));
    info = info_of(real);
  }
  if (!info) return refuse_unless_absent(walk, path, info.error());
  take_found(walk, path, real, *info);
}

/// `real` is `path` with the links of its folder resolved.
void Finder::take_found(Walk& walk, const std::string& path, const std::string& real, const FileInfo& info) const {
  if (info.type == FileType::link) return take_link(walk, path);
  if (info.type == FileType::directory) return walk.refuse(path, kIsFolder);
  if (info.type == FileType::other) return walk.refuse(path, "not a regular file (a FIFO, a socket or a device)");
  if (real != path && !is_allowed(real))
    return walk.refuse(path, "reached through a link that leads out of the collected folders: " + printable(real));
  walk.use({path, real, info});
}

void Finder::take_link(Walk& walk, const std::string& path) const {
  const auto target = resolve(path);
  if (!target && target.error().code == ErrorCode::unsupported) return walk.refuse(path, "a link or a junction: not followed");
  if (!target) return walk.refuse(path, "a link that leads nowhere: " + target.error().what);
  if (!is_allowed(*target))
    return walk.refuse(path, "a link that leads out of the collected folders, to " + printable(*target));
  const auto info = info_of(*target);
  if (!info) return walk.refuse(path, "a link that leads nowhere, to " + printable(*target));
  if (info->type == FileType::directory) return walk.refuse(path, "a link to a folder is not followed");
  if (info->type != FileType::regular) return walk.refuse(path, "a link to something that is not a regular file");
  walk.use({path, *target, *info});
}

void Finder::refuse_unless_absent(const Walk& walk, const std::string& path, const Error& error) {
  if (error.code != ErrorCode::not_found) walk.refuse(path, error.what);
}

Result<FileInfo> Finder::info_of(const std::string& path) const {
  const std::string here = below(root_, path);
  if (const auto silence = silence_of(here, silent_)) return *silence;
  return file_info(here);
}

bool Finder::matches(std::string_view glob, std::string_view path) const {
  return names_ == Names::any_case ? glob_match(to_lower(glob), to_lower(path)) : glob_match(glob, path);
}

bool Finder::is_allowed(const std::string& resolved) const {
  return std::any_of(allowed_.begin(), allowed_.end(),
                     [&](const std::string& glob) { return matches(glob, resolved); });
}

void Finder::search(const std::vector<std::string>& names, const Use& use, const Refuse& refuse) const {
  const auto deadline = std::chrono::steady_clock::now() + kMaxSearchTime;
  std::vector<std::pair<std::string, int>> folders = {{"/", 0}};
  const std::set<std::string> foreign = foreign_mounts(root_);
  std::size_t visited = 0;
  while (!folders.empty() && !stopped()) {
    const auto [folder, depth] = std::move(folders.back());
    folders.pop_back();
    if (++visited > kMaxSearchFolders || std::chrono::steady_clock::now() > deadline) {
      return refuse(folder, "the search for " + join(names, ", ") + " ended here: too many folders", 1);
    }
    const auto entries = list_folder(below(root_, folder), 4 << 20);
    if (!entries) continue;
    for (std::size_t i = 0; i < entries->size(); ++i) {
      const TypeHint type = entries->type(i);
      const auto has_name = [&](const std::string& name) { return matches(name, (*entries)[i]); };
      if (type && *type != FileType::directory && std::none_of(names.begin(), names.end(), has_name)) continue;
      const std::string path = child(folder, (*entries)[i]);
      if (foreign.contains(path)) continue;
      const auto info = info_of(path);
      if (!info) continue;
      if (info->type == FileType::directory && depth < kMaxSearchDepth &&
          std::find(std::begin(kNotSearched), std::end(kNotSearched), path) == std::end(kNotSearched)) {
        folders.emplace_back(path, depth + 1);
      } else if (info->type == FileType::regular &&
                 std::any_of(names.begin(), names.end(), has_name)) {
        use({path, path, *info});
      }
    }
  }
}

std::string fixed_part(std::string_view glob) {
  std::string fixed;
  for (std::string_view part : split(glob, '/')) {
    if (part.empty()) continue;
    if (has_wildcard(part)) break;
    fixed += "/" + std::string(part);
  }
  if (fixed == glob) fixed = fixed.substr(0, fixed.rfind('/'));
  return fixed.empty() ? "/" : fixed;
}

}  // namespace vmtriage
