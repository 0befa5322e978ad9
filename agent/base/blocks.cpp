#include "agent/base/blocks.h"

#include <algorithm>
#include <cstring>

namespace vmtriage {

BlockReader::BlockReader(ReadBytes read, std::size_t block_bytes, std::size_t most_bytes)
    : read_(std::move(read)), most_bytes_(most_bytes), buffer_(block_bytes, '\0') {}

void BlockReader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  while (!at_end_ && end_ < buffer_.size()) {
    const auto got = read_(std::span(buffer_.data() + end_, buffer_.size() - end_));
    if (!got) {
      error_ = got.error();
      failed_ = at_end_ = true;
    } else if (*got == 0) {
      at_end_ = true;
    } else {
      end_ += std::min(*got, buffer_.size() - end_);
    }
  }
}

void BlockReader::fill_with_a_line() {
  fill();
  while (!at_end_ && buffer_.size() < most_bytes_ &&
         std::string_view(buffer_.data(), end_).rfind('\n') == std::string_view::npos) {
    buffer_.resize(std::min(2 * buffer_.size(), most_bytes_));
    fill();
  }
}

std::size_t BlockReader::block_end(bool& cut) const {
  const std::string_view held(buffer_.data(), end_);
  const std::size_t newline = held.rfind('\n');
  if (newline != std::string_view::npos) return newline + 1;
  cut = true;
  // A blank in the first half would only make the pieces shorter; a text without blanks is cut where the block ends.
  const std::size_t blank = held.find_last_of(" \t");
  return blank == std::string_view::npos || blank < held.size() / 2 ? held.size() : blank + 1;
}

Result<Block> BlockReader::next() {
  fill_with_a_line();
  if (end_ == 0) {
    if (std::exchange(failed_, false)) return error_;
    return Block{};
  }
  Block block;
  begin_ = at_end_ ? end_ : block_end(block.cut);
  block.text = std::string_view(buffer_.data(), begin_);
  return block;
}

}  // namespace vmtriage
