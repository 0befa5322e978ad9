#pragma once

#include <windows.h>

#include <cstdio>

namespace vmtriage {

/// Starts a program by `create`, a call of CreateProcess; again where the system lost the process on the way, and says
/// so on stderr. ERROR_SUCCESS when it runs, else why the last attempt failed.
///
/// Under Wine a new process first runs Wine's own loader. When that is gone before it has mapped the program, the
/// parent gets ERROR_INTERNAL_ERROR (NtCreateUserProcess in Wine's dlls/ntdll/unix/process.c). The program has run no
/// instruction by then, and what is wrong with its file is reported by other errors: another attempt hides nothing.
template <typename Create>
DWORD try_to_start(Create create) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    if (create()) return ERROR_SUCCESS;
    const DWORD reason = GetLastError();
    if (reason != ERROR_INTERNAL_ERROR) return reason;
    std::fprintf(stderr, "attempt %d of %d: the system lost a process before its program ran (ERROR_INTERNAL_ERROR)\n",
                 attempt, kAttempts);
    if (attempt == kAttempts) return reason;
  }
}

}  // namespace vmtriage
