#include "analyzers/evtx_feed.h"

namespace vmtriage {

void BlockFeed::push(std::string_view block) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return left_ || given_ == held_.size(); });
  if (left_) return;
  held_.assign(block);
  given_ = 0;
  changed_.notify_all();
}

void BlockFeed::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void BlockFeed::leave() {
  const std::lock_guard lock(mutex_);
  left_ = true;
  changed_.notify_all();
}

ReadBytes BlockFeed::reader() {
  return [this](std::span<char> target) { return read(target); };
}

Result<std::size_t> BlockFeed::read(std::span<char> target) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_ || given_ < held_.size(); });
  const std::size_t count = held_.copy(target.data(), target.size(), given_);
  given_ += count;
  if (given_ == held_.size()) changed_.notify_all();
  return count;
}

}  // namespace vmtriage
