#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vmtriage {

/// 100 ns, the finest step any log of an Azure VM has (Windows FILETIME).
using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
/// A moment in UTC.
using Time = std::chrono::sys_time<Ticks>;

/// What a log's own time stamp said about its clock: `utc` (a Z or an offset was written), `local` (the VM's local time, taken
/// as UTC because the offset is not in the log), `assumed` (a part of it, such as the year, had to be guessed).
enum class Clock { utc, local, assumed };

std::string_view name_of(Clock clock);

/// A time stamp read off the start of a log line.
struct Stamp {
  Time time;
  Clock clock = Clock::utc;
  std::size_t begin = 0;  ///< where in the line the stamp starts
  std::size_t end = 0;    ///< one behind its last character
};

/// Finds the time stamp of a log line, in its first 64 bytes:
///
///     2024-05-30T13:15:45.331589Z INFO …           agent >= 2.2.46, journald short-iso, HANA (with offset)
///     2016-12-16 17:18:09.766289  Info  …          extension.log, backint.log
///     2016/12/16 17:18:09 …                        agent <= 2.2.45, extension.log
///     Jan 15 13:59:08 host …                       syslog: no year, taken from `reference`
///     Mon Nov 18 00:05:10 UTC 2019- …              shell.log (`date -u`, also with AM/PM)
///     [12/11/2018 06:27:55.66] …                   WaAppAgent.log before 2.7 (month first)
///
/// `reference` is a moment near the log's writing (its file time): it supplies the missing year of syslog lines.
/// A stamp may stand behind `[`, `[00000018] ` or `<13>`. Returns nothing for a line without one.
std::optional<Stamp> find_stamp(std::string_view line, Time reference);

/// `2024-05-01T02:03:04Z`; with `fraction`, seven digits behind the point.
std::string format_time(Time time, bool fraction = false);

/// Reads what a user writes for --since and --until: ISO 8601 (`2024-05-01`, `2024-05-01T02:03[:04][Z|+09:00]`), `24h`, `7d`,
/// `30m` before `now`, `now`, `today`, `yesterday` (UTC midnight). Nothing when it is none of these.
std::optional<Time> parse_user_time(std::string_view text, Time now);

/// Builds a moment from calendar fields; nothing when a field is out of range.
std::optional<Time> make_time(int year, int month, int day, int hour, int minute, int second, std::int64_t ticks = 0);

Time from_unix_seconds(std::int64_t seconds);
std::int64_t to_unix_seconds(Time time);
Time now();

}  // namespace vmtriage
