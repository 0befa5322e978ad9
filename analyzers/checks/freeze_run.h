#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/analyzer.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// The message of a line of extension.log or host_based_extension.log, whatever generation wrote it:
///
///     2024-01-14 22:16:48.123456 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]starting daemon initially
///     2016/12/16 17:18:09 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]2016-12-16 17:18:09.766289  Info
///     freezed 2021/02/26 09:41:45.748364  Info  ****** 4. Freeze Completed (Signal=1 received) 2017-11-02 11:22:56
///     Failed to FITHAW: /boot 2026-02-03 01:02:03.000001 [Microsoft…-1.0][FreezeHandler.startproc] -> ****** 1.
///     Starting Freeze Binary
///
/// Empty for a line that has nothing behind its time stamp.
std::string_view snapshot_log_message(std::string_view line);

/// A line that a run is told from.
struct RunLine {
  std::uint64_t number = 0;
  std::string text;
  std::optional<Stamp> stamp;
};

/// What went wrong in a run.
enum class RunProblem {
  mount_unusable,   ///< a mount point could not be opened or is no directory
  freeze_refused,   ///< FIFREEZE failed
  freeze_timeout,   ///< the freeze did not finish in time
  freeze_failed,    ///< the freeze failed, the log does not say why
  lock_held,        ///< another product freezes at the same time
  thawed_itself,    ///< no thaw signal within the timeout: the helper thawed, the snapshot is not consistent
  inconsistent,     ///< the freeze ended before the snapshot did
  thaw_failed,      ///< FITHAW failed
  snapshot_failed,  ///< the storage or the host refused the snapshot
  too_late,         ///< the command reached the guest after its time limit
  no_binary,        ///< safefreeze is missing
  scripts_failed,   ///< a pre/post script or database step failed and the backup was given up
  failed,           ///< the run says that it failed and nothing more
};

/// One attempt of the extension to freeze the file systems and have a snapshot made, as its log tells it.
struct SnapshotRun {
  struct Problem {
    RunProblem kind;
    std::string detail;  ///< a mount point or the name of an error code; may be empty
    RunLine line;
  };
  /// What became of the freeze.
  enum class Freeze {
    none,     ///< the run did not come to it
    skipped,  ///< no file system was left to freeze
    open,     ///< it began and nothing more is known
    done,     ///< it ended, in one way or the other
  };

  std::optional<RunLine> start;   ///< the first line of the run that is known
  std::optional<RunLine> frozen;  ///< the line after which the log holds still: `proceeded for accepting signals`
  std::vector<RunLine> freezing;  ///< the lines on the way there, the first few
  std::optional<RunLine> resume;  ///< a freeze stayed open, and this is what the log goes on with
  std::optional<RunLine> result;  ///< `Enable,success,1,…` or `Enable Succeeded with App Consistent Snapshot`
  Freeze freeze = Freeze::none;
  bool daemon = false;  ///< the run begins in this log
  bool snapshot_taken = false;
  bool thawed = false;
  bool scripts_configured = false;
  bool scripts_succeeded = false;  ///< the log calls the snapshot application consistent
  bool crash_allowed = false;      ///< the service accepts a snapshot without a freeze
  std::optional<int> code;         ///< of the result line; 0 application, 1 success, else ExtensionErrorCodeEnum
  bool reported_success = false;
  bool ends_log = false;  ///< `frozen` is the very last line of the log
  std::string fallback;   ///< why scripts were not used: `FailedPrepostPluginhostConfigNotFound`
  std::vector<Problem> problems;

  bool failed() const;
};

/// How good the recovery point of a run is and why it is not better. Nothing when the run tells nothing about it.
std::optional<RunVerdict> judge_run(const SnapshotRun& run, const Artifact& artifact);

/// Puts the lines of a log back together to runs. Lines written while the file systems are frozen reach the log only
/// after the thaw, so that their times run backwards: order in the file counts, not time.
class SnapshotRunReader {
 public:
  using Use = std::function<void(SnapshotRun&&)>;
  SnapshotRunReader(Time reference, Use use);

  void line(const Line& line);
  /// The log is over.
  void finish();

 private:
  enum class Mark : std::uint8_t;
  struct Literal;
  static const Literal kLiterals[];
  static const Literal* find_literal(std::string_view message);

  void apply(const Literal& literal, std::string_view message, const Line& line);
  bool apply_boundary(Mark mark, const Line& line);
  void apply_scripts(Mark mark, std::string_view message);
  void begin_run(const Line& line, bool daemon);
  void close_run();
  void open_freeze(const Line& line);
  void note_freezing(const Line& line);
  void hold_still(const Line& line);
  void end_freeze();
  void settle_freeze();
  void note_resume(const Line& line);
  void result(std::string_view message, const Line& line);
  void problem(RunProblem kind, std::string_view detail, const Line& line);
  void status_code(std::string_view message, const Line& line);
  RunLine keep(const Line& line) const;

  Time reference_;
  Use use_;
  std::optional<SnapshotRun> run_;
  /// A run whose freeze was open when the next one began; told once it is clear that this is the same machine.
  std::optional<SnapshotRun> held_;
  std::uint64_t last_line_ = 0;
};

/// Reads the VM snapshot extension's own log: the verdict on every run, and what no single line shows: a freeze that
/// never ended, a row of failed runs.
class FreezeRunAnalyzer : public Analyzer {
 public:
  /// `rules` has the words and outlives the analyzer.
  explicit FreezeRunAnalyzer(const RuleBase& rules) : rules_(rules) {}
  std::unique_ptr<Scan> scan(const Artifact& artifact) const override;

 private:
  const RuleBase& rules_;
};

}  // namespace vmtriage
