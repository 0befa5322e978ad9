#pragma once

#include <condition_variable>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "agent/base/blocks.h"

namespace vmtriage {

/// Turns blocks that are handed over into bytes that are asked for: a scan is given a log piece by piece, while the
/// reader of event logs reads. One thread pushes, another reads; at most one block is held.
class BlockFeed {
 public:
  /// Waits until the block before was read. Does nothing once the reader has gone.
  void push(std::string_view block);
  /// No more blocks.
  void end();
  /// The reader needs no more: nobody waits for it any longer.
  void leave();

  ReadBytes reader();

 private:
  Result<std::size_t> read(std::span<char> target);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string held_;
  std::size_t given_ = 0;
  bool ended_ = false;
  bool left_ = false;
};

}  // namespace vmtriage
