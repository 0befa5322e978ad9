#include "analyzers/checks/hana_backup.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "agent/base/gram_finder.h"
#include "analyzers/checks/sightings.h"

namespace vmtriage {
namespace {

/// What came after the end of a rotated log is in the next one: a failure at its end may have been made good there.
bool is_rotated(const Artifact& artifact) { return !artifact.by_content && !artifact.origin.ends_with(".log"); }

/// Open backups, calls and volumes that are kept in memory; a system works on a handful at a time.
constexpr std::size_t kMaxOpen = 256;
/// So many failures that were made good are more than a passing trouble.
constexpr std::uint64_t kFailuresThatMatter = 3;
/// Log backups come every few minutes: a volume that is silent for so long no longer exists.
constexpr std::chrono::days kVolumeIsGone{7};
/// No backup runs longer; a call without an end that is older died.
constexpr std::chrono::hours kLongestBackup{24};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool has(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

/// The rules for pasted lines say what the reading of a whole log says better.
void drop_line_findings(Insights& insights) {
  std::erase_if(insights.findings, [](const Finding& finding) { return finding.rule_id.starts_with("linux.hana.text."); });
}

/// A failure or two that were made good are worth a note, no more.
void soften_recovered(Finding& finding) {
  if (finding.rule_id.ends_with("-recovered") && finding.count < kFailuresThatMatter) finding.severity = Severity::info;
}

/// Takes the next word off the front; empty at the end.
std::string_view take_word(std::string_view& text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  std::size_t size = 0;
  while (size < text.size() && !is_blank(text[size])) ++size;
  const std::string_view word = text.substr(0, size);
  text.remove_prefix(size);
  return word;
}

bool is_backup_id(std::string_view word) {
  return word.size() >= 10 && word.size() <= 13 &&
         std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_component(std::string_view word) {
  return word.size() >= 3 && word.size() <= 12 &&
         std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

enum class Outcome { none, failed, succeeded };

/// BackupError and BackupLogError often stand at level INFO, so the state's name counts, not the level.
Outcome outcome_of(const HanaBackupLine& line) {
  const std::string_view message = line.message;
  if (has(message, "finished with error")) return Outcome::failed;
  if (has(message, "state of service:")) {
    const std::string_view state = trim(message.substr(message.rfind(',') + 1));
    if (state.ends_with("Error") && (state.starts_with("Backup") || state.starts_with("Recovery")))
      return Outcome::failed;
    if (state == "BackupLogSuccess") return Outcome::succeeded;
    return Outcome::none;
  }
  if (has(message, "finished successfully")) return Outcome::succeeded;
  return line.level == "ERROR" && !hana_root_cause(message).empty() ? Outcome::failed : Outcome::none;
}

enum Kind : std::size_t { kData, kLog, kRecovery };

Kind kind_of(const HanaBackupLine& line) {
  if (line.component == "LOGBCKUP" || has(line.message, "BackupLog")) return kLog;
  if (line.component == "RECOVERY" || line.message.starts_with("RECOVER")) return kRecovery;
  return kData;
}

/// `nameserver, volume: 1` of `state of service: nameserver, hand04:39701, volume: 1, BackupLogError`: log backups of each
/// volume succeed and fail on their own, and a volume moves to another host when its own fails.
std::string volume_of(std::string_view message) {
  constexpr std::string_view kPrefix = "state of service: ";
  constexpr std::size_t kLongest = 160;
  const std::size_t begin = message.find(kPrefix);
  if (begin == std::string_view::npos) return {};
  const auto parts = split(message.substr(begin + kPrefix.size(), kLongest), ',');
  return parts.size() < 4 ? std::string() : std::string(trim(parts[0])) + ", " + std::string(trim(parts[2]));
}

/// What a line must have to decide anything: "error", "success". Nearly every line of a healthy log is progress, and these
/// logs grow to gigabytes.
const GramFinder& deciding_words() {
  static const GramFinder finder(std::array{Gram{"rro", 0}, Gram{"cce", 1}});
  return finder;
}

class BackupLogScan : public Scan {
 public:
  BackupLogScan(const RuleBase& rules, const Artifact& artifact)
      : rules_(rules), artifact_(artifact), component_(hana_database_of(artifact.origin).name()) {}

  void block(const Block& block, std::uint64_t first_line) override {
    each_line_with(deciding_words(), block, first_line, [this](const Line& line) { read(line); });
  }

  void finish(Insights& insights) override {
    drop_line_findings(insights);
    const Series& data = series_[kData];
    report(data, data.unrecovered.empty() ? "linux.hana.data-backup-recovered" : "linux.hana.data-backup-failed",
           insights);
    Series& log = series_[kLog];
    forget_gone_volumes(log);
    if (!log.unrecovered.empty()) {
      report(log, "linux.hana.log-backup-failed", insights);
    } else if (log.failures.count() >= kFailuresThatMatter) {
      report(log, "linux.hana.log-backup-recovered", insights);
    }
    const Series& recovery = series_[kRecovery];
    report(recovery, recovery.unrecovered.empty() ? "linux.hana.restore-recovered" : "linux.hana.restore-failed",
           insights);
  }

 private:
  /// Something that failed: a volume, or "" for the database.
  struct Open {
    std::string subject;
    std::optional<Time> last;  ///< when it failed last
  };
  /// All backups of one kind.
  struct Series {
    Sightings failures;
    std::string cause;              ///< of the newest failure that names one
    std::vector<Open> unrecovered;  ///< what failed and has not succeeded since
  };

  void read(const Line& line) {
    const auto parsed = parse_hana_backup_line(line.text);
    if (!parsed) return;
    const Outcome outcome = outcome_of(*parsed);
    if (outcome == Outcome::none) return;
    const Kind kind = kind_of(*parsed);
    const std::string subject = kind == kLog ? volume_of(parsed->message) : std::string();
    if (outcome == Outcome::succeeded) {
      std::erase_if(series_[kind].unrecovered,
                    [&](const Open& open) { return open.subject == subject || open.subject.empty(); });
      if (kind == kLog) newest_log_backup_ = line.text.substr(0, 40);
      if (parsed->id.empty()) unnamed_failed_[kind] = false;
    } else {
      fail(kind, *parsed, subject, line);
    }
  }

  void fail(Kind kind, const HanaBackupLine& parsed, const std::string& subject, const Line& line) {
    Series& series = series_[kind];
    if (const std::string_view cause = hana_root_cause(parsed.message); !cause.empty()) {
      series.cause = shorten(printable(cause), 200);
    }
    Evidence evidence = evidence_of(artifact_, line);
    auto& open = series.unrecovered;
    const auto known =
        std::find_if(open.begin(), open.end(), [&](const Open& entry) { return entry.subject == subject; });
    if (known != open.end()) {
      known->last = evidence.time;
    } else if (open.size() < kMaxOpen) {
      open.push_back({subject, evidence.time});
    }
    if (is_known(kind, parsed.id)) {
      series.failures.show(std::move(evidence));
    } else {
      series.failures.add(std::move(evidence));
    }
  }

  void forget_gone_volumes(Series& log) const {
    const auto newest = find_stamp(newest_log_backup_, artifact_.modified.value_or(now()));
    if (!newest) return;
    std::erase_if(log.unrecovered,
                  [&](const Open& open) { return open.last && newest->time - *open.last > kVolumeIsGone; });
  }

  /// Whether this backup's failure has been counted: services, volumes and the backup as a whole each report it. Lines
  /// without an id belong together until one succeeds.
  bool is_known(Kind kind, std::string_view id) {
    if (id.empty()) return std::exchange(unnamed_failed_[kind], true);
    if (std::find(failed_ids_.begin(), failed_ids_.end(), id) != failed_ids_.end()) return true;
    failed_ids_.emplace_back(id);
    if (failed_ids_.size() > kMaxOpen) failed_ids_.pop_front();
    return false;
  }

  void report(const Series& series, std::string_view rule, Insights& insights) const {
    if (series.failures.count() == 0) return;
    Finding finding = rules_.finding(rule, {{"component", component_},
                                            {"cause", series.cause.empty() ? "-" : series.cause},
                                            {"count", std::to_string(series.failures.count())}});
    series.failures.apply_to(finding);
    if (is_rotated(artifact_)) finding.severity = std::min(finding.severity, Severity::warning);
    soften_recovered(finding);
    insights.findings.push_back(std::move(finding));
  }

  const RuleBase& rules_;
  Artifact artifact_;
  std::string component_;
  std::array<Series, 3> series_;
  std::string newest_log_backup_;  ///< the line of the newest success: its beginning with the time
  std::array<bool, 3> unnamed_failed_{};
  std::deque<std::string> failed_ids_;
};

/// The value behind `name:` in a line of a backint.log block; nothing when it is another line.
std::optional<std::string_view> field(std::string_view line, std::string_view name) {
  if (!line.starts_with(name)) return std::nullopt;
  line.remove_prefix(name.size());
  if (line.empty() || line[0] != ':') return std::nullopt;
  return trim(line.substr(1));
}

/// `backup` of `hdbbackint -f backup -p …`, and `LOG` of `… -l LOG`.
std::string option_of(std::string_view command, std::string_view option) {
  for (std::string_view word = take_word(command); !word.empty(); word = take_word(command)) {
    if (word == option) return std::string(take_word(command).substr(0, 32));
  }
  return {};
}

class BackintLogScan : public Scan {
 public:
  BackintLogScan(const RuleBase& rules, const Artifact& artifact)
      : rules_(rules), artifact_(artifact), component_(hana_database_of(artifact.origin).name()) {}

  void block(const Block& block, std::uint64_t first_line) override {
    each_line(block, first_line, [this](const Line& line) { read(line); });
  }

  void finish(Insights& insights) override {
    close_block();
    for (const auto& [pid, call] : open_) {
      const auto& started = call.started.stamp;
      if (last_time_ && started && *last_time_ - started->time >= kLongestBackup) unfinished_.add(evidence(call.started));
    }
    const bool recovered = failed_kinds_.empty();
    if (!recovered) {
      report(failures_, "linux.hana.backint-failed", insights);
    } else if (!only_logs_ || failures_.count() >= kFailuresThatMatter) {
      report(failures_, "linux.hana.backint-recovered", insights);
    }
    report(unfinished_, "linux.hana.backint-unfinished", insights);
  }

 private:
  /// The first line of a block. Most calls end well, so that it is kept, not made evidence.
  struct Head {
    std::string text;
    std::uint64_t number = 0;
    std::optional<Stamp> stamp;
  };
  /// One invocation of the backint program.
  struct Call {
    Head started;
    std::string kind;  ///< `backup LOG`: calls of one kind replace each other
  };
  enum class Section { none, started, terminated };

  void read(const Line& line) {
    const std::string_view text = trim(line.text);
    if (text.ends_with("backint started:")) return begin(Section::started, line);
    if (text.ends_with("backint terminated:")) return begin(Section::terminated, line);
    if (section_ == Section::none || text.empty()) return;
    if (const auto command = field(text, "command")) {
      current_.kind = option_of(*command, "-f") + " " + option_of(*command, "-l");
    } else if (const auto pid = field(text, "pid")) {
      pid_ = pid->substr(0, 20);
    } else if (section_ == Section::terminated) {
      read_end(text, line);
    }
  }

  void read_end(std::string_view text, const Line& line) {
    if (const auto code = field(text, "exit code")) {
      exit_code_ = code->substr(0, 20);
      if (exit_code_ != "0" && details_.size() < kMaxExcerpts) details_.push_back(evidence_of(artifact_, line));
    } else if (text.starts_with("#ERROR")) {
      error_lines_ = true;
      note_detail(text, line);
    } else if (has(text, "exited with exit code") || has(text, "exception  1:")) {
      note_detail(text, line);
    }
  }

  void note_detail(std::string_view text, const Line& line) {
    // The exception's number alone explains nothing; its sentence does.
    if (!text.starts_with("exception ")) last_words_ = shorten(printable(text), 200);
    if (details_.size() < kMaxExcerpts) details_.push_back(evidence_of(artifact_, line));
  }

  void begin(Section section, const Line& line) {
    close_block();
    section_ = section;
    head_.text = line.text.substr(0, 4 * kMaxExcerptBytes);
    head_.number = line.number;
    head_.stamp = find_stamp(line.text, artifact_.modified.value_or(now()));
    if (head_.stamp && (!last_time_ || head_.stamp->time > *last_time_)) last_time_ = head_.stamp->time;
  }

  Evidence evidence(const Head& head) const { return evidence_of(artifact_, {head.text, head.number, false}, head.stamp); }

  void close_block() {
    if (section_ == Section::started) close_started();
    if (section_ == Section::terminated) close_terminated();
    section_ = Section::none;
    current_ = {};
    pid_.clear();
    exit_code_.clear();
    details_.clear();
    error_lines_ = false;
  }

  void close_started() {
    if (pid_.empty()) return;
    // The system gives a number again only when its process is gone.
    if (const auto old = open_.find(pid_); old != open_.end()) unfinished_.add(evidence(old->second.started));
    if (open_.size() >= kMaxOpen && !open_.contains(pid_)) return;
    open_[pid_] = {std::move(head_), std::move(current_.kind)};
  }

  void close_terminated() {
    std::string kind;
    if (const auto call = open_.find(pid_); call != open_.end()) {
      kind = call->second.kind;
      open_.erase(call);
    }
    const bool failed = (!exit_code_.empty() && exit_code_ != "0") || error_lines_;
    if (!failed) {
      std::erase(failed_kinds_, kind);
      return;
    }
    failures_.add(evidence(head_));
    for (Evidence& detail : details_) failures_.show(std::move(detail));
    cause_ = last_words_.empty() ? "exit code " + exit_code_ : last_words_;
    last_words_.clear();
    only_logs_ = only_logs_ && kind.ends_with(" LOG");
    const bool listed = std::find(failed_kinds_.begin(), failed_kinds_.end(), kind) != failed_kinds_.end();
    if (!listed && failed_kinds_.size() < kMaxOpen) failed_kinds_.push_back(kind);
  }

  void report(const Sightings& seen, std::string_view rule, Insights& insights) const {
    if (seen.count() == 0) return;
    Finding finding = rules_.finding(rule, {{"component", "backint program of " + component_},
                                            {"cause", cause_.empty() ? "-" : cause_},
                                            {"count", std::to_string(seen.count())}});
    seen.apply_to(finding);
    if (is_rotated(artifact_)) finding.severity = std::min(finding.severity, Severity::warning);
    soften_recovered(finding);
    insights.findings.push_back(std::move(finding));
  }

  const RuleBase& rules_;
  Artifact artifact_;
  std::string component_;
  Section section_ = Section::none;
  Call current_;
  Head head_;
  std::string pid_;
  std::string exit_code_;
  std::vector<Evidence> details_;
  bool error_lines_ = false;
  std::string last_words_;
  std::optional<Time> last_time_;
  std::map<std::string, Call> open_;  ///< by pid
  std::vector<std::string> failed_kinds_;
  bool only_logs_ = true;
  std::string cause_;
  Sightings failures_;
  Sightings unfinished_;
};

}  // namespace

std::optional<HanaBackupLine> parse_hana_backup_line(std::string_view line) {
  std::string_view rest = line;
  HanaBackupLine parsed;
  constexpr int kFieldsBeforeLevel = 4;
  for (int i = 0; i <= kFieldsBeforeLevel; ++i) {
    const std::string_view word = take_word(rest);
    if (word == "INFO" || word == "WARNING" || word == "ERROR") {
      parsed.level = word;
      break;
    }
    if (word.empty()) return std::nullopt;
    if (is_backup_id(word)) parsed.id = word;
  }
  if (parsed.level.empty()) return std::nullopt;
  parsed.component = take_word(rest);
  if (!is_component(parsed.component)) return std::nullopt;
  parsed.message = trim(rest);
  return parsed;
}

std::string_view hana_root_cause(std::string_view message) {
  for (std::size_t at = message.rfind('['); at != std::string_view::npos; at = message.rfind('[', at - 1)) {
    const std::size_t end = message.find_first_not_of("0123456789", at + 1);
    // `[0]` and `[W]` are parts of a file's description, not codes.
    if (end != std::string_view::npos && message[end] == ']' && end - at > 3) {
      return message.substr(at, std::min(message.find(';', at), message.size()) - at);
    }
    if (at == 0) break;
  }
  return {};
}

std::string HanaDatabase::name() const {
  if (sid.empty()) return "SAP HANA";
  return database + "@" + sid + (host.empty() ? "" : " (" + host + ")");
}

HanaDatabase hana_database_of(std::string_view path) {
  const auto parts = split(path, '/');
  HanaDatabase found;
  for (std::size_t i = 1; i + 2 < parts.size(); ++i) {
    const std::string_view instance = parts[i];
    if (instance.size() != 5 || !instance.starts_with("HDB") || parts[i + 2] != "trace") continue;
    found.sid = parts[i - 1];
    found.host = parts[i + 1];
    const std::string_view below = i + 3 < parts.size() ? parts[i + 3] : std::string_view();
    found.database = below.starts_with("DB_") ? std::string(below) : "SYSTEMDB";
    break;
  }
  return found;
}

std::unique_ptr<Scan> HanaBackupAnalyzer::scan(const Artifact& artifact) const {
  const std::string_view id = artifact.id;
  if (id.starts_with("linux.hana.backup-log")) return std::make_unique<BackupLogScan>(rules_, artifact);
  if (id.starts_with("linux.hana.backint-log")) return std::make_unique<BackintLogScan>(rules_, artifact);
  return nullptr;
}

}  // namespace vmtriage
