#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vmtriage {

/// A prefix code as deflate wants it (RFC 1951, 3.2.2): codes of one length are consecutive numbers in the order of
/// their symbols, so that the lengths tell all.
struct HuffmanCode {
  static constexpr std::size_t kMostSymbols = 288;
  static constexpr unsigned kLongest = 15;  ///< bits of a code

  std::array<std::uint8_t, kMostSymbols> lengths{};  ///< in bits; 0: the symbol does not occur
  std::array<std::uint16_t, kMostSymbols> bits{};    ///< as they are written: the code's first bit is the lowest

  /// The code of these lengths, which must leave room for each other.
  static HuffmanCode of_lengths(std::span<const std::uint8_t> lengths);

  /// The shortest code, or nearly so where `longest` (at most kLongest) has to be enforced. At least two symbols get a
  /// code, because not every inflater takes a code of one. The frequencies sum up to less than 2^23.
  static HuffmanCode of_frequencies(std::span<const std::uint32_t> frequencies, unsigned longest);
};

}  // namespace vmtriage
