#include "collectors/plan.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "agent/base/temporary_name.h"
#include "agent/base/text.h"
#include "collectors/event_log.h"
#include "collectors/finder.h"
#include "collectors/inode_set.h"

namespace vmtriage {
namespace {

/// A planned and stored file takes about 1.3 KiB of memory.
constexpr std::size_t kMaxItems = 20'000;

/// The places of command arguments that stand for files of this VM.
constexpr std::string_view kGlobArgument = "{glob:";
constexpr std::string_view kScriptsArgument = "{pre-post-scripts}";

/// A server that is only slow answers within this.
constexpr std::chrono::seconds kPatience{4};

/// Of a file that the user names and the catalogue does not know.
const ArtifactSpec& unknown_text(const std::string& os) {
  const auto make = [](const char* name) {
    ArtifactSpec spec;
    spec.id = "text.unknown";
    spec.os = name;
    return spec;
  };
  static const ArtifactSpec of_linux = make("linux"), of_windows = make("windows");
  return os == "windows" ? of_windows : of_linux;
}

class Planner {
 public:
  Planner(const Catalog& catalog, const PlanOptions& options, const std::atomic<bool>* stop)
      : catalog_(catalog),
        options_(options),
        finder_(options.root, allowed_globs(), silent_mounts(kPatience), stop,
                any_case() ? Names::any_case : Names::as_spelled) {}

  Plan make() {
    for (const ArtifactSpec& spec : catalog_.specs()) {
      if (is_wanted(spec) && !spec.search && !spec.command) add_files(spec);
    }
    add_paths();
    add_includes();
    for (const ArtifactSpec& spec : catalog_.specs()) {
      if (is_wanted(spec) && spec.search && !has_request(spec.request)) search_files(spec);
    }
    for (const ArtifactSpec& spec : catalog_.specs()) {
      if (is_wanted(spec) && spec.command) add_command(spec);
    }
    std::stable_sort(plan_.items.begin(), plan_.items.end(), [](const PlannedItem& a, const PlannedItem& b) {
      if (a.spec->priority != b.spec->priority) return a.spec->priority < b.spec->priority;
      return a.info.modified > b.info.modified;
    });
    fit_budget();
    return std::move(plan_);
  }

 private:
  bool is_wanted(const ArtifactSpec& spec) const {
    if (spec.os != options_.os) return false;
    return std::any_of(options_.profiles.begin(), options_.profiles.end(),
                       [&](const std::string& profile) { return spec.in_profile(profile); });
  }

  /// Where a link may lead: to what would be collected without it.
  std::vector<std::string> allowed_globs() const {
    std::set<std::string> globs;
    for (const ArtifactSpec& spec : catalog_.specs()) {
      if (!is_wanted(spec)) continue;
      for (const std::string& glob : spec.globs) {
        if (glob.starts_with('/')) globs.insert(glob);
      }
    }
    // The distribution's os-release stands behind a link in /usr/lib.
    if (options_.os == "linux") globs.insert({"/usr/lib/*", "/run/systemd/resolve/*"});
    for (const std::string& path : options_.paths) globs.insert({path, path + "/**"});
    for (const std::string& glob : options_.includes) globs.insert(glob);
    return {globs.begin(), globs.end()};
  }

  /// Whether the VM's file system takes `SAM` and `sam` for one name.
  bool any_case() const { return options_.os == "windows"; }

  void note(const std::string& id, const std::string& path, const std::string& reason, std::uint64_t count = 1) {
    plan_.left_out.add(id, shown_path(options_.os, path), reason, count);
  }

  Finder::Refuse refuse(const ArtifactSpec& spec) {
    return [this, &spec](const std::string& path, const std::string& reason, std::uint64_t count) {
      note(spec.id, path, reason, count);
    };
  }

  const char* why_none() const {
    return finder_.stopped() ? "the run was ended before it was looked for" : "not found";
  }

  void add_files(const ArtifactSpec& spec) {
    bool any = false, here = false;
    std::vector<PlannedItem> newest;  // a heap: the oldest stands first
    const auto use = [&](FoundFile file) {
      here = true;
      if (is_excepted(spec, file.path) || !is_new(file)) return;
      // Most files of a folder of a million end here, before anything else is asked of them.
      const bool old = newest.size() >= spec.max_files && file.info.modified < newest.front().info.modified;
      if (old && options_.excludes.empty() && !options_.since) return too_many(spec, file.path);
      if (auto item = decide(spec, std::move(file))) keep_newest(newest, std::move(*item));
    };
    for (const std::string& glob : spec.globs) {
      if (!glob.starts_with('/')) continue;
      here = false;
      const bool passed = finder_.find_rest(glob, use, refuse(spec));
      if (here && spec.excepts.empty() && !finder_.stopped()) pass_over(glob);
      any = any || here || passed;
    }
    if (!any) note(spec.id, first_glob(spec), why_none());
    for (PlannedItem& item : newest) place(std::move(item));
  }

  /// What a kind asked for with all below a folder is not asked for again by one that takes a folder above it.
  void pass_over(const std::string& glob) {
    const std::string folder = fixed_part(glob);
    if (folder + "/**" == glob) finder_.pass_over(folder);
  }

  /// Of more files than a kind may have, the newest are the ones that tell of the failure.
  void keep_newest(std::vector<PlannedItem>& heap, PlannedItem item) {
    const auto is_newer = [](const PlannedItem& a, const PlannedItem& b) { return a.info.modified > b.info.modified; };
    const ArtifactSpec& spec = *item.spec;
    heap.push_back(std::move(item));
    std::push_heap(heap.begin(), heap.end(), is_newer);
    if (heap.size() <= spec.max_files) return;
    std::pop_heap(heap.begin(), heap.end(), is_newer);
    too_many(spec, heap.back().path);
    heap.pop_back();
  }

  void too_many(const ArtifactSpec& spec, const std::string& path) {
    leave_out(spec, path, "too many files of this kind: the newest " + std::to_string(spec.max_files) + " were kept");
  }

  /// Not met before under another name or by another glob.
  bool is_new(const FoundFile& file) { return seen_.insert(file.info.device, file.info.inode); }

  static std::string first_glob(const ArtifactSpec& spec) {
    return spec.globs.empty() ? std::string() : spec.globs.front();
  }

  bool is_excepted(const ArtifactSpec& spec, const std::string& path) const {
    return std::any_of(spec.excepts.begin(), spec.excepts.end(),
                       [&](const std::string& glob) { return glob_match(as_compared(glob), as_compared(path)); });
  }

  void add_file(const ArtifactSpec& spec, FoundFile file) {
    if (!is_new(file)) return;
    if (auto item = decide(spec, std::move(file))) place(std::move(*item));
  }

  void place(PlannedItem item) {
    if (plan_.items.size() < kMaxItems) return plan_.items.push_back(std::move(item));
    leave_out(*item.spec, item.path, "too many files: the limit is " + std::to_string(kMaxItems));
  }

  /// Whether and how a file is taken; nothing, with the reason in the plan, when it is left out.
  std::optional<PlannedItem> decide(const ArtifactSpec& spec, FoundFile file) {
    if (is_refused(spec, file, file.path)) return std::nullopt;
    if (file.resolved != file.path && is_refused(spec, file, file.resolved)) return std::nullopt;
    if (spec.personal && !options_.personal) {
      return leave_out(spec, file.path, "personal data: collected only with --include-personal");
    }
    if (is_never(file)) return leave_out(spec, file.path, "the output of this program");
    if (matches(options_.excludes, file.path)) return leave_out(spec, file.path, "excluded by --exclude");
    // What the event log service has open is written to the disk, with its time, much later.
    const bool active_log = spec.format == Format::evtx && channel_of(file.path);
    if (options_.since && file.info.modified < *options_.since && !active_log)
      return leave_out(spec, file.path, "not changed since --since");
    PlannedItem item;
    const bool shortened = active_log && options_.since && options_.event_logs_exported;
    if (file.info.size > options_.max_file_size && !shortened) {
      if (is_compressed_name(file.path) || spec.format != Format::text) {
        return leave_out(spec, file.path, too_large(file.info.size, options_.max_file_size).what);
      }
      item.skip_bytes = file.info.size - options_.max_file_size;
    }
    item.spec = &spec;
    item.path = std::move(file.path);
    item.resolved = std::move(file.resolved);
    item.info = file.info;
    return item;
  }

  /// Whether a file is left out because of one of its names, `path`; then the plan has the reason.
  bool is_refused(const ArtifactSpec& spec, const FoundFile& file, const std::string& path) {
    // A special entry of the catalogue claims its files before the general one that also matches.
    const ArtifactSpec* owner = options_.personal || spec.search ? nullptr : catalog_.recognise_personal(path);
    if (owner != nullptr && owner != &spec && owner->os == options_.os && !owner->search) {
      leave_out(*owner, file.path, "personal data: collected only with --include-personal");
      return true;
    }
    if (!catalog_.is_denied(path, any_case())) return false;
    leave_out(spec, file.path, "never collected: it holds keys, certificates or passwords");
    return true;
  }

  std::nullopt_t leave_out(const ArtifactSpec& spec, const std::string& path, const std::string& reason) {
    note(spec.id, path, reason);
    return std::nullopt;
  }

  bool is_never(const FoundFile& file) const {
    const std::string met = as_compared(file.path), resolved = as_compared(file.resolved);
    if (is_temporary_name(met.substr(met.rfind('/') + 1))) return true;
    return std::any_of(options_.never.begin(), options_.never.end(), [&](const std::string& each) {
      const std::string path = as_compared(each);
      return resolved == path || met == path || (resolved.starts_with(path) && resolved[path.size()] == '/');
    });
  }

  bool matches(const std::vector<std::string>& globs, const std::string& path) const {
    return std::any_of(globs.begin(), globs.end(),
                       [&](const std::string& glob) { return glob_match_tail(as_compared(glob), as_compared(path)); });
  }

  std::string as_compared(const std::string& path) const { return any_case() ? to_lower(path) : path; }

  void add_paths() {
    const ArtifactSpec* log = catalog_.find(options_.os + ".file-restore.log");
    const ArtifactSpec* script = catalog_.find(options_.os + ".file-restore.script");
    if (log == nullptr || script == nullptr) return;
    for (const std::string& path : options_.paths) {
      bool any = false;
      const auto use = [&](FoundFile file) {
        any = true;
        add_file(file.path.ends_with(".py") || file.path.ends_with(".exe") ? *script : *log, std::move(file));
      };
      const auto refuse_some = refuse(*log);
      finder_.find(path, use, [&](const std::string& met, const std::string& reason, std::uint64_t count) {
        if (reason != kIsFolder) refuse_some(met, reason, count);
      });
      finder_.find(path + "/**", use, refuse_some);
      if (!any) note(log->id, path, why_none());
    }
  }

  void add_includes() {
    for (const std::string& glob : options_.includes) {
      const ArtifactSpec* spec = catalog_.recognise(glob);
      if (spec == nullptr) spec = &unknown_text(options_.os);
      bool any = false;
      finder_.find(
          glob,
          [&](FoundFile file) {
            any = true;
            add_file(*spec, std::move(file));
          },
          refuse(*spec));
      if (!any) note(spec->id, glob, "--include: not found");
    }
  }

  bool has_request(const std::string& request) const {
    return std::any_of(plan_.items.begin(), plan_.items.end(),
                       [&](const PlannedItem& item) { return item.spec->request == request; });
  }

  void search_files(const ArtifactSpec& spec) {
    bool any = false;
    finder_.search(
        spec.globs,
        [&](FoundFile file) {
          any = true;
          add_file(spec, std::move(file));
        },
        refuse(spec));
    if (!any) note(spec.id, first_glob(spec), "not found on any local file system");
  }

  void add_command(const ArtifactSpec& spec) {
    const std::string line = shown_command(*spec.command, spec.command->argv);
    if (options_.root != "/")
      return plan_.left_out.add(spec.id, line, "a command: not run for a copied or mounted disk");
    if (spec.command->only_without_syslog && has_request(spec.request)) return;
    PlannedItem item;
    item.spec = &spec;
    for (const std::string& word : spec.command->argv) add_argument(item.argv, word);
    plan_.items.push_back(std::move(item));
  }

  void add_argument(std::vector<std::string>& argv, const std::string& word) const {
    if (word == kScriptsArgument) {
      const auto config = read_file(below(options_.root, "/etc/azure/VMSnapshotScriptPluginConfig.json"), 64 << 10);
      if (!config) return;
      for (std::string& path : script_locations(*config)) argv.push_back(std::move(path));
    } else if (word.starts_with(kGlobArgument)) {
      const std::string glob = word.substr(kGlobArgument.size(), word.size() - kGlobArgument.size() - 1);
      const auto names = list_folder(below(options_.root, fixed_part(glob)), 1 << 20);
      for (std::size_t i = 0; names && i < names->size(); ++i) {
        const std::string path = fixed_part(glob) + "/" + std::string((*names)[i]);
        if (glob_match(glob, path)) argv.push_back(path);
      }
    } else {
      argv.push_back(word);
    }
  }

  /// Keeps what fits, in the order of value: a file that is too large is left out and the next smaller one is tried.
  void fit_budget() {
    std::vector<PlannedItem> kept;
    for (PlannedItem& item : plan_.items) {
      if (plan_.total_bytes + item.size() > options_.max_total_size) {
        note(item.spec->id, item.path,
             "over the total budget of " + format_size(options_.max_total_size) + " (--max-total-size)");
        continue;
      }
      plan_.total_bytes += item.size();
      kept.push_back(std::move(item));
    }
    plan_.items = std::move(kept);
  }

  const Catalog& catalog_;
  const PlanOptions& options_;
  Finder finder_;
  Plan plan_;
  InodeSet seen_;
};

}  // namespace

Plan make_plan(const Catalog& catalog, const PlanOptions& options, const std::atomic<bool>* stop) {
  return Planner(catalog, options, stop).make();
}

bool is_compressed_name(std::string_view path) {
  constexpr std::string_view kEndings[] = {".gz", ".xz", ".zst", ".bz2", ".zip", ".tgz", ".txz", ".7z", ".lz4"};
  return std::any_of(std::begin(kEndings), std::end(kEndings),
                     [&](std::string_view ending) { return path.ends_with(ending); });
}

std::vector<std::string> script_locations(std::string_view config) {
  std::vector<std::string> paths;
  for (const std::string_view key : {"\"preScriptLocation\"", "\"postScriptLocation\""}) {
    std::size_t at = config.find(key);
    if (at == std::string_view::npos) continue;
    at = config.find('"', config.find(':', at + key.size()));
    const std::size_t end = at == std::string_view::npos ? at : config.find('"', at + 1);
    if (end == std::string_view::npos) continue;
    const std::string_view path = config.substr(at + 1, end - at - 1);
    if (path.starts_with('/') && path.size() < 512 && path.find('\\') == std::string_view::npos)
      paths.emplace_back(path);
  }
  return paths;
}

}  // namespace vmtriage
