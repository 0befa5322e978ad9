#include "collectors/stop.h"

#include <csignal>

namespace vmtriage {
namespace {

/// A signal handler has no other way to reach the program than an object of static storage.
std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may store only to a lock-free atomic");

void on_stop_signal(int) { g_stop.store(true); }

}  // namespace

void watch_for_stop() {
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction current = {};
    sigaction(signal, nullptr, &current);
    // nohup and a shell's background jobs ask us to ignore it.
    if (current.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

const std::atomic<bool>& stop_requested() { return g_stop; }

}  // namespace vmtriage
