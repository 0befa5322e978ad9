#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/deflate/bits.h"
#include "agent/deflate/huffman_code.h"

namespace vmtriage {

constexpr std::size_t kLiteralSymbols = 286;  ///< bytes, the end of the block, lengths
constexpr std::size_t kDistanceSymbols = 30;

/// The two codes of a block as they stand in front of it (RFC 1951, 3.2.7): their lengths, with runs made shorter, in a
/// Huffman code whose own lengths come first.
class CodeLengths {
 public:
  CodeLengths(const HuffmanCode& literals, const HuffmanCode& distances);

  std::uint64_t bits() const;
  void write(Bits& out) const;

 private:
  /// A length, or what stands for a run of them.
  struct Item {
    std::uint8_t symbol;
    std::uint8_t rest_bits;
    std::uint8_t rest;  ///< how much longer the run is than the shortest
  };
  static constexpr std::size_t kSymbols = 19;

  void add_run(std::uint8_t length, std::size_t run);

  std::size_t literal_symbols_;
  std::size_t distance_symbols_;
  std::size_t own_lengths_ = kSymbols;  ///< how many lengths of `code_` are written
  std::vector<Item> items_;             ///< a run may go from the literals on into the distances
  HuffmanCode code_;
};

}  // namespace vmtriage
