#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "analyzers/analyzer.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// A line of SAP HANA's backup.log. Fields may be masked or absent; level and component are always there:
///
///     2025-06-18T00:26:08-04:00  P0007897      1978149802f INFO    LOGBCKUP state of service: …, BackupLogSuccess
///     2026-01-17T03:04:27-03:00 ............ 19bca0e919c ERROR RECOVERY RECOVER DATA finished with error: [448] …
///     INFO    BACKUP   state of service: nameserver, <hostname>:30001, volume: 0, BackupError
struct HanaBackupLine {
  std::string_view id;  ///< hexadecimal milliseconds since 1970: the same for all lines of one backup; may be empty
  std::string_view level;
  std::string_view component;  ///< BACKUP, LOGBCKUP, RECOVERY, CATALOG …
  std::string_view message;
};
/// Nothing for a line that is none of backup.log's, such as the continuation of a long message.
std::optional<HanaBackupLine> parse_hana_backup_line(std::string_view line);

/// `[2000008] Error during asynchronous file transfer …` of `SAVE DATA finished with error: [447] …, [2000008] …`: the
/// last bracketed code of a message is its root cause. Empty when there is none.
std::string_view hana_root_cause(std::string_view message);

/// Whose log it is, read off its path: `/hana/shared/NDB/HDB00/hanab1/trace/DB_PRD/backup.log`.
struct HanaDatabase {
  std::string sid;       ///< `NDB`
  std::string host;      ///< `hanab1`
  std::string database;  ///< `SYSTEMDB` or `DB_PRD`

  /// `DB_PRD@NDB (hanab1)`, or `SAP HANA` when the path says nothing.
  std::string name() const;
};
HanaDatabase hana_database_of(std::string_view path);

/// Reads backup.log (backups by their id: failures, their root cause, whether a later one succeeded) and backint.log
/// (the blocks between `backint started:` and `backint terminated:`). One finding per kind of backup and database.
class HanaBackupAnalyzer : public Analyzer {
 public:
  /// `rules` has the words and outlives the analyzer.
  explicit HanaBackupAnalyzer(const RuleBase& rules) : rules_(rules) {}
  std::unique_ptr<Scan> scan(const Artifact& artifact) const override;

 private:
  const RuleBase& rules_;
};

}  // namespace vmtriage
