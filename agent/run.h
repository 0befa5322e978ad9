#pragma once

#include "agent/options.h"

namespace vmtriage {

/// Exit codes beside 0–3, which state the verdict (sysexits.h).
enum ExitCode {
  kUsage = 64,
  kUnavailable = 69,
  kCannotCreate = 73,
  kIoError = 74,
  kBusy = 75,
  kNoPermission = 77,
};

/// Does what the command line asks for; the result goes to standard output, everything else to standard error. Gives the exit code.
int run(const Options& options);

}  // namespace vmtriage
