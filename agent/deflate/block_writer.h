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

  /// The tokens, which stand for `text`, as one block: in a code made for them, in deflate's fixed code or as the bytes
  /// are, whichever is the shortest. The `last` one ends the stream.
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
  Bits bits_;  ///< between blocks, the bits of a byte that is not full
};

}  // namespace vmtriage
