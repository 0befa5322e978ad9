#pragma once

#include <atomic>

namespace vmtriage {

/// From now on a request to end (Ctrl-C, a service manager's stop, a closed terminal) only sets `stop_requested()`; a
/// second one does nothing more. What was ignored before (nohup) stays so. Writing to a closed pipe becomes an ordinary
/// error. Call once, before threads start.
void watch_for_stop();

/// Long work looks at this between steps and ends in good order.
const std::atomic<bool>& stop_requested();

}  // namespace vmtriage
