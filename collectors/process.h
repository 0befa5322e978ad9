#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace vmtriage {

/// What fits into every system's pipe, so that nobody has to wait for the command to read it.
inline constexpr std::size_t kMaxInputBytes = 4096;

/// A command to run, without a shell: `{"/usr/bin/lsblk", "-O", "-J"}`.
struct ProcessSpec {
  std::vector<std::string> argv;  ///< [0] is the program's absolute path
  std::string input = {};         ///< all that its standard input gives, at most kMaxInputBytes
  int timeout_ms = 10'000;        ///< the whole process tree is killed after it
  std::size_t max_output_bytes = 8u << 20;
};

/// How a command ended. What it printed before it was cut off, by time or by size, is kept.
struct ProcessOutput {
  std::optional<int> exit_code;  ///< none when it was killed or is still there
  std::optional<int> signal;     ///< the number of the signal that ended it
  std::string output;            ///< stdout and stderr together, in the order they were written
  bool truncated = false;        ///< there was more than `max_output_bytes`
  bool timed_out = false;
  bool stopped = false;    ///< ended because the user asked to stop
  bool abandoned = false;  ///< could not be killed within 2 s (hanging in the kernel); it was left behind
  std::int64_t elapsed_ms = 0;

  bool succeeded() const { return exit_code == 0 && !truncated; }
};

/// Runs a command to its end, alone: with a fixed environment (LC_ALL=C, a fixed PATH, nothing of ours), the root
/// folder as working directory, no other input, no open files of ours. Whatever it started is gone when this returns, also
/// what left its process group or outlived it; otherwise `abandoned` says so. Calls from several threads run one after
/// another.
///
/// Errors: not_found, access_denied, unsupported (a relative path, a folder, not a program, too much input), too_large,
/// locked, io.
Result<ProcessOutput> run_process(const ProcessSpec& spec, const std::atomic<bool>* stop = nullptr);

/// The absolute path of a program of the system, never of the user's PATH; nothing when it is not installed.
std::optional<std::string> find_program(std::string_view name);

}  // namespace vmtriage
