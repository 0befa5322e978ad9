#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/files.h"

namespace vmtriage {

/// A file that a glob found.
struct FoundFile {
  std::string path;      ///< as it was found, on the VM: `/usr/sap/HDB/HDB00/h/trace/backup.log`
  std::string resolved;  ///< where it is with every link resolved
  FileInfo info;
};

/// Finds files by glob below a root, without ever leaving it.
///
/// A link to a file is followed when its target matches one of the `allowed` globs; a link to a folder only where the
/// glob names the level (`/usr/sap/*/HDB*/*/trace`), never below `**`, so that no loop is walked.
class Finder {
 public:
  using Use = std::function<void(FoundFile)>;
  /// A path that was met and cannot be taken, and why; or so many in a folder.
  using Refuse = std::function<void(const std::string& path, const std::string& reason, std::uint64_t count)>;

  /// `root` is the folder that stands for the VM's `/`. `allowed` are globs of paths of the VM. Nothing at or below a
  /// mount of `silent` is touched. With `any_case`, as on Windows, `/Temp/*.LOG` finds `/TEMP/x.log`; what a glob
  /// spells out is shown as it spells it.
  Finder(std::string root, std::vector<std::string> allowed, std::vector<MountPoint> silent,
         const std::atomic<bool>* stop, Names names = Names::as_spelled);

  /// Calls `use` for every file that matches. A folder that is not there is no refusal.
  void find(const std::string& glob, const Use& use, const Refuse& refuse) const;
  /// The same without what lies below the folders that were passed over; returns whether there was such a folder on the way.
  bool find_rest(const std::string& glob, const Use& use, const Refuse& refuse) const;

  /// All files of this folder were found, and there are some: find_rest need not meet them again.
  void pass_over(std::string folder) { passed_over_.insert(std::move(folder)); }

  /// Looks for files by their names in all local file systems, within bounds of depth, folders and time; says in a
  /// refusal when a bound ended the search.
  void search(const std::vector<std::string>& names, const Use& use, const Refuse& refuse) const;
  /// Whether the user or the time ended the run: what was not found may be there.
  bool stopped() const { return stop_ != nullptr && stop_->load(std::memory_order_relaxed); }

 private:
  struct Walk;
  bool start(const std::string& glob, const Use& use, const Refuse& refuse, const std::set<std::string>& pass_over) const;
  void match_level(Walk& walk, const std::string& path, std::size_t level) const;
  void match_names(Walk& walk, const std::string& path, std::size_t level) const;
  void walk_below(Walk& walk, const std::string& path, const std::string& real, int depth) const;
  void start_below(Walk& walk, const std::string& path) const;
  static void refuse_unless_absent(const Walk& walk, const std::string& path, const Error& error);
  const Result<std::string>& resolve_folder(Walk& walk, const std::string& folder) const;
  void take(Walk& walk, const std::string& path) const;
  void take_found(Walk& walk, const std::string& path, const std::string& real, const FileInfo& info) const;
  void take_link(Walk& walk, const std::string& path) const;
  bool matches(std::string_view glob, std::string_view path) const;
  bool is_allowed(const std::string& resolved) const;
  Result<std::string> resolve(const std::string& path) const { return resolve_links(root_, path, silent_, names_); }
  Result<FileInfo> info_of(const std::string& path) const;

  std::string root_;
  std::vector<std::string> allowed_;
  std::vector<MountPoint> silent_;
  const std::atomic<bool>* stop_;
  Names names_;
  std::set<std::string> passed_over_;
};

/// Why a folder that a glob's last level names is refused.
inline constexpr const char* kIsFolder = "a folder, where a file was expected";

/// The part of a glob before its first wildcard: `/var/log` of `/var/log/azure*/**`.
std::string fixed_part(std::string_view glob);

}  // namespace vmtriage
