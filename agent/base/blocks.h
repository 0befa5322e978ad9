#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace vmtriage {

/// Reads the next bytes of an artifact into the span; 0 at its end. May give less than was asked for.
using ReadBytes = std::function<Result<std::size_t>(std::span<char>)>;

/// Some whole lines of a text.
struct Block {
  std::string_view text;
  bool cut = false;  ///< the last line goes on in the next block: it was too long
};

/// Cuts a stream into blocks of whole lines in bounded memory. A line longer than any block is cut at its last blank, where it has
/// one, so that a word (a secret, a path) is not torn. The last line may lack its newline.
class BlockReader {
 public:
  /// What stays in a core's cache while it is read, scanned, hashed and compressed.
  static constexpr std::size_t kBlockBytes = 256 << 10;
  static constexpr std::size_t kMostBytes = 1 << 20;

  /// Blocks have `block_bytes` at most, but for a long line as many as it needs up to `most_bytes`.
  explicit BlockReader(ReadBytes read, std::size_t block_bytes = kBlockBytes, std::size_t most_bytes = kMostBytes);

  /// The next block, empty at the end; it is valid until the next call. A read error is returned once everything that was read
  /// before it has been handed out.
  Result<Block> next();

 private:
  void keep_rest();
  void fill();
  void fill_with_a_line();
  std::string_view held() const { return {buffer_.data() + start_, end_ - start_}; }
  std::size_t block_end(bool& cut) const;

  ReadBytes read_;
  const std::size_t most_bytes_;
  std::vector<char> buffer_;
  std::size_t size_;       ///< of the largest block that has room
  std::size_t start_ = 0;  ///< where in `buffer_` the block begins, so that what is read next lands on a cache line
  std::size_t given_ = 0;  ///< first byte that was not handed out
  std::size_t end_ = 0;    ///< one behind the last byte that was read
  bool at_end_ = false;
  bool failed_ = false;
  Error error_;
};

}  // namespace vmtriage
