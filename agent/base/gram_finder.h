#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace vmtriage {

/// Three letters that are looked for, in any ASCII case; `.` is any byte. Grams of one bucket are not told apart: with
/// "key" and "tok" in one, "koy" is found too. So frequent grams want a bucket of their own.
struct Gram {
  std::string_view letters;
  unsigned bucket = 0;  ///< below GramFinder::kBuckets
};

/// Finds where one of a few short texts may stand, at several gigabytes a second: the letters of a word that are rare in
/// logs stand for the word, which the caller compares.
///
/// A byte's lower and upper half each select, from a table of 16, the buckets that have such a letter at this place of a
/// gram; a place is a hit when some bucket is left after six tables. Processors look up 32 table entries at once.
class GramFinder {
 public:
  static constexpr std::size_t kGramBytes = 3;
  static constexpr unsigned kBuckets = 8;

  GramFinder(std::span<const Gram> grams);

  /// The first place at or behind `from` where a gram may stand; npos when there is none. A gram may end behind the text
  /// where its last letters are any byte.
  std::size_t find(std::string_view text, std::size_t from) const;

  /// The same, one byte at a time: for the end of a text and for processors without wide registers.
  std::size_t find_bytewise(std::string_view text, std::size_t from) const;

 private:
  struct Wide;

  /// Which buckets have a letter at this place of the gram whose lower, or upper, four bits are the index.
  struct Halves {
    alignas(16) std::array<std::uint8_t, 16> lower{};
    alignas(16) std::array<std::uint8_t, 16> upper{};
  };

  std::array<Halves, kGramBytes> places_;
};

}  // namespace vmtriage
