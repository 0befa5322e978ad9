#include "collectors/folder_source.h"

#include <algorithm>

#include "agent/base/text.h"
#include "collectors/plan.h"

namespace vmtriage {
namespace {

constexpr std::size_t kMaxDepth = 64;

/// A path below the given root as it is shown and recognised: the part behind the root, with `/`.
std::string_view relative(std::string_view path, std::string_view root) {
  std::string_view rest = path.substr(std::min(path.size(), root.size()));
  while (rest.starts_with('/')) rest.remove_prefix(1);
  return rest;
}

}  // namespace

FolderSource::FolderSource(const Catalog& catalog, std::string path, const std::atomic<bool>* stop)
    : catalog_(catalog), root_(std::move(path)), stop_(stop) {
  // `E:` alone would be the folder of that drive in which the program was started.
  while (root_.size() > 1 && root_.ends_with('/') && !root_.ends_with(":/")) root_.pop_back();
}

Result<std::optional<Item>> FolderSource::next() {
  if (!started_) {
    started_ = true;
    const auto info = file_info(below(root_, "/."));
    if (!info) {
      // No folder: one file, or a link to one that the user named on purpose.
      auto resolved = real_path(root_);
      const auto file = file_info(resolved ? *resolved : root_);
      if (!file) return file.error();
      if (file->type != FileType::regular)
        return Error{ErrorCode::unsupported, printable(root_) + ": neither a file nor a folder"};
      return offer(root_, resolved ? *resolved : root_, *file);
    }
    enter(root_);
    if (levels_.empty()) return Error{ErrorCode::access_denied, printable(root_) + ": the folder cannot be read"};
  }
  while (!levels_.empty() && !(stop_ != nullptr && *stop_)) {
    Level& level = levels_.back();
    if (level.next == level.names.size()) {
      levels_.pop_back();
      continue;
    }
    const std::string path =
        level.path + (level.path.ends_with('/') ? "" : "/") + std::string(level.names[level.next++]);
    const auto info = file_info(path);
    if (!info) {
      left_out_.add("", relative(path, root_), info.error().what);
    } else if (info->type == FileType::directory) {
      enter(path);
      if (to_lower(path).ends_with(".evtx")) return std::optional(no_event_log(path));
    } else if (info->type == FileType::link) {
      left_out_.add("", relative(path, root_), "a link: not followed");
    } else if (info->type == FileType::other) {
      left_out_.add("", relative(path, root_), "not a regular file (a FIFO, a socket or a device)");
    } else if (auto item = offer(path, path, *info)) {
      return item;
    }
  }
  return std::optional<Item>();
}

void FolderSource::enter(const std::string& path) {
  if (levels_.size() >= kMaxDepth) return left_out_.add("", relative(path, root_), "nested too deep");
  auto names = list_folder(path);
  if (!names) return left_out_.add("", relative(path, root_), names.error().what);
  if (names->dropped > 0) {
    left_out_.add("", relative(path, root_), "the folder holds too many files: only a part of them was read", names->dropped);
  }
  levels_.push_back({path, std::move(*names), 0});
}

/// What stands where an event log is expected; an item, so that it is reported like a file that cannot be read.
Item FolderSource::no_event_log(const std::string& path) const {
  Item item;
  item.artifact = recognise_artifact(catalog_, path);
  item.artifact.origin = std::string(relative(path, root_));
  item.open = []() -> Result<OpenedItem> { return Error{ErrorCode::unsupported, "a folder, not an event log"}; };
  return item;
}

/// `real` is where the file stands when `path` is a link to it.
std::optional<Item> FolderSource::offer(const std::string& path, const std::string& real, const FileInfo& info) {
  std::string_view shown = relative(path, root_);
  if (shown.empty()) shown = std::string_view(path).substr(path.rfind('/') + 1);
  if (is_report_part(shown)) {
    left_out_.add("", shown, "a report of this program, no evidence");
    return std::nullopt;
  }
  Item item;
  item.artifact = recognise_artifact(catalog_, path);
  item.artifact.origin = std::string(shown);
  item.artifact.size = info.size;
  item.artifact.modified = info.modified;
  item.open = [real]() -> Result<OpenedItem> {
    auto file = open_file(real);
    if (!file) return file.error();
    return OpenedItem{std::move(file->read), {}, file->hole_bytes, file->lost_bytes};
  };
  return item;
}

Artifact recognise_artifact(const Catalog& catalog, std::string_view path) {
  Artifact artifact;
  artifact.id = "text.unknown";
  std::string slashed(path);
  std::replace(slashed.begin(), slashed.end(), '\\', '/');
  if (const ArtifactSpec* spec = catalog.recognise(slashed)) {
    artifact.id = spec->id;
    artifact.format = spec->format;
  }
  if (to_lower(slashed).ends_with(".evtx")) artifact.format = Format::evtx;
  artifact.bundle_path = "files/" + slashed;
  return artifact;
}

bool is_report_part(std::string_view path) {
  const auto parts = split(path, '/');
  if (parts.size() < 2 || !parts[parts.size() - 2].starts_with("vmtriage_")) return false;
  constexpr std::string_view kParts[] = {"README.txt", "report.html", "findings.json", "ticket.txt", "manifest.json"};
  return std::find(std::begin(kParts), std::end(kParts), parts.back()) != std::end(kParts);
}

}  // namespace vmtriage
