#include "agent/base/side_thread.h"

#include <gtest/gtest.h>

#include <future>

namespace vmtriage {
namespace {

TEST(SideThread, EveryOneRunsWithWhatItHoldsThoughNobodyWaits) {
  constexpr int kThreads = 300;
  struct Sum {
    std::atomic<int> value = 0, done = 0;
    std::promise<void> all;
  };
  const auto sum = std::make_shared<Sum>();
  for (int i = 1; i <= kThreads; ++i) {
    const SideThread thread([sum, i, text = std::string(100, 'x')] {
      sum->value += i + static_cast<int>(text.size());
      if (++sum->done == kThreads) sum->all.set_value();
    });
  }
  sum->all.get_future().wait();
  EXPECT_EQ(sum->value, kThreads * (kThreads + 1) / 2 + 100 * kThreads);
}

TEST(SideThread, OneThatDoesNotAnswerIsLeftBehind) {
  auto release = std::make_shared<std::promise<void>>();
  auto ended = std::make_shared<std::promise<void>>();
  { const SideThread thread([release, ended] { release->get_future().wait(), ended->set_value(); }); }
  // Here already: its end was not waited for. It goes on with what it holds.
  release->set_value();
  ended->get_future().wait();
}

}  // namespace
}  // namespace vmtriage
