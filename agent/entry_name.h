#pragma once

#include <string>
#include <string_view>

namespace vmtriage {

/// Bytes of one segment and of a whole name that every tool can extract on every file system.
inline constexpr std::size_t kMaxSegmentBytes = 240;
inline constexpr std::size_t kMaxEntryNameBytes = 4000;

/// The path of a file on a VM or in an archive as a relative path that is safe to extract, on Windows too:
///
///     C:\WindowsAzure\Logs\x.log  →  C/WindowsAzure/Logs/x.log
///     /var/log/azure/a:b.log      →  var/log/azure/a%3Ab.log
///     ../../etc/cron.d/x          →  %2E%2E/%2E%2E/etc/cron.d/x
///     /tmp/CON.log                →  tmp/%43ON.log
///
/// Percent-encoded are control characters (C1, line separators and those that turn the direction of text included),
/// bytes that are no UTF-8, `<>:"|?*`, a blank or dot at the end of a segment, and names that Windows keeps for
/// devices. A backslash separates segments unless the path starts with `/`. What is too long keeps its ends and gets a
/// hash. Never empty; `safe_entry_name(safe_entry_name(x)) == safe_entry_name(x)`.
std::string safe_entry_name(std::string_view origin);

/// The name with `~2` (`~3` …) before its extension: `var/log/syslog~2.log`.
std::string numbered_entry_name(std::string_view name, int number);

}  // namespace vmtriage
