#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/text.h"
#include "agent/base/time.h"

namespace vmtriage {

enum class Severity { info, warning, error, critical };

std::string_view name_of(Severity severity);
std::optional<Severity> parse_severity(std::string_view name);

/// A place in the evidence that shows something.
struct Evidence {
  std::string artifact;  ///< catalogue id
  std::string origin;
  std::optional<std::uint64_t> line;       ///< counted from 1 in what was read of the file
  std::optional<std::uint64_t> record_id;  ///< of an event log
  std::optional<Time> time;
  Clock clock = Clock::utc;
  std::string excerpt;  ///< redacted, at most a few hundred characters
};

/// What is wrong, what to do about it and who owns it. Keys as in findings.json.
struct Finding {
  std::string rule_id;
  Severity severity = Severity::warning;
  int rank = 0;  ///< order among findings equally severe: the cause before what follows from it
  bool recovers = false;  ///< its log tells when it is over: no more hits in a newer log of the same kind mean the same
  LocalText title;
  std::string component;
  LocalText advice;
  std::string owner;
  std::vector<std::string> codes;
  std::string reference;
  std::uint64_t count = 0;
  std::optional<Time> first_seen;
  std::optional<Time> last_seen;
  std::vector<Evidence> evidence;
};

/// How good a recovery point is. `unknown` when the evidence does not decide it.
enum class Consistency { application, file_system, crash, unknown };

std::string_view name_of(Consistency level);

/// The verdict on one backup run of the guest.
struct RunVerdict {
  /// Who says so, the better founded first.
  enum class Source {
    extension,  ///< what the backup extension itself reported or logged
    events,     ///< what Windows logged while snapshots were made
    listing,    ///< how the writers stood when somebody looked, later
  };
  std::optional<Time> time;
  Consistency level = Consistency::unknown;
  LocalText because;  ///< one sentence: why this level, and why no better one
  std::vector<Evidence> evidence;
  Source source = Source::extension;
  bool failed = false;                    ///< no recovery point comes from it, so that no level is to be told
  std::vector<std::string> writers = {};  ///< VSS writers that failed
};

/// How many excerpts a finding keeps.
inline constexpr std::size_t kMaxExcerpts = 5;

}  // namespace vmtriage
