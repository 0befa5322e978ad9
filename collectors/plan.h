#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/time.h"
#include "collectors/catalog.h"
#include "collectors/files.h"
#include "collectors/left_out.h"

namespace vmtriage {

struct PlanOptions {
  std::vector<std::string> profiles = {"vm-backup"};
  std::string os = "linux";
  std::string root = "/";                       ///< the folder that stands for the VM; commands are run only for "/"
  std::vector<std::string> includes, excludes;  ///< globs on top of the catalogue's; all paths are those of the VM, with `/`
  std::vector<std::string> paths;               ///< --path: folders and files of a file restore, taken whole
  bool personal = false;                        ///< sign-in logs too
  std::uint64_t max_file_size = 256ULL << 20;   ///< bytes; of a longer text the newest part is kept
  std::uint64_t max_total_size = 2ULL << 30;    ///< bytes before compression
  std::optional<Time> since, until;
  std::vector<std::string> never;  ///< paths that are no evidence: the bundle itself
  bool event_logs_exported = false;  ///< the event log service cuts them to `since`
};

/// One thing to collect.
struct PlannedItem {
  const ArtifactSpec* spec = nullptr;
  std::string path;               ///< of a file, on the VM
  std::string resolved;           ///< the same with links resolved
  FileInfo info;                  ///< of a file
  std::uint64_t skip_bytes = 0;   ///< so much of the file's beginning is not read
  std::vector<std::string> argv;  ///< of a command

  bool is_command() const { return !argv.empty(); }
  std::uint64_t size() const { return is_command() ? 0 : info.size - skip_bytes; }
};

/// What is collected, in the order of its value, and what is not.
struct Plan {
  std::vector<PlannedItem> items;
  LeftOutList left_out;
  std::uint64_t total_bytes = 0;
};

/// Finds the files of the chosen profiles and fits them into the budgets. Reads folders only, no file contents but the
/// small configuration that names the pre/post scripts.
Plan make_plan(const Catalog& catalog, const PlanOptions& options, const std::atomic<bool>* stop);

/// Whether a file name says that its content is compressed: .gz .xz .zst .bz2 .zip …
bool is_compressed_name(std::string_view path);

/// The pre and post script named by VMSnapshotScriptPluginConfig.json:
///
///     "preScriptLocation" : "/etc/azure/pre.sh", "postScriptLocation" : "/etc/azure/post.sh"
std::vector<std::string> script_locations(std::string_view config);

}  // namespace vmtriage
