#include "analyzers/checks/freeze_run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <utility>

#include "analyzers/checks/sightings.h"

namespace vmtriage {

/// What a literal of the log means for the run.
enum class SnapshotRunReader::Mark : std::uint8_t {
  daemon,
  daemon_working,
  enable,
  other_machine,
  freeze_called,
  freeze_skipped,
  freeze_open,
  traces_open,
  settled,
  snapshot_taken,
  thawed,
  scripts,
  script_outcome,
  application,
  fallback,
  crash_allowed,
  result,
  problem,
  named_problem,  // a problem whose detail is the message itself
};

struct SnapshotRunReader::Literal {
  std::string_view text;  // how the message starts
  Mark mark = Mark::settled;
  RunProblem problem = RunProblem::failed;
};

namespace {

using std::chrono::minutes;

constexpr std::string_view kExtension = "Microsoft.Azure.RecoveryServices.VMSnapshotLinux";
constexpr std::size_t kMaxVerdicts = 200;
constexpr std::size_t kMaxProblems = 8;
constexpr std::size_t kMaxFreezing = 3;
/// A freeze lasts at most a minute, the calls around it two more; whoever starts anew later than this found it dead.
constexpr minutes kFreezeIsDead{3};
/// A log that holds still for so long was not copied in the middle of a backup.
constexpr minutes kLogIsOld{10};
/// Failed runs in a row that are more than the retries of one job.
constexpr std::size_t kRunsInARow = 3;
/// So many nights that went wrong within two weeks are no matter of the past, though the newest run went well.
constexpr std::size_t kRelapses = 3;
constexpr std::chrono::days kRelapseWindow{14};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void skip_blanks(std::string_view& text) {
  const std::size_t at = text.find_first_not_of(" \t");
  text.remove_prefix(at == std::string_view::npos ? text.size() : at);
}

bool skip_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Takes `2016/12/16 17:18:09.766289 ` off the front.
bool skip_stamp(std::string_view& text) {
  if (text.size() < 19 || !is_digit(text[0]) || !is_digit(text[3]) || (text[4] != '-' && text[4] != '/')) return false;
  if (text[10] != ' ' || text[13] != ':' || text[16] != ':') return false;
  text.remove_prefix(19);
  const std::size_t end = text.find_first_not_of(".,:0123456789");
  text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  return true;
}

/// Takes `[Microsoft.Azure…-1.0]` or `[FreezeHandler.startproc] -> ` off the front; a list in brackets is a message.
bool skip_bracket(std::string_view& text) {
  constexpr std::size_t kLongest = 120;
  if (text.size() < 2 || text[0] != '[' || text[1] == '\'') return false;
  const std::size_t end = text.substr(0, kLongest).find(']');
  if (end == std::string_view::npos) return false;
  text.remove_prefix(end + 1);
  return true;
}

bool skip_level(std::string_view& text) {
  return skip_prefix(text, "Info  ") || skip_prefix(text, "Warning  ") || skip_prefix(text, "Error  ");
}

/// `/data` of `/data with error message: Device or resource busy`.
std::string_view mount_of(std::string_view rest) {
  rest = trim(rest.substr(0, rest.find(" with error")));
  return rest.size() <= 200 ? rest : rest.substr(0, 200);
}

/// `FailedRetryableFsFreezeFailed` of `… StatusCode.FailedRetryableFsFreezeFailed,`; empty without one.
std::string_view status_code_of(std::string_view message) {
  constexpr std::string_view kPrefix = "StatusCode.";
  const std::size_t at = message.find(kPrefix);
  if (at == std::string_view::npos) return {};
  std::string_view name = message.substr(at + kPrefix.size());
  const auto end = std::find_if(name.begin(), name.end(), [](char c) {
    return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_');
  });
  constexpr std::ptrdiff_t kLongestName = 80;
  return name.substr(0, static_cast<std::size_t>(std::min(end - name.begin(), kLongestName)));
}

/// The code in the message where it has one, else `words`.
std::string_view detail_of(std::string_view message, std::string_view words) {
  const std::string_view code = status_code_of(message);
  return code.empty() ? words : code;
}

struct CodeProblem {
  std::string_view code;
  RunProblem problem;
};

constexpr CodeProblem kCodeProblems[] = {
    {"FailedRetryableFsFreezeFailed", RunProblem::freeze_failed},
    {"FailedRetryableFsFreezeTimeout", RunProblem::freeze_timeout},
    {"FailedRetryableUnableToOpenMount", RunProblem::mount_unusable},
    {"FailedSafeFreezeBinaryNotFound", RunProblem::no_binary},
    {"FailedGuestAgentInvokedCommandTooLate", RunProblem::too_late},
    {"FailedRetryableSnapshotFailedNoNetwork", RunProblem::snapshot_failed},
    {"FailedRetryableSnapshotFailedRestrictedNetwork", RunProblem::snapshot_failed},
    {"FailedRetryableSnapshotRateExceeded", RunProblem::snapshot_failed},
    {"FailedSnapshotLimitReached", RunProblem::snapshot_failed},
    {"FailedHostSnapshotRemoteServerError", RunProblem::snapshot_failed},
};

/// Problems that only repeat in general terms what an earlier line of the run said precisely.
bool is_general(RunProblem kind) {
  return kind == RunProblem::freeze_failed || kind == RunProblem::inconsistent || kind == RunProblem::failed;
}

const SnapshotRun::Problem& main_problem(const SnapshotRun& run) {
  const auto precise = std::find_if(run.problems.begin(), run.problems.end(),
                                    [](const SnapshotRun::Problem& problem) { return !is_general(problem.kind); });
  return precise == run.problems.end() ? run.problems.front() : *precise;
}

LocalText words_for(RunProblem kind) {
  switch (kind) {
    case RunProblem::mount_unusable:
      return {"the mount point {detail} could not be opened", "マウント ポイント {detail} を開けませんでした"};
    case RunProblem::freeze_refused:
      return {"the file system {detail} could not be frozen", "ファイル システム {detail} を静止できませんでした"};
    case RunProblem::freeze_timeout:
      return {"the freeze did not finish in time", "静止 (freeze) が時間内に完了しませんでした"};
    case RunProblem::freeze_failed:
      return {"the freeze failed", "静止 (freeze) に失敗しました"};
    case RunProblem::lock_held:
      return {"another product held the freeze lock", "別の製品が静止のロックを保持していました"};
    case RunProblem::thawed_itself:
      return {"the snapshot took longer than the freeze may last, and the file systems thawed before it was complete",
              "スナップショットが静止の制限時間を超え、完了前にファイル システムの静止が解除されました"};
    case RunProblem::inconsistent:
      return {"the freeze ended before the snapshot did", "スナップショットの完了前に静止が終了しました"};
    case RunProblem::thaw_failed:
      return {"the file system {detail} could not be thawed",
              "ファイル システム {detail} の静止を解除できませんでした"};
    case RunProblem::snapshot_failed:
      return {"the snapshot itself failed ({detail})", "スナップショット自体が失敗しました ({detail})"};
    case RunProblem::too_late:
      return {"the command reached the VM after its time limit", "コマンドが制限時間を過ぎてから VM に届きました"};
    case RunProblem::no_binary:
      return {"the safefreeze program is missing", "safefreeze プログラムが見つかりません"};
    case RunProblem::scripts_failed:
      return {"a pre or post script failed and the backup was given up ({detail})",
              "事前/事後スクリプトが失敗し、バックアップが中止されました ({detail})"};
    case RunProblem::failed:
      return {"the run reported a failure ({detail})", "実行が失敗を報告しました ({detail})"};
  }
  return {};
}

LocalText describe(const SnapshotRun::Problem& problem) {
  return fill_in(words_for(problem.kind), {{"detail", problem.detail.empty() ? "-" : problem.detail}});
}

LocalText sentence(const LocalText& fact, const LocalText& consequence) {
  LocalText out{fact.en + ": " + consequence.en, fact.ja + "。" + consequence.ja};
  if (!out.en.empty() && out.en[0] >= 'a' && out.en[0] <= 'z') out.en[0] = static_cast<char>(out.en[0] - 'a' + 'A');
  return out;
}

bool means_no_scripts(std::string_view code) {
  return code.empty() || code == "FailedPrepostPluginhostConfigNotFound" || code == "FailedPrepostPluginConfigNotFound";
}

LocalText why_not_application(const SnapshotRun& run) {
  if (!run.scripts_configured && means_no_scripts(run.fallback)) {
    return {
        "The file systems were frozen for the snapshot. No pre and post scripts are configured, so this is the normal "
        "and expected level on Linux.",
        "スナップショットの間、ファイル システムは静止されていました。事前/事後スクリプトが構成されていないため、"
        "Linux ではこれが通常のレベルです。"};
  }
  const std::string reason = run.fallback.empty() ? "-" : run.fallback;
  return fill_in(
      LocalText{"The file systems were frozen for the snapshot, but the pre and post scripts did not make it "
                "application consistent ({reason}).",
                "スナップショットの間、ファイル システムは静止されていましたが、事前/事後スクリプトによる"
                "アプリケーション整合性は得られませんでした ({reason})。"},
      {{"reason", reason}});
}

void judge_level(const SnapshotRun& run, RunVerdict& verdict) {
  if (run.scripts_succeeded || (run.reported_success && run.code == 0)) {
    verdict.level = Consistency::application;
    verdict.because = {"The pre and post scripts (or the database step) succeeded around the snapshot.",
                       "スナップショットの前後で事前/事後スクリプト (またはデータベース処理) が成功しました。"};
  } else if (run.failed()) {
    verdict.because = sentence(describe(main_problem(run)), {"no usable recovery point comes from this run.",
                                                             "この実行からは使用できる復旧ポイントが得られません。"});
  } else if (run.freeze == SnapshotRun::Freeze::skipped) {
    verdict.level = Consistency::crash;
    verdict.because = {
        "No file system was frozen: every mount is skipped or of a type that cannot be frozen.",
        "静止されたファイル システムがありません。すべてのマウントが除外されているか、静止できない種類です。"};
  } else if (!run.problems.empty() && run.crash_allowed) {
    verdict.level = Consistency::crash;
    verdict.because = sentence(describe(main_problem(run)),
                               {"the snapshot was taken without a freeze, which the service accepts for this VM.",
                                "サービスがこの VM で許可しているため、静止なしでスナップショットが取得されました。"});
  } else if (run.reported_success || (run.snapshot_taken && run.thawed)) {
    verdict.level = Consistency::file_system;
    verdict.because = why_not_application(run);
  } else if (run.freeze == SnapshotRun::Freeze::open) {
    verdict.because = {"A freeze began and the log shows neither a snapshot nor a thaw.",
                       "静止が開始されましたが、スナップショットも静止の解除もログに記録されていません。"};
  } else {
    verdict.because = {"The log does not show how this run ended.",
                       "この実行がどのように終了したかはログに残っていません。"};
  }
}

/// extension.log's Python 3 lines are in UTC though they do not say so; the other generations write local time.
std::optional<Stamp> stamp_of(std::string_view line, Time reference) {
  auto stamp = find_stamp(line, reference);
  if (stamp && stamp->clock == Clock::local && line.size() > stamp->begin + 4 && line[stamp->begin + 4] == '-' &&
      line.substr(stamp->end).starts_with(" [Microsoft")) {
    stamp->clock = Clock::utc;
  }
  return stamp;
}

Evidence evidence_for(const Artifact& artifact, const RunLine& line) {
  Evidence evidence;
  evidence.artifact = artifact.id;
  evidence.origin = artifact.origin;
  evidence.line = line.number;
  evidence.excerpt = line.text;
  if (line.stamp) {
    evidence.time = line.stamp->time;
    evidence.clock = line.stamp->clock;
  }
  return evidence;
}

/// Whether so much time lies between two lines that a freeze cannot span it. Lines by different clocks cannot be
/// compared: then the new start is what counts.
bool far_apart(const RunLine& before, const RunLine& after) {
  if (!before.stamp || !after.stamp || before.stamp->clock != after.stamp->clock) return true;
  return after.stamp->time - before.stamp->time >= kFreezeIsDead;
}

/// Whether the end of a log is old enough to say that nothing more came.
bool log_is_over(const RunLine& last, const Artifact& artifact, Time current) {
  const bool rotated = artifact.id != "text.unknown" && !artifact.origin.ends_with(".log");
  if (rotated) return false;
  if (artifact.modified && current - *artifact.modified >= kLogIsOld) return true;
  return last.stamp && current - last.stamp->time >= std::chrono::days(1);
}

}  // namespace

std::string_view snapshot_log_message(std::string_view line) {
  for (int part = 0; part < 6; ++part) {
    skip_blanks(line);
    if (!skip_stamp(line) && !skip_bracket(line) && !skip_level(line) && !skip_prefix(line, "-> ")) break;
  }
  return trim(line);
}

bool SnapshotRun::failed() const { return !reported_success && !scripts_succeeded && !problems.empty(); }

std::optional<RunVerdict> judge_run(const SnapshotRun& run, const Artifact& artifact) {
  const bool tells = run.freeze != SnapshotRun::Freeze::none || run.result || !run.problems.empty();
  if (!tells) return std::nullopt;
  RunVerdict verdict;
  judge_level(run, verdict);
  const auto add = [&](const std::optional<RunLine>& line) {
    if (!line) return;
    if (!verdict.time && line->stamp) verdict.time = line->stamp->time;
    const bool known = std::any_of(verdict.evidence.begin(), verdict.evidence.end(),
                                   [&](const Evidence& evidence) { return evidence.line == line->number; });
    if (!known && verdict.evidence.size() < kMaxExcerpts) verdict.evidence.push_back(evidence_for(artifact, *line));
  };
  add(run.start);
  for (const SnapshotRun::Problem& problem : run.problems) {
    if (verdict.evidence.size() + 1 < kMaxExcerpts) add(problem.line);
  }
  if (run.freeze == SnapshotRun::Freeze::open) add(run.frozen);
  add(run.result);
  return verdict;
}

SnapshotRunReader::SnapshotRunReader(Time reference, Use use) : reference_(reference), use_(std::move(use)) {}

// How messages start that tell about a run. The first that fits counts.
const SnapshotRunReader::Literal SnapshotRunReader::kLiterals[] = {
    {"starting daemon initially", Mark::daemon},
    {"starting daemon for freezing", Mark::daemon_working},
    {"starting enable", Mark::enable},
    {"machine identity not same", Mark::other_machine},
    {"T:S freeze, timeout value", Mark::freeze_called},
    {"skip freeze is : True", Mark::freeze_skipped},
    {"proceeded for accepting signals", Mark::freeze_open},
    {"freeze_safe after returning from startproc : sig_handle=0", Mark::traces_open},
    {"============== Binary output traces start", Mark::traces_open},
    {"============== Binary output traces end", Mark::settled},
    {"================== Logs during Freeze", Mark::settled},
    {"freezed", Mark::settled},
    {"Freezing:", Mark::settled},
    {"freezing the mount:", Mark::settled},
    {"****** 2.", Mark::settled},
    {"****** 3.", Mark::settled},
    {"****** 4.", Mark::settled},
    {"T:S freeze result", Mark::settled},
    {"binary child terminated", Mark::settled},
    {"****** 5.", Mark::settled},
    {"****** 6.", Mark::snapshot_taken},
    {"T:S snapshotall ends", Mark::snapshot_taken},
    {"****** 7. Error", Mark::problem, RunProblem::inconsistent},
    {"****** 7.", Mark::settled},
    {"****** 8.", Mark::thawed},
    {"****** 9.", Mark::settled},
    {"Thawing:", Mark::thawed},
    {"unfreezing the mount:", Mark::thawed},
    {"T:S thaw result", Mark::thawed},
    {"unfreeze ends", Mark::thawed},
    {"App Consistent Consistent Backup Enabled", Mark::scripts},
    {"workload backup enabled for workload", Mark::scripts},
    {"Prescript ", Mark::script_outcome},
    {"Postscript ", Mark::script_outcome},
    {"Enable Succeeded with App Consistent Snapshot", Mark::application},
    {"Triggering File System Consistent Backup because of", Mark::fallback},
    {"Workload Patch failed with warning message", Mark::fallback},
    {"isManagedVm=", Mark::crash_allowed},
    {"takeCrashConsistentSnapshot", Mark::crash_allowed},
    {"Enable,", Mark::result},
    {"Failed to open:", Mark::problem, RunProblem::mount_unusable},
    {"Failed to stat:", Mark::problem, RunProblem::mount_unusable},
    {"Path not a directory:", Mark::problem, RunProblem::mount_unusable},
    {"Failed to FIFREEZE:", Mark::problem, RunProblem::freeze_refused},
    {"freeze timed-out", Mark::problem, RunProblem::freeze_timeout},
    {"FREEZE_TIMED_OUT", Mark::problem, RunProblem::freeze_timeout},
    {"freeze failed for some mount", Mark::problem, RunProblem::freeze_failed},
    {"INCOMPLETE_FREEZE", Mark::problem, RunProblem::freeze_failed},
    {"UNEXPECTED_FREEZE_EXC", Mark::problem, RunProblem::freeze_failed},
    {"Failed to do the freeze with error", Mark::problem, RunProblem::freeze_failed},
    {"Failed to setup signal handlers", Mark::problem, RunProblem::freeze_failed},
    {"Mount Points already freezed", Mark::problem, RunProblem::lock_held},
    {"Failed to receive timely Thaw", Mark::problem, RunProblem::thawed_itself},
    {"Inconsistent snapshot because of SLEEP", Mark::problem, RunProblem::inconsistent},
    {"Unable to execute sleep", Mark::problem, RunProblem::inconsistent},
    {"T:S Machine unable to sleep", Mark::problem, RunProblem::inconsistent},
    {"snapshot result inconsistent", Mark::problem, RunProblem::inconsistent},
    {"Snapshots are inconsistent", Mark::problem, RunProblem::inconsistent},
    {"Failed to FITHAW:", Mark::problem, RunProblem::thaw_failed},
    {"CRP timeout limit has reached", Mark::problem, RunProblem::too_late},
    {"safefreeze binary is missing", Mark::problem, RunProblem::no_binary},
    {"T:S taking snapshot failed as blobs", Mark::named_problem, RunProblem::snapshot_failed},
    {"T:S  snapshot failed at index", Mark::named_problem, RunProblem::snapshot_failed},
    {"T:S snapshot result: errorcode:", Mark::named_problem, RunProblem::snapshot_failed},
    {"Failed to do the snapshot with error", Mark::named_problem, RunProblem::snapshot_failed},
    {"Plugin Host Precheck Failed", Mark::problem, RunProblem::scripts_failed},
    {"PreScript failed for the plugin", Mark::problem, RunProblem::scripts_failed},
    {"PostScript failed for the plugin", Mark::problem, RunProblem::scripts_failed},
    {"Workload Patch failed with error message", Mark::problem, RunProblem::scripts_failed},
    {"Failed to enable the extension with error", Mark::named_problem, RunProblem::failed},
};

const SnapshotRunReader::Literal* SnapshotRunReader::find_literal(std::string_view message) {
  if (message.empty()) return nullptr;
  const auto found = std::find_if(std::begin(kLiterals), std::end(kLiterals), [&](const Literal& literal) {
    return literal.text[0] == message[0] && message.starts_with(literal.text);
  });
  return found == std::end(kLiterals) ? nullptr : found;
}

void SnapshotRunReader::line(const Line& line) {
  const std::string_view message = snapshot_log_message(line.text);
  if (message.empty()) return;
  const Literal* literal = find_literal(message);
  // A remark that somebody wrote below a copied log does not go on with it: the log's own lines begin with their time.
  if (literal != nullptr || message.data() != trim(line.text).data()) last_line_ = line.number;
  if (literal != nullptr) {
    apply(*literal, message, line);
  } else if (!status_code_of(message).empty()) {
    status_code(message, line);
  }
}

/// Marks that begin or end a run; false for all others.
bool SnapshotRunReader::apply_boundary(Mark mark, const Line& line) {
  switch (mark) {
    case Mark::daemon_working:
      // Follows `starting daemon initially` at once; old versions wrote only this one.
      if (run_ && run_->freeze == SnapshotRun::Freeze::none && !run_->result) return true;
      [[fallthrough]];
    case Mark::daemon:
      note_resume(line);
      begin_run(line, true);
      return true;
    case Mark::enable:
      note_resume(line);
      return true;
    case Mark::other_machine:
      // The disk was restored from a recovery point, and that is always made in the middle of a freeze.
      held_.reset();
      return true;
    default:
      return false;
  }
}

void SnapshotRunReader::apply(const Literal& literal, std::string_view message, const Line& line) {
  if (apply_boundary(literal.mark, line)) return;
  if (!run_) begin_run(line, false);
  switch (literal.mark) {
    case Mark::freeze_called:
      note_freezing(line);
      break;
    case Mark::freeze_open:
      open_freeze(line);
      break;
    case Mark::traces_open:
      hold_still(line);
      break;
    case Mark::freeze_skipped:
      run_->freeze = SnapshotRun::Freeze::skipped;
      break;
    case Mark::settled:
      settle_freeze();
      break;
    case Mark::snapshot_taken:
      settle_freeze();
      run_->snapshot_taken = true;
      break;
    case Mark::thawed:
      settle_freeze();
      run_->thawed = true;
      break;
    case Mark::application:
      run_->scripts_succeeded = true;
      run_->result = keep(line);
      break;
    case Mark::result:
      result(message, line);
      break;
    case Mark::problem:
      problem(literal.problem, detail_of(message, mount_of(message.substr(literal.text.size()))), line);
      break;
    case Mark::named_problem:
      problem(literal.problem, detail_of(message, message.substr(0, 120)), line);
      break;
    default:
      apply_scripts(literal.mark, message);
      break;
  }
}

/// What the log says about why a run is or is not application consistent.
void SnapshotRunReader::apply_scripts(Mark mark, std::string_view message) {
  const auto says = [&](std::string_view words) { return message.find(words) != std::string_view::npos; };
  switch (mark) {
    case Mark::scripts:
      run_->scripts_configured = true;
      break;
    case Mark::fallback:
      run_->fallback = status_code_of(message);
      break;
    case Mark::script_outcome:
      if (!says("failed with error code") && !says("timed out") && !says("does not")) break;
      run_->scripts_configured = true;
      run_->fallback = shorten(printable(message), 120);
      break;
    case Mark::crash_allowed:
      run_->crash_allowed = says("takeCrashConsistentSnapshot=True") || says("takeCrashConsistentSnapshot = True");
      break;
    default:
      break;
  }
}

/// From here on the log holds still until the thaw.
void SnapshotRunReader::open_freeze(const Line& line) {
  if (!run_->daemon && run_->freeze != SnapshotRun::Freeze::none) begin_run(line, false);
  if (held_) use_(std::move(*held_));
  held_.reset();
  hold_still(line);
}

void SnapshotRunReader::note_freezing(const Line& line) {
  if (run_->freezing.size() < kMaxFreezing) run_->freezing.push_back(keep(line));
}

void SnapshotRunReader::hold_still(const Line& line) {
  run_->freeze = SnapshotRun::Freeze::open;
  if (run_->frozen && run_->freezing.size() < kMaxFreezing) run_->freezing.push_back(*run_->frozen);
  run_->frozen = keep(line);
  run_->resume.reset();
}

void SnapshotRunReader::status_code(std::string_view message, const Line& line) {
  const std::string_view code = status_code_of(message);
  const auto known = std::find_if(std::begin(kCodeProblems), std::end(kCodeProblems),
                                  [&](const CodeProblem& entry) { return entry.code == code; });
  if (known == std::end(kCodeProblems)) return;
  if (!run_) begin_run(line, false);
  problem(known->problem, known->problem == RunProblem::snapshot_failed ? code : std::string_view(), line);
}

void SnapshotRunReader::problem(RunProblem kind, std::string_view detail, const Line& line) {
  end_freeze();
  auto& problems = run_->problems;
  for (SnapshotRun::Problem& known : problems) {
    if (known.kind != kind) continue;
    // The code's name on a later line says more than `errorcode: 409`.
    if (kind == RunProblem::snapshot_failed && detail.starts_with("Failed")) known.detail = detail;
    if (kind == RunProblem::snapshot_failed || known.detail == detail || detail.empty()) return;
  }
  if (problems.size() < kMaxProblems) problems.push_back({kind, printable(detail), keep(line)});
}

void SnapshotRunReader::result(std::string_view message, const Line& line) {
  const auto fields = split(message.substr(0, 200), ',');
  if (fields.size() < 3 || fields[1] == "transitioning") return;
  int code = 0;
  for (const char c : trim(fields[2])) {
    if (!is_digit(c) || code > 100000) return;
    code = code * 10 + (c - '0');
  }
  constexpr int kAlreadyProcessed = 3, kStillRunning = 4;
  if (code == kAlreadyProcessed || code == kStillRunning) return;
  end_freeze();
  run_->code = code;
  run_->result = keep(line);
  run_->reported_success = fields[1] == "success" && code <= 1;
  if (!run_->reported_success && run_->problems.empty())
    problem(RunProblem::failed, "code " + std::to_string(code), line);
}

void SnapshotRunReader::begin_run(const Line& line, bool daemon) {
  close_run();
  run_.emplace();
  run_->start = keep(line);
  run_->daemon = daemon;
}

void SnapshotRunReader::close_run() {
  if (!run_) return;
  if (run_->freeze == SnapshotRun::Freeze::open && run_->resume) {
    if (held_) use_(std::move(*held_));
    held_ = std::move(run_);
  } else {
    use_(std::move(*run_));
  }
  run_.reset();
}

void SnapshotRunReader::note_resume(const Line& line) {
  if (run_ && run_->freeze == SnapshotRun::Freeze::open && !run_->resume) run_->resume = keep(line);
}

void SnapshotRunReader::end_freeze() {
  if (run_->freeze != SnapshotRun::Freeze::open) return;
  run_->freeze = SnapshotRun::Freeze::done;
  run_->resume.reset();
}

/// A line that can only stand behind the start of a freeze: of this run's, or, when this one has not come so far, of
/// the freeze that was still open.
void SnapshotRunReader::settle_freeze() {
  if (run_->freeze == SnapshotRun::Freeze::none && held_) {
    held_->freeze = SnapshotRun::Freeze::done;
    use_(std::move(*held_));
    held_.reset();
  } else if (run_->freeze != SnapshotRun::Freeze::skipped) {
    run_->freeze = SnapshotRun::Freeze::done;
    run_->resume.reset();
  }
}

void SnapshotRunReader::finish() {
  if (run_ && run_->freeze == SnapshotRun::Freeze::open && run_->frozen) {
    run_->ends_log = run_->frozen->number == last_line_;
  }
  close_run();
  if (held_) use_(std::move(*held_));
  held_.reset();
}

RunLine SnapshotRunReader::keep(const Line& line) const {
  return {line.number, shorten(printable(trim(line.text.substr(0, 4 * kMaxExcerptBytes))), kMaxExcerptBytes),
          stamp_of(line.text, reference_)};
}

namespace {

class FreezeRunScan : public Scan {
 public:
  FreezeRunScan(const RuleBase& rules, const Artifact& artifact)
      : rules_(rules),
        artifact_(artifact),
        known_log_(artifact.id != "text.unknown"),
        reader_(artifact.modified.value_or(now()), [this](SnapshotRun&& run) { use(run); }) {}

  void block(const Block& block, std::uint64_t first_line) override {
    known_log_ = known_log_ || is_snapshot_log(block.text);
    if (!known_log_) return;
    each_line(block, first_line, [this](const Line& line) { reader_.line(line); });
  }

  void finish(Insights& insights) override {
    reader_.finish();
    settle_recovered(insights.findings);
    report("linux.freeze.never-thawed", never_thawed_, insights);
    report("linux.freeze.log-ends-frozen", ends_frozen_, insights);
    if (failures_in_a_row_ >= kRunsInARow) report("linux.snapshot.runs-failing", failures_, insights);
    for (RunVerdict& verdict : verdicts_) insights.runs.push_back(std::move(verdict));
  }

 private:
  static bool is_snapshot_log(std::string_view text) {
    constexpr std::string_view kSigns[] = {"VMSnapshotLinux-1.0]", "proceeded for accepting signals",
                                           "freeze_safe after returning from startproc"};
    return std::any_of(std::begin(kSigns), std::end(kSigns),
                       [&](std::string_view sign) { return text.find(sign) != std::string_view::npos; });
  }

  void use(const SnapshotRun& run) {
    if (auto verdict = judge_run(run, artifact_)) {
      verdicts_.push_back(std::move(*verdict));
      if (verdicts_.size() > kMaxVerdicts) verdicts_.pop_front();
    }
    note_hang(run);
    note_failure(run);
  }

  void note_hang(const SnapshotRun& run) {
    if (run.freeze != SnapshotRun::Freeze::open || !run.frozen) return;
    if (run.resume && far_apart(*run.frozen, *run.resume)) {
      never_thawed_.add(evidence_for(artifact_, *run.frozen));
      never_thawed_.show(evidence_for(artifact_, *run.resume));
      for (const RunLine& before : run.freezing) never_thawed_.show(evidence_for(artifact_, before));
    } else if (run.ends_log && log_is_over(*run.frozen, artifact_, now())) {
      ends_frozen_.add(evidence_for(artifact_, *run.frozen));
      for (const RunLine& before : run.freezing) ends_frozen_.show(evidence_for(artifact_, before));
    }
  }

  void note_failure(const SnapshotRun& run) {
    if (run.failed()) {
      if (++failures_in_a_row_ == 1 && run.start) relapses_.push_back(*run.start);
      if (relapses_.size() > kRelapses) relapses_.pop_front();
      failures_.add(evidence_for(artifact_, main_problem(run).line));
    } else if (run.reported_success || run.scripts_succeeded || (run.snapshot_taken && run.thawed)) {
      failures_in_a_row_ = 0;
      failures_ = Sightings();
      note_success(run);
    }
  }

  /// A run with a problem of its own (taken without a freeze, its scripts failed) proves nothing about it.
  void note_success(const SnapshotRun& run) {
    if (!run.problems.empty() || !run.start) return;
    newest_success_ = *run.start;
    const bool application = run.scripts_succeeded || (run.reported_success && run.code == 0);
    if (application) newest_application_success_ = run.start->number;
  }

  bool keeps_failing() const {
    const auto time_of = [](const RunLine& line) { return line.stamp ? line.stamp->time : Time{}; };
    return relapses_.size() == kRelapses && time_of(*newest_success_) - time_of(relapses_.front()) <= kRelapseWindow;
  }

  /// What went wrong before the newest good run is worth a note, and no alarm.
  void settle_recovered(std::vector<Finding>& findings) const {
    if (!newest_success_ || keeps_failing()) return;
    for (Finding& finding : findings) {
      const Rule* rule = rules_.find(finding.rule_id);
      if (rule == nullptr || rule->until.empty()) continue;
      const std::uint64_t good = rule->until == "snapshot" ? newest_success_->number : newest_application_success_;
      const bool over = std::all_of(finding.evidence.begin(), finding.evidence.end(), [&](const Evidence& evidence) {
        return evidence.line && *evidence.line < good;
      });
      if (over) mark_recovered(finding);
    }
  }

  void report(std::string_view rule, const Sightings& seen, Insights& insights) const {
    if (seen.count() == 0) return;
    Finding finding =
        rules_.finding(rule, {{"component", std::string(kExtension)}, {"count", std::to_string(seen.count())}});
    seen.apply_to(finding);
    insights.findings.push_back(std::move(finding));
  }

  const RuleBase& rules_;
  Artifact artifact_;
  bool known_log_;
  SnapshotRunReader reader_;
  std::deque<RunVerdict> verdicts_;
  Sightings never_thawed_;
  Sightings ends_frozen_;
  Sightings failures_;
  std::size_t failures_in_a_row_ = 0;
  std::deque<RunLine> relapses_;  ///< where the newest rows of failed runs begin
  std::optional<RunLine> newest_success_;
  std::uint64_t newest_application_success_ = 0;  ///< its first line
};

}  // namespace

std::unique_ptr<Scan> FreezeRunAnalyzer::scan(const Artifact& artifact) const {
  constexpr std::string_view kArtifacts[] = {"linux.vmsnapshot.extension-log", "linux.vmsnapshot.host-based-log",
                                             "text.unknown"};
  if (std::find(std::begin(kArtifacts), std::end(kArtifacts), artifact.id) == std::end(kArtifacts)) return nullptr;
  return std::make_unique<FreezeRunScan>(rules_, artifact);
}

}  // namespace vmtriage
