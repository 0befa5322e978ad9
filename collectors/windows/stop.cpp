#include "collectors/stop.h"

#include <windows.h>

namespace vmtriage {
namespace {

/// A console control handler runs in a thread of the system's and has no other way to reach the program.
std::atomic<bool> g_stop{false};

BOOL WINAPI on_control(DWORD event) {
  g_stop.store(true);
  // After its window is closed, or the user signs out, Windows ends the program when this returns: the few seconds that it
  // grants are for writing the bundle's end.
  if (event == CTRL_CLOSE_EVENT || event == CTRL_LOGOFF_EVENT || event == CTRL_SHUTDOWN_EVENT) Sleep(INFINITE);
  return TRUE;
}

}  // namespace

void watch_for_stop() { SetConsoleCtrlHandler(on_control, TRUE); }

const std::atomic<bool>& stop_requested() { return g_stop; }

}  // namespace vmtriage
