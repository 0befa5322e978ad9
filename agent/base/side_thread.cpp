#include "agent/base/side_thread.h"

#include <mutex>
#include <utility>
#include <vector>

namespace vmtriage {
namespace {

struct LeftBehind {
  std::mutex mutex;
  std::vector<std::pair<std::shared_ptr<std::atomic<bool>>, std::thread>> threads;
};

/// Never destroyed: a thread may outlive everything that ends with the program.
LeftBehind& left_behind() {
  static LeftBehind& all = *new LeftBehind;
  return all;
}

}  // namespace

SideThread::SideThread(std::function<void()> work)
    : ended_(std::make_shared<std::atomic<bool>>(false)), thread_([ended = ended_, work = std::move(work)] {
        work();
        *ended = true;
      }) {}

SideThread::~SideThread() {
  if (!thread_.joinable()) return;
  LeftBehind& left = left_behind();
  const std::lock_guard lock(left.mutex);
  left.threads.emplace_back(std::move(ended_), std::move(thread_));
  std::erase_if(left.threads, [](auto& one) {
    if (!*one.first) return false;
    one.second.join();
    return true;
  });
}

}  // namespace vmtriage
