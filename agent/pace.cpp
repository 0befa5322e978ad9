#include "agent/pace.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "collectors/privileges.h"

namespace vmtriage {
namespace {

constexpr Pace::Nanoseconds kSavedUp = std::chrono::milliseconds(100);
/// Ctrl+C is answered that soon.
constexpr Pace::Nanoseconds kNap = std::chrono::milliseconds(50);

Pace::Nanoseconds seconds(double count) {
  return std::chrono::duration_cast<Pace::Nanoseconds>(std::chrono::duration<double>(count));
}

}  // namespace

Pace::Clocks Pace::system_clocks() {
  return {[] { return Nanoseconds(std::chrono::steady_clock::now().time_since_epoch()); }, used_processor_time,
          [](Nanoseconds time) { std::this_thread::sleep_for(time); },
          std::max(1u, std::thread::hardware_concurrency())};
}

Pace::Pace(PaceLimits limits, Clocks clocks)
    : limits_(limits),
      clocks_(std::move(clocks)),
      used_(clocks_.processor_time()),
      cpu_paid_until_(clocks_.now()),
      io_paid_until_(cpu_paid_until_) {}

void Pace::step(std::uint64_t bytes, const std::atomic<bool>* stop) {
  const Nanoseconds until = may_go_on_at(bytes);
  for (Nanoseconds now = clocks_.now(); now < until; now = clocks_.now()) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) return;
    clocks_.sleep(std::min(until - now, kNap));
  }
}

/// Each second of processor time and each byte is paid for with time that passes; the threads pay together.
Pace::Nanoseconds Pace::may_go_on_at(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const Nanoseconds now = clocks_.now();
  if (limits_.cpu_percent) {
    const Nanoseconds used = clocks_.processor_time();
    const double share = *limits_.cpu_percent / 100.0 * clocks_.processors;
    const double cost = std::chrono::duration<double>(used - std::exchange(used_, used)).count() / share;
    cpu_paid_until_ = std::max(cpu_paid_until_, now - kSavedUp) + seconds(cost);
  }
  if (limits_.bytes_per_second) {
    const double cost = static_cast<double>(bytes) / static_cast<double>(*limits_.bytes_per_second);
    io_paid_until_ = std::max(io_paid_until_, now - kSavedUp) + seconds(cost);
  }
  return std::max(cpu_paid_until_, io_paid_until_);
}

}  // namespace vmtriage
