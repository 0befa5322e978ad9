#include "agent/pace.h"

#include <gtest/gtest.h>

namespace vmtriage {
namespace {

using namespace std::chrono_literals;
using Nanoseconds = Pace::Nanoseconds;

/// A machine whose time passes when somebody works or sleeps.
struct Machine {
  Nanoseconds now{1h};
  Nanoseconds used{7s};
  Nanoseconds slept{};

  Pace::Clocks clocks(unsigned processors) {
    return {[this] { return now; }, [this] { return used; },
            [this](Nanoseconds time) {
              now += time;
              slept += time;
            },
            processors};
  }
  /// `threads` of the program compute for that long.
  void work(Nanoseconds time, unsigned threads = 1) {
    now += time;
    used += threads * time;
  }
};

TEST(Pace, ShareOfAllProcessorsIsKeptWhateverTheNumberOfThreads) {
  struct Case {
    unsigned percent, processors, threads;
  };
  for (const Case& c : {Case{25, 1, 1}, Case{25, 4, 4}, Case{10, 2, 1}, Case{50, 2, 2}, Case{1, 1, 1}}) {
    Machine machine;
    Pace pace({c.percent, std::nullopt}, machine.clocks(c.processors));
    const Nanoseconds begin = machine.now, used = machine.used;
    for (int i = 0; i < 100; ++i) {
      machine.work(5ms, c.threads);
      pace.step(1 << 20, nullptr);
    }
    const double share = std::chrono::duration<double>(machine.used - used) / (machine.now - begin) / c.processors;
    EXPECT_NEAR(100 * share, c.percent, 0.05 * c.percent) << c.percent << " % of " << c.processors;
  }
}

TEST(Pace, WorkBelowTheLimitIsNotHeldUp) {
  Machine machine;
  Pace pace({50, 100'000'000}, machine.clocks(4));
  for (int i = 0; i < 100; ++i) {
    machine.work(10ms, 2);
    pace.step(900'000, nullptr);
  }
  EXPECT_EQ(machine.slept, 0ns);
}

TEST(Pace, BytesPassAtTheRateThatWasAskedFor) {
  Machine machine;
  Pace pace({std::nullopt, 10'000'000}, machine.clocks(1));
  const Nanoseconds begin = machine.now;
  for (int i = 0; i < 50; ++i) {
    machine.work(1ms);
    pace.step(1'000'000, nullptr);
  }
  EXPECT_NEAR(std::chrono::duration<double>(machine.now - begin).count(), 5.0, 0.2);
}

TEST(Pace, PauseIsNoCreditForABurst) {
  Machine machine;
  Pace pace({std::nullopt, 10'000'000}, machine.clocks(1));
  machine.now += 1h;  // a command took its time
  const Nanoseconds begin = machine.now;
  for (int i = 0; i < 10; ++i) pace.step(1'000'000, nullptr);
  EXPECT_GE(machine.now - begin, 900ms);
}

TEST(Pace, WaitEndsSoonWhenTheRunIsStopped) {
  Machine machine;
  std::atomic<bool> stop = false;
  Pace::Clocks clocks = machine.clocks(1);
  clocks.sleep = [&](Nanoseconds time) {
    machine.now += time;
    machine.slept += time;
    stop = true;
  };
  Pace pace({std::nullopt, 1}, clocks);
  pace.step(1'000'000, &stop);
  EXPECT_LE(machine.slept, 100ms);
}

TEST(Pace, ClocksOfThisSystemGoOn) {
  const Pace::Clocks clocks = Pace::system_clocks();
  EXPECT_GE(clocks.processors, 1u);
  const Nanoseconds now = clocks.now(), used = clocks.processor_time();
  while (clocks.processor_time() == used) {
  }
  EXPECT_GT(clocks.now(), now);
}

}  // namespace
}  // namespace vmtriage
