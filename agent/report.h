#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/finding.h"
#include "agent/base/result.h"
#include "collectors/catalog.h"
#include "collectors/environment.h"
#include "collectors/left_out.h"

namespace vmtriage {

/// Something that could not be read, or not wholly.
struct ReadError {
  std::string origin;
  Error error;
};

/// An item of the support request and whether the bundle answers it.
struct RequestState {
  RequestItem item;
  std::uint64_t files = 0;
  std::string why_missing;  ///< when `files` is 0
};

/// All that a run found out; every output is made from this.
struct Report {
  Environment host;
  std::vector<Finding> findings;  ///< the worst first
  std::vector<RunVerdict> runs;   ///< the newest first
  std::vector<ReadError> errors;
  LeftOutList left_out;
  std::vector<RequestState> request;  ///< empty for `analyze`
  std::uint64_t files_read = 0;
  std::map<std::string, std::uint64_t> files_by_artifact;
  std::uint64_t bytes_read = 0;
  double seconds = 0;
  std::string case_id;
  std::string bundle;       ///< its path, when one was written
  std::uint64_t bundle_bytes = 0;
  bool partial = false;     ///< ended early: by a signal, or by --timeout

  /// The worst finding; nothing when there is none.
  std::optional<Severity> worst() const;
  /// Whether everything that was offered could be read, so that "nothing found" means something.
  bool is_complete() const { return errors.empty() && !partial && files_read > 0; }
  /// 0 nothing wrong, 1 warning, 2 error or critical, 3 no clean verdict because evidence is missing.
  int exit_code() const;
};

/// The newest file that was read of one kind of artifact.
struct NewestFile {
  std::string origin;
  std::optional<Time> modified;
};

/// Turns into notes what only older files of a kind tell and the newest one no longer does: an earlier run of the HANA
/// pre-registration script (each writes a log of its own, `config.1710000000.log`), and in rotated logs a day and more old
/// the failures of which a log tells the end.
void settle_older_files(std::vector<Finding>& findings, const std::map<std::string, NewestFile>& newest);

/// Findings of several files about the same thing become one; then sorted: worst first, newest first.
std::vector<Finding> merge_findings(std::vector<Finding> findings);

/// Verdicts on the same run from several files become one, the better founded; the newest first, at most `kMaxRuns`.
std::vector<RunVerdict> merge_runs(std::vector<RunVerdict> runs);
inline constexpr std::size_t kMaxRuns = 50;
/// The same at the end of a scan: says also which runs are attempts after a writer failure.
std::vector<RunVerdict> explain_runs(std::vector<RunVerdict> runs);

/// For the terminal. `color` uses ANSI escapes; `width` is the terminal's, in columns.
std::string render_text(const Report& report, Language language, bool color, std::size_t width = 100);
/// findings.json, schema 1.
std::string render_json(const Report& report, Language language);
/// One self-contained page.
std::string render_html(const Report& report, Language language);
/// ticket.txt: what a support case asks for, in English and Japanese.
std::string render_ticket(const Report& report);
/// README.txt of a bundle, in English and Japanese.
std::string render_bundle_readme(const Report& report);

}  // namespace vmtriage
