#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace vmtriage {

/// One or two bytes as they are, or a match (so many bytes again from that far back), in 31 bits:
///
///     bit  0..8    the byte, or 256 + length - 3
///     bit  9..17   the distance's slot, 0 to 29 (RFC 1951, 3.2.5, calls it its code); kNothing after a single byte;
///                  kSecondByte + the second byte
///     bit 18..30   how far behind the slot's first distance it is
///
/// All sorts look alike, so that whoever counts or writes them need not ask which one he has.
using Token = std::uint32_t;

constexpr unsigned kFirstSymbols = 512, kSecondSymbols = 288;
constexpr Token kNothing = 30, kSecondByte = 32;
constexpr std::uint32_t kShortestLength = 3, kLongestLength = 258;  ///< of a match, in deflate

constexpr Token first_of(Token token) { return token & 511u; }
constexpr Token second_of(Token token) { return token >> 9u & 511u; }
constexpr Token distance_rest_of(Token token) { return token >> 18u; }

constexpr Token literal_token(char byte) { return static_cast<std::uint8_t>(byte) | kNothing << 9u; }
/// `length` 3 to 258, `distance` 1 to 32768.
Token match_token(std::uint32_t length, std::uint32_t distance);

/// Finds in logs what stood there before.
///
/// The lines of a log are told apart by what stands between their numbers. A table keeps, by a hash of six bytes, the
/// last two places where such bytes stood; the longer match of the two is taken at once. Six and not ISA-L's four or
/// zlib's three bytes: a place that shares no more than ` 12:` with this one costs 20 bits, and hides the place that
/// shares the line. `./dev bench` shows what that leaves of logs, beside zip -6.
///
/// Memory: 128 KiB.
class MatchFinder {
 public:
  /// What next() returns at most; about 100 KiB of a log: codes of a shorter block are not worth their header.
  static constexpr std::size_t kMostTokens = 16'000;

  MatchFinder() : table_(std::make_unique<Table>()), tokens_(std::make_unique<Tokens>()) {}

  /// Begins a text of which only what stands behind the first `before` bytes is wanted. It must stay.
  void begin(std::string_view text, std::size_t before);

  /// The tokens for the next bytes, which live until the next call; none at the end of the text.
  std::span<const Token> next();

  /// How much of the text the tokens so far stand for.
  std::size_t position() const { return at_; }

 private:
  /// The last two places of a hash, modulo 64 Ki; the more recent one in the lower half. Places that are stale, or of
  /// other bytes with the same hash, do no harm: what is taken is what is seen to be equal.
  using Places = std::uint32_t;
  static constexpr unsigned kTableBits = 14;
  using Table = std::array<Places, 1u << kTableBits>;
  using Tokens = std::array<Token, kMostTokens>;

  template <bool kNearEnd>
  void take_until(std::size_t end);

  std::unique_ptr<Table> table_;
  std::unique_ptr<Tokens> tokens_;
  std::size_t count_ = 0;  ///< of tokens_
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace vmtriage
