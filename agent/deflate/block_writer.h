#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "agent/deflate/bits.h"
#include "agent/deflate/match_finder.h"

namespace vmtriage {

/// Writes a raw deflate stream (RFC 1951), block by block.
class BlockWriter {
 public:
  /// Appends to `out`, which must stay.
  explicit BlockWriter(std::string& out) : out_(out) {}

  /// The tokens, which stand for `text`, as a block in a code made for them or in deflate's fixed code, or the bytes as
  /// they are in stored blocks, whichever is the shortest. It may end inside a byte; the `last` one ends the stream,
  /// and with a byte.
  void write(std::span<const Token> tokens, std::string_view text, bool last);

  /// An empty block that ends with a byte, so that another stream can go on: what zlib calls Z_SYNC_FLUSH.
  void flush();

 private:
  struct Codes;

  void write_coded(const Codes& codes, std::span<const Token> tokens);
  void write_stored(std::string_view text, bool last);
  void begin(std::uint64_t most_bits);
  void end();

  std::string& out_;
  Bits bits_;  ///< its place is valid from begin() to end(); between them it keeps the bits of a byte that is not full
};

}  // namespace vmtriage
