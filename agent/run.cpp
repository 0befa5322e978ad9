#include "agent/run.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/filesystem.hpp>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>

#include "agent/bundle.h"
#include "agent/completion.h"
#include "agent/events.h"
#include "agent/explain.h"
#include "agent/list.h"
#include "agent/log_computer.h"
#include "agent/man_page.h"
#include "agent/output_file.h"
#include "agent/scan.h"
#include "agent/verify.h"
#include "analyzers/checks/registry.h"
#include "analyzers/event_rules.h"
#include "analyzers/text_rules.h"
#include "collectors/archive_source.h"
#include "collectors/event_log.h"
#include "collectors/folder_source.h"
#include "collectors/instance_lock.h"
#include "collectors/live_source.h"
#include "collectors/privileges.h"
#include "collectors/stop.h"

namespace vmtriage {
namespace {

namespace fs = boost::filesystem;

/// A run writes its bundle all the time: what was not written to for so long belongs to none that lives.
constexpr std::chrono::hours kAbandonedAfter{1};

/// Sets a flag when the user asks to stop or the time is over, whichever comes first.
class Deadline {
 public:
  explicit Deadline(int timeout_s) : watcher_([this, timeout_s] { watch(std::chrono::seconds(timeout_s)); }) {}
  ~Deadline() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    watcher_.join();
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  const std::atomic<bool>* flag() const { return &flag_; }
  bool timed_out() const { return timed_out_; }

 private:
  void watch(std::chrono::seconds timeout) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    std::unique_lock lock(mutex_);
    while (!done_ && !flag_) {
      timed_out_ = std::chrono::steady_clock::now() >= end;
      flag_ = timed_out_ || stop_requested();
      changed_.wait_for(lock, std::chrono::milliseconds(20), [this] { return done_; });
    }
  }

  std::atomic<bool> flag_ = false;
  std::atomic<bool> timed_out_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;  ///< guarded by mutex_
  std::thread watcher_;
};

/// The knowledge and the readers that every analysis needs.
struct Toolbox {
  RuleBase with_user_rules;  ///< empty unless the user gave some
  const RuleBase* rules = nullptr;
  Redactor redactor;
  std::vector<std::unique_ptr<Analyzer>> analyzers;
};

void warn_of_slow_rules(const std::string& path, const RuleBase& rules, spdlog::logger& log) {
  for (const Rule& rule : rules.rules()) {
    for (const std::string& pattern : patterns_tried_on_every_line(rule)) {
      log.warn("{}: rule {}: no text of {} letters stands in every match of '{}': it is tried on every line, which makes reading slow",
               printable(path), rule.id, kMinAnchorBytes, printable(pattern));
    }
  }
}

/// Reads the user's rule files on top of the built-in ones.
Status add_user_rules(const std::vector<std::string>& folders, RuleBase& rules, spdlog::logger& log) {
  for (const std::string& folder : folders) {
    const auto names = list_folder(folder);
    if (!names) return Error{names.error().code, "--rules " + names.error().what};
    for (std::size_t i = 0; i < names->size(); ++i) {
      const std::string path = folder + "/" + std::string((*names)[i]);
      if (!path.ends_with(".xml")) continue;
      const auto text = read_file(path, 8 << 20);
      if (!text) return text.error();
      const EmbeddedFile file{path, *text};
      const auto parsed = RuleBase::parse(std::span(&file, 1));
      if (!parsed) return parsed.error();
      warn_of_slow_rules(path, *parsed, log);
      rules.merge(*parsed);
    }
  }
  return Done{};
}

std::string render(const std::string& path, const VerifyReport& report) {
  std::string out;
  for (const std::string& problem : report.problems) out += printable(path) + ": " + problem + "\n";
  out += printable(path) + ": " + std::to_string(report.files) + " file(s), " + format_size(report.bytes) +
         (report.problems.empty() ? ", all as the manifest says" : " are as the manifest says") +
         (report.partial ? "; the collection itself was ended early" : "") + "\n";
  return out;
}

/// 1 to 5, as event logs number them; `name` is one of these.
std::uint8_t event_level_of(std::string_view name) {
  constexpr std::string_view kNames[] = {"critical", "error", "warning", "information", "verbose"};
  return static_cast<std::uint8_t>(std::find(std::begin(kNames), std::end(kNames), name) - std::begin(kNames) + 1);
}

int complain(int code, const std::string& what, const std::string& advice = {}) {
  std::cerr << "vmtriage: " << what << (advice.empty() ? "" : "; " + advice) << "\n";
  return code;
}

int exit_code_of(const Error& error, int otherwise) {
  return error.code == ErrorCode::access_denied ? kNoPermission : otherwise;
}

/// `: No such file or directory`, to be put behind the name that the user gave.
std::string reason_of(const Error& error) { return error.what.substr(error.what.rfind(": ")); }

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options), language_(options.lang.value_or(user_language())), log_(std::make_shared<spdlog::logger>("vmtriage", std::make_shared<spdlog::sinks::ostream_sink_mt>(std::cerr))) {
    log_->set_pattern("vmtriage: %v");
    log_->set_level(options.quiet ? spdlog::level::err : options.verbosity > 0 ? spdlog::level::debug : spdlog::level::info);
  }

  int execute() {
    switch (options_.command) {
      case Options::Command::collect: return collect();
      case Options::Command::analyze: return analyze();
      case Options::Command::explain: return explain_codes();
      case Options::Command::verify: return verify();
      case Options::Command::list: return list();
      case Options::Command::events: return events();
      case Options::Command::completion: return print(completion_script(options_.operands.front(), command_table()));
      case Options::Command::man: return print(man_page(command_table()));
    }
    return kUsage;
  }

 private:
  Status open_toolbox() {
    tools_.rules = &RuleBase::built_in();
    if (!options_.rule_folders.empty()) {
      tools_.with_user_rules = RuleBase::built_in();
      if (Status added = add_user_rules(options_.rule_folders, tools_.with_user_rules, *log_); !added) return added;
      tools_.rules = &tools_.with_user_rules;
    }
    tools_.analyzers = make_checks(*tools_.rules);
    tools_.analyzers.insert(tools_.analyzers.begin(), std::make_unique<TextRules>(*tools_.rules, [this](std::string_view text) {
                              return tools_.redactor.line(text);
                            }));
    tools_.analyzers.push_back(std::make_unique<EventRules>(
        *tools_.rules, [this](std::string_view text) { return tools_.redactor.line(text); }));
    return Done{};
  }

  ScanOptions scan_options() const {
    ScanOptions wanted{options_.threads, {options_.since, options_.until}};
    const bool shown = is_terminal(vmtriage::Stream::error) && !options_.quiet && !options_.batch && std::getenv("TERM") != nullptr &&
                       std::string_view(std::getenv("TERM")) != "dumb";
    if (shown) wanted.progress = show_progress;
    wanted.pace = pace_.get();
    return wanted;
  }

  ScanOptions collect_options() const {
    ScanOptions wanted = scan_options();
    wanted.max_unpacked_bytes = options_.max_file_size;
    return wanted;
  }

  /// One line on the terminal that is written over, ten times a second at most.
  static void show_progress(std::uint64_t files, std::uint64_t bytes) {
    static std::chrono::steady_clock::time_point shown;
    const auto moment = std::chrono::steady_clock::now();
    if (moment - shown < std::chrono::milliseconds(100)) return;
    shown = moment;
    std::cerr << "\r\x1b[K" << files << " files, " << format_size(bytes) << " read\r" << std::flush;
  }

  void be_polite() {
    if (options_.low_priority) {
      if (const Status lowered = lower_priority(); !lowered) log_->warn(lowered.error().what);
    }
    const PaceLimits& limits = options_.pace;
    if (limits.cpu_percent || limits.bytes_per_second) pace_ = std::make_unique<Pace>(limits);
  }

  // ---- collect

  int collect() {
    if (const Status found = find_root(); !found) return complain(kUsage, found.error().what);
    if (const int wrong = check_collect_options(); wrong != 0) return wrong;
    if (Status opened = open_toolbox(); !opened) return complain(kUsage, opened.error().what);
    be_polite();
    const bool live = root_ == "/";
    std::optional<InstanceLock> lock;
    if (live && !options_.dry_run) {
      auto acquired = InstanceLock::acquire();
      if (!acquired && acquired.error().code == ErrorCode::locked) return complain(kBusy, acquired.error().what, "wait for it to end");
      if (!acquired) log_->warn(acquired.error().what);
      if (acquired) lock.emplace(std::move(*acquired));
    }
    Deadline deadline(options_.timeout_s);
    const auto started = std::chrono::steady_clock::now();
    PlanOptions wanted = plan_options();
    if (options_.dry_run) return dry_run(wanted, deadline.flag());

    Report report;
    report.case_id = options_.case_id;
    report.host = host_of(live ? "" : root_);
    const auto target = bundle_path(report.host);
    if (!target) return complain(exit_code_of(target.error(), kCannotCreate), target.error().what, "choose another folder with -o");
    fit_to_disk(*target, wanted);
    wanted.never.push_back(vm_path(wanted.os, fs::absolute(*target).string()));
    if (is_administrator()) {
      if (const Status allowed = read_past_permissions(); !allowed) log_->warn(allowed.error().what);
    }
    if (live && !is_administrator()) {
      const RightsAdvice advice = rights_advice();
      log_->warn(advice.warning);
      report.errors.push_back({"", {ErrorCode::access_denied, std::string(advice.error)}});
    }
    remove_abandoned(fs::absolute(*target).parent_path(), now() - kAbandonedAfter);
    auto bundle = Bundle::create(*target, options_.compression);
    if (!bundle) return complain(exit_code_of(bundle.error(), kCannotCreate), bundle.error().what, "choose another folder with -o");
    std::shared_ptr<EventLogExporter> exporter;
    if (live) exporter = event_log_exporter(*target, wanted);
    LiveSource source(make_plan(Catalog::built_in(), wanted, deadline.flag()), root_, deadline.flag(), exporter);
    const Status scanned =
        scan(source, tools_.analyzers, tools_.redactor, bundle->get(), collect_options(), deadline.flag(), report);
    if (!scanned) return complain(kIoError, scanned.error().what, "no bundle was left behind");
    if (deadline.timed_out()) log_->warn("the time of --timeout is over: the bundle holds what was read until now");
    report.request = request_states(report, wanted);
    report.seconds = seconds_since(started);
    if (const Status finished = (*bundle)->finish(report, language_); !finished) {
      return complain(kIoError, finished.error().what, "no bundle was left behind");
    }
    if (options_.batch) {
      std::cout << report.bundle << "\n";
    } else {
      print(report);
      if (options_.format == OutputFormat::text) {
        std::cout << (language_ == Language::ja ? "このファイルと中の ticket.txt をサポート ケースに添付してください。\n"
                                                : "Attach this file to the support case; ticket.txt inside is its text.\n");
      }
    }
    return report.exit_code();
  }

  /// The folder of --root, as this system names it: `E:/` for `E:\`.
  Status find_root() {
    if (options_.root == "/") return Done{};
    const auto root = real_path(options_.root);
    const auto info = root ? file_info(below(*root, "/.")) : Result<FileInfo>(root.error());
    if (!info) return Error{info.error().code, "--root " + printable(options_.root) + reason_of(info.error())};
    root_ = *root;
    return Done{};
  }

  /// A path or a glob of the VM; the user may also name it as this machine sees the disk of --root.
  std::string vm_path(const std::string& os, const std::string& shown) const {
    for (const std::string& root : {root_, options_.root}) {
      if (const auto path = vm_path_below(root, os, shown)) return *path;
    }
    return vm_path_of(os, shown);
  }

  /// Null on a system without an event log service.
  std::shared_ptr<EventLogExporter> event_log_exporter(const std::string& target, PlanOptions& wanted) const {
    EventLogOptions options;
    options.service = event_log_service();
    if (!options.service) return nullptr;
    wanted.event_logs_exported = true;
    options.folder = fs::absolute(target).parent_path().string();
    options.since = options_.since;
    options.max_bytes = options_.max_file_size;
    return std::make_shared<EventLogExporter>(std::move(options));
  }

  int check_collect_options() {
    const auto known = Catalog::built_in().profiles();
    for (const std::string& profile : options_.profiles) {
      if (std::find(known.begin(), known.end(), profile) == known.end()) {
        return complain(kUsage, "--profile: '" + printable(profile) + "' is not a profile; there are " + join(known, ", "));
      }
    }
    for (const std::string& path : options_.paths) {
      if (!vm_path(os_of_root(root_), path).starts_with('/'))
        return complain(kUsage, "--path: '" + printable(path) + "' is not an absolute path");
    }
    return 0;
  }

  PlanOptions plan_options() const {
    PlanOptions wanted;
    if (!options_.profiles.empty()) wanted.profiles = options_.profiles;
    wanted.root = root_;
    wanted.os = os_of_root(root_);
    for (const std::string& glob : options_.includes) wanted.includes.push_back(vm_path(wanted.os, glob));
    for (const std::string& glob : options_.excludes) wanted.excludes.push_back(vm_path(wanted.os, glob));
    for (const std::string& path : options_.paths) wanted.paths.push_back(vm_path(wanted.os, path));
    wanted.personal = options_.include_personal;
    wanted.max_file_size = options_.max_file_size;
    wanted.max_total_size = options_.max_total_size;
    wanted.since = options_.since;
    wanted.until = options_.until;
    return wanted;
  }

  int dry_run(const PlanOptions& wanted, const std::atomic<bool>* stop) {
    const Plan plan = make_plan(Catalog::built_in(), wanted, stop);
    std::cout << render_plan(plan);
    return 0;
  }

  Environment host_of(const std::string& root) const {
    EnvironmentQuery query;
    query.root = root;
    if (const char* address = std::getenv("VMTRIAGE_IMDS")) query.imds_address = address;
    if (!options_.imds_address.empty()) query.imds_address = options_.imds_address;
    Environment host = read_environment(query);
    if (!root.empty() && host.platform == "windows" && host.host_name.empty()) host.host_name = computer_of_logs(root);
    host.vault = options_.vault;
    host.vault_resource_group = options_.vault_resource_group;
    return host;
  }

  Result<std::string> bundle_path(const Environment& host) const {
    const std::string given = options_.output.empty() ? "." : options_.output;
    boost::system::error_code failure;
    if (fs::is_directory(given, failure)) {
      const std::string name = bundle_name(options_.case_id, host.host_name, now(), std::random_device{}());
      return (fs::path(given) / name).make_preferred().string();
    }
    if (given.ends_with("/")) return Error{ErrorCode::not_found, printable(given) + ": no such folder"};
    return fs::path(given).make_preferred().string();
  }

  /// Leaves room on the disk that the zip is written to: a full disk is a new failure on a sick VM.
  void fit_to_disk(const std::string& target, PlanOptions& wanted) const {
    constexpr std::uint64_t kReserve = 256ULL << 20;
    const std::string folder = fs::absolute(target).parent_path().string();
    const auto free = disk_free_bytes(folder);
    if (!free) return;
    const std::uint64_t usable = *free > 2 * kReserve ? *free - kReserve : *free / 2;
    if (wanted.max_total_size <= usable) return;
    wanted.max_total_size = usable;
    log_->warn("{}: only {} are free, so at most {} of evidence are collected", folder, format_size(*free), format_size(usable));
  }

  std::vector<RequestState> request_states(const Report& report, const PlanOptions& chosen) const {
    const Catalog& catalog = Catalog::built_in();
    std::vector<RequestState> states;
    for (const RequestItem& item : catalog.request_items()) {
      const bool wanted = std::any_of(chosen.profiles.begin(), chosen.profiles.end(), [&](const std::string& profile) {
        return profile == "everything" || std::find(item.profiles.begin(), item.profiles.end(), profile) != item.profiles.end();
      });
      const bool of_this_os = std::any_of(catalog.specs().begin(), catalog.specs().end(), [&](const ArtifactSpec& spec) {
        return spec.os == chosen.os && spec.request == item.id;
      });
      if (!wanted || !of_this_os) continue;
      RequestState state{item, 0, {}};
      for (const auto& [id, count] : report.files_by_artifact) {
        const ArtifactSpec* spec = catalog.find(id);
        if (spec != nullptr && spec->request == item.id) state.files += count;
      }
      if (state.files == 0) state.why_missing = why_missing(report, catalog, item.id);
      states.push_back(std::move(state));
    }
    return states;
  }

  static std::string why_missing(const Report& report, const Catalog& catalog, const std::string& request) {
    for (const LeftOut& entry : report.left_out.entries()) {
      const ArtifactSpec* spec = catalog.find(entry.id);
      if (spec != nullptr && spec->request == request) return printable(entry.origin) + ": " + entry.reason;
    }
    for (const ReadError& error : report.errors) {
      const ArtifactSpec* spec = catalog.recognise(vm_path_of("windows", error.origin));
      if (spec != nullptr && spec->request == request) return error.error.what;
    }
    return report.partial ? "the run was ended before it was read" : "not found";
  }

  // ---- analyze

  int analyze() {
    if (Status opened = open_toolbox(); !opened) return complain(kUsage, opened.error().what);
    be_polite();
    Deadline deadline(86400);
    const auto started = std::chrono::steady_clock::now();
    Report report;
    for (const std::string& path : options_.operands) {
      auto source = open_source(path, deadline.flag());
      if (!source) return complain(exit_code_of(source.error(), kUsage), source.error().what);
      if (report.host.host_name.empty()) describe_host(path, report);
      if (Status scanned = scan(**source, tools_.analyzers, tools_.redactor, nullptr, scan_options(), deadline.flag(), report);
          !scanned) {
        return complain(kIoError, scanned.error().what);
      }
    }
    if (report.host.platform.empty()) report.host.platform = platform_of(report);
    report.seconds = seconds_since(started);
    print(report);
    return report.exit_code();
  }

  static Result<std::unique_ptr<Source>> open_source(const std::string& path, const std::atomic<bool>* stop) {
    const Catalog& catalog = Catalog::built_in();
    const auto resolved = real_path(path);
    if (!resolved) return resolved.error();
    const auto info = file_info(*resolved);
    if (!info) return Error{info.error().code, printable(path) + reason_of(info.error())};
    if (info->type == FileType::regular) {
      auto file = open_file(*resolved);
      if (!file) return file.error();
      std::string head(512, '\0');
      const auto got = file->read(head);
      if (!got) return got.error();
      head.resize(*got);
      const Container container = detect_container(head);
      const bool tar = container == Container::compressed && (path.find(".tar") != std::string::npos || path.ends_with(".tgz") ||
                                                              path.ends_with(".txz") || path.ends_with(".tbz"));
      if (container == Container::archive || tar) {
        auto archive = ArchiveSource::open(catalog, *resolved, stop);
        if (!archive) return archive.error();
        return std::unique_ptr<Source>(std::move(*archive));
      }
    } else if (info->type != FileType::directory) {
      return Error{ErrorCode::unsupported, printable(path) + ": neither a file nor a folder"};
    }
    return std::unique_ptr<Source>(std::make_unique<FolderSource>(catalog, *resolved, stop));
  }

  void describe_host(const std::string& path, Report& report) const {
    boost::system::error_code failure;
    if (fs::is_directory(fs::path(path) / "etc", failure) || fs::is_directory(fs::path(path) / "var", failure) ||
        os_of_root(path) == "windows") {
      report.host = host_of(fs::absolute(path).string());
    }
  }

  static std::string platform_of(const Report& report) {
    std::uint64_t linux_files = 0, windows_files = 0;
    for (const auto& [id, count] : report.files_by_artifact) {
      if (id.starts_with("linux.")) linux_files += count;
      if (id.starts_with("windows.")) windows_files += count;
    }
    if (linux_files == windows_files) return "";
    return linux_files > windows_files ? "linux" : "windows";
  }

  // ---- the others

  int explain_codes() {
    std::vector<std::string_view> files;
    for (const EmbeddedFile& file : embedded_files()) {
      if (file.path.starts_with("analyzers/codes/")) files.push_back(file.bytes);
    }
    const auto codes = Codes::parse(files);
    if (!codes) return complain(kUnavailable, codes.error().what);
    const auto format = options_.format == OutputFormat::json ? ExplainFormat::json : ExplainFormat::text;
    return explain(options_.operands, *codes, language_, format, std::cin, std::cout, std::cerr);
  }

  int verify() {
    int worst = 0;
    for (const std::string& path : options_.operands) {
      const auto report = verify_bundle(path);
      if (!report) return complain(exit_code_of(report.error(), kUsage), report.error().what);
      std::cout << render(path, *report);
      if (!report->problems.empty()) worst = 2;
    }
    return worst;
  }

  int list() {
    if (Status opened = open_toolbox(); !opened) return complain(kUsage, opened.error().what);
    std::cout << render_list(options_.operands.front(), rules_for(options_.list_os), Catalog::built_in(), options_.patterns, language_);
    return 0;
  }

  /// The rules without those that are for the other system's evidence; all for an empty name.
  RuleBase rules_for(const std::string& os) const {
    std::vector<Rule> chosen = tools_.rules->rules();
    if (!os.empty()) {
      const std::string other = os == "linux" ? "windows." : "linux.";
      std::erase_if(chosen, [&](const Rule& rule) { return rule.id.starts_with(other); });
    }
    return RuleBase::of(std::move(chosen));
  }

  int events() {
    EventsOptions wanted;
    wanted.providers = options_.event_providers;
    wanted.ids = options_.event_ids;
    wanted.since = options_.since;
    wanted.threads = options_.threads;
    wanted.recovered = options_.event_recovered;
    wanted.format = options_.format == OutputFormat::text ? EventsFormat::text : EventsFormat::jsonl;
    if (!options_.event_level.empty()) wanted.level = event_level_of(options_.event_level);
    for (const std::string& path : options_.operands) {
      if (const auto info = file_info(path); !info) return complain(exit_code_of(info.error(), kUsage), info.error().what);
    }
    int worst = 0;
    for (const std::string& path : options_.operands) {
      wanted.path = path;
      worst = std::max(worst, run_events(wanted, std::cout, std::cerr));
    }
    return worst;
  }

  static int print(const std::string& text) {
    std::cout << text;
    return 0;
  }

  void print(const Report& report) const {
    if (scan_options().progress) std::cerr << "\r\x1b[K" << std::flush;
    switch (options_.format) {
      case OutputFormat::json: std::cout << render_json(report, language_); break;
      case OutputFormat::html: std::cout << render_html(report, language_); break;
      case OutputFormat::text: {
        const bool color = is_terminal(vmtriage::Stream::output) && !options_.no_color && std::getenv("NO_COLOR") == nullptr &&
                           std::string_view(std::getenv("TERM") == nullptr ? "dumb" : std::getenv("TERM")) != "dumb";
        std::cout << render_text(report, language_, color, static_cast<std::size_t>(terminal_width(vmtriage::Stream::output).value_or(100)));
        break;
      }
    }
    std::cout.flush();
  }

  static double seconds_since(std::chrono::steady_clock::time_point started) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  }

  const Options& options_;
  Language language_;
  std::shared_ptr<spdlog::logger> log_;
  Toolbox tools_;
  std::unique_ptr<Pace> pace_;  ///< where the command line limits the run
  std::string root_ = "/";  ///< the folder that stands for the VM
};

}  // namespace

int run(const Options& options) {
  watch_for_stop();
  return Run(options).execute();
}

}  // namespace vmtriage
