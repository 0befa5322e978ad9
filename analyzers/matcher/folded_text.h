#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

/// Comparing text without regard to ASCII case, eight bytes at a time.
namespace vmtriage {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

constexpr std::uint64_t kEachByte = 0x0101010101010101u, kHighBits = 0x80 * kEachByte;

inline std::uint64_t load(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// Eight bytes with ASCII capitals in lower case: the high bit of a sum tells whether a byte is as large as A, or larger than Z.
inline std::uint64_t lower(std::uint64_t word) {
  const std::uint64_t low = word & ~kHighBits;
  const std::uint64_t from_a = low + (0x80 - 'A') * kEachByte, behind_z = low + (0x7f - 'Z') * kEachByte;
  return word | ((from_a ^ behind_z) & ~word & kHighBits) >> 2;
}

/// Whether `text`, of at least as many bytes, begins with `lower_case`. Hostile text comes here at every word.
inline bool equals_folded(const char* text, std::string_view lower_case) {
  const auto same = [&](std::size_t at) { return lower(load(text + at)) == load(lower_case.data() + at); };
  std::size_t at = 0;
  for (; at + 8 <= lower_case.size(); at += 8) {
    if (!same(at)) return false;
  }
  // The last bytes, some of them for the second time.
  if (at > 0) return at == lower_case.size() || same(lower_case.size() - 8);
  return std::equal(lower_case.begin(), lower_case.end(), text, [](char wanted, char c) { return wanted == lower(c); });
}

/// Four bytes of text are a number of as many bits. It sets bit 5 of every byte: that folds ASCII case, and a few more characters,
/// which the comparison sorts out.
inline std::uint32_t hash_window(const char* bytes, unsigned bits) {
  std::uint32_t window;
  std::memcpy(&window, bytes, sizeof window);
  return ((window | 0x20202020u) * 0x9E3779B1u) >> (32 - bits);
}

}  // namespace vmtriage
