#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace vmtriage {

static_assert(std::endian::native == std::endian::little, "words are written as they lie in memory");

/// A place in a stream of bits, where the first bit is the lowest of the first byte (RFC 1951, 3.1.1). It is copied
/// before a long loop, so that it lives in registers there.
struct Bits {
  char* at = nullptr;  ///< there is room for a whole word
  std::uint64_t waiting = 0;
  unsigned count = 0;  ///< of `waiting`

  /// At most 56 bits between two calls of settle(); what stands above `bit_count` is zero.
  void put(std::uint64_t bits, unsigned bit_count) {
    waiting |= bits << count;
    count += bit_count;
  }
  /// Writes the whole bytes; at most 7 bits are left waiting.
  void settle() {
    std::memcpy(at, &waiting, sizeof waiting);
    at += count / 8;
    waiting >>= count & ~7u;
    count &= 7u;
  }
  /// Zeros up to the end of the byte.
  void pad() {
    count = (count + 7u) & ~7u;
    settle();
  }
};

}  // namespace vmtriage
