#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

namespace vmtriage {

/// What a run may take of a machine that has other work to do.
struct PaceLimits {
  std::optional<unsigned> cpu_percent;            ///< of all processors that the process may use, 1 to 100
  std::optional<std::uint64_t> bytes_per_second;  ///< read and written
};

/// Keeps a run below its limits: the threads that read wait as long as it takes. What was not used is saved up for a
/// tenth of a second only, so that a pause does not end in a burst.
class Pace {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  /// Where time comes from; others in tests.
  struct Clocks {
    std::function<Nanoseconds()> now;             ///< since any moment
    std::function<Nanoseconds()> processor_time;  ///< that this process has used
    std::function<void(Nanoseconds)> sleep;
    unsigned processors = 1;
  };
  static Clocks system_clocks();

  explicit Pace(PaceLimits limits, Clocks clocks = system_clocks());

  /// Called by a thread that has read or written so many bytes: waits until it may go on, or the run is stopped.
  void step(std::uint64_t bytes, const std::atomic<bool>* stop);

 private:
  Nanoseconds may_go_on_at(std::uint64_t bytes);

  const PaceLimits limits_;
  const Clocks clocks_;
  std::mutex mutex_;  ///< guards what follows
  Nanoseconds used_;  ///< processor time that was paid for
  Nanoseconds cpu_paid_until_;
  Nanoseconds io_paid_until_;
};

}  // namespace vmtriage
