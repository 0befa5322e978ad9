#include "agent/base/blocks.h"

#include <algorithm>
#include <cstring>

#include "agent/base/read_buffer.h"

namespace vmtriage {

BlockReader::BlockReader(ReadBytes read, std::size_t block_bytes, std::size_t most_bytes)
    : read_(std::move(read)), most_bytes_(most_bytes), buffer_(block_bytes + kCacheLine), size_(block_bytes) {}

/// Makes what was read behind the last block the beginning of the next.
void BlockReader::keep_rest() {
  const std::size_t rest = end_ - given_;
  start_ = to_cache_line(buffer_.data() + rest);
  std::memmove(buffer_.data() + start_, buffer_.data() + given_, rest);
  given_ = start_;
  end_ = start_ + rest;
}

void BlockReader::fill() {
  const std::size_t limit = start_ + size_;
  while (!at_end_ && end_ < limit) {
    const auto got = read_(std::span(buffer_.data() + end_, limit - end_));
    if (!got) {
      error_ = got.error();
      failed_ = at_end_ = true;
    } else if (*got == 0) {
      at_end_ = true;
    } else {
      end_ += std::min(*got, limit - end_);
    }
  }
}

void BlockReader::fill_with_a_line() {
  fill();
  while (!at_end_ && size_ < most_bytes_ && held().rfind('\n') == std::string_view::npos) {
    size_ = std::min(2 * size_, most_bytes_);
    buffer_.resize(size_ + kCacheLine);
    fill();
  }
}

std::size_t BlockReader::block_end(bool& cut) const {
  const std::size_t newline = held().rfind('\n');
  if (newline != std::string_view::npos) return newline + 1;
  cut = true;
  // A blank in the first half would only make the pieces shorter; a text without blanks is cut where the block ends.
  const std::size_t blank = held().find_last_of(" \t");
  return blank == std::string_view::npos || blank < held().size() / 2 ? held().size() : blank + 1;
}

Result<Block> BlockReader::next() {
  keep_rest();
  fill_with_a_line();
  if (held().empty()) {
    if (std::exchange(failed_, false)) return error_;
    return Block{};
  }
  Block block;
  block.text = at_end_ ? held() : held().substr(0, block_end(block.cut));
  given_ += block.text.size();
  return block;
}

}  // namespace vmtriage
