#include "collectors/mounts.h"

#include <sys/statfs.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "agent/base/side_thread.h"
#include "collectors/root_folder.h"

namespace vmtriage {
namespace {

/// Who has answered; threads that wait for a dead server keep it alive.
struct Answers {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<bool> given;
  std::size_t open = 0;
};

void ask(const std::string& point, std::size_t index, const std::shared_ptr<Answers>& answers) {
  struct statfs ignored {};
  ::statfs(point.c_str(), &ignored);  // an error is an answer too
  const std::lock_guard lock(answers->mutex);
  answers->given[index] = true;
  --answers->open;
  answers->changed.notify_all();
}

}  // namespace

std::vector<MountPoint> mounts_of(const std::string& root) {
  constexpr std::size_t kMaxTableBytes = 4 << 20;
  const auto folder = RootFolder::open(root);
  if (!folder) return {};
  const auto table = folder->read_start("/proc/self/mountinfo", kMaxTableBytes);
  return table ? parse_mountinfo(*table) : std::vector<MountPoint>{};
}

std::vector<MountPoint> silent_mounts(std::chrono::milliseconds patience) {
  constexpr std::size_t kMaxAsked = 64;  // each is a thread
  std::vector<MountPoint> asked;
  for (MountPoint& mount : mounts_of("/")) {
    if (depends_on_others(mount) && asked.size() < kMaxAsked) asked.push_back(std::move(mount));
  }
  if (asked.empty()) return {};
  const auto answers = std::make_shared<Answers>();
  answers->given.assign(asked.size(), false);
  answers->open = asked.size();
  std::vector<SideThread> threads;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    threads.emplace_back([path = asked[i].path, i, answers] { ask(path, i, answers); });
  }
  std::unique_lock lock(answers->mutex);
  answers->changed.wait_for(lock, patience, [&] { return answers->open == 0; });
  std::vector<MountPoint> silent;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!answers->given[i]) silent.push_back(std::move(asked[i]));
  }
  return silent;
}

}  // namespace vmtriage
