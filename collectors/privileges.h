#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/base/text.h"

namespace vmtriage {

/// Whether this process may read the whole machine: root, or an elevated administrator.
bool is_administrator();

/// Lets this process, and nothing else, read files that their permissions keep even from an administrator. On Windows that needs
/// SeBackupPrivilege; root needs nothing. Error: access_denied.
Status read_past_permissions();

/// What an ordinary user is told: on the terminal, and in the report.
struct RightsAdvice {
  std::string_view warning;
  std::string_view error;
};
RightsAdvice rights_advice();

/// Lets every other process of the VM go first, for processor time and for the disks. Error: access_denied,
/// unsupported.
Status lower_priority();

/// Processor time that this process has used, all its threads together.
std::chrono::nanoseconds used_processor_time();

/// The most memory this process has used so far, in KiB; 0 when the system does not tell.
std::int64_t peak_memory_kib();

/// Bytes that this user may still write to the file system of `path`. Errors: not_found, access_denied, io.
Result<std::uint64_t> disk_free_bytes(const std::string& path);

enum class Stream { input, output, error };

bool is_terminal(Stream stream);
/// Columns; nothing when the stream is not a terminal or does not tell.
std::optional<int> terminal_width(Stream stream);

/// The language of the user's session; English when it is none of ours.
Language user_language();
/// `ja_JP.UTF-8`, `ja` and `Japanese_Japan.932` are Japanese.
Language language_of_locale(std::string_view locale);

}  // namespace vmtriage
