#include "agent/base/gram_finder.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace vmtriage {

GramFinder::GramFinder(std::span<const Gram> grams) : places_{} {
  for (const Gram& gram : grams) {
    const auto bit = static_cast<std::uint8_t>(1u << gram.bucket);
    for (std::size_t place = 0; place < kGramBytes; ++place) {
      Halves& halves = places_[place];
      const auto letter = static_cast<std::uint8_t>(gram.letters[place]);
      const bool cased = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
      for (unsigned half = 0; half < 16; ++half) {
        if (letter == '.' || half == (letter & 0xFu)) halves.lower[half] |= bit;
        if (letter == '.' || half == letter >> 4u || (cased && half == (letter ^ 0x20u) >> 4u)) halves.upper[half] |= bit;
      }
    }
  }
}

std::size_t GramFinder::find_bytewise(std::string_view text, std::size_t from) const {
  for (std::size_t at = from; at < text.size(); ++at) {
    unsigned buckets = 0xFF;
    for (std::size_t place = 0; place < kGramBytes; ++place) {
      const unsigned byte = at + place < text.size() ? static_cast<std::uint8_t>(text[at + place]) : 0u;
      buckets &= places_[place].lower[byte & 0xF] & places_[place].upper[byte >> 4];
    }
    if (buckets != 0) return at;
  }
  return std::string_view::npos;
}

#if defined(__x86_64__)

/// The tables in registers of 32 bytes.
struct GramFinder::Wide {
  static constexpr std::size_t kLanes = 32;

  __m256i lower[kGramBytes], upper[kGramBytes];

  [[gnu::target("avx2"), gnu::always_inline]] inline explicit Wide(const GramFinder& finder) {
    for (std::size_t place = 0; place < kGramBytes; ++place) {
      lower[place] = twice(finder.places_[place].lower.data());
      upper[place] = twice(finder.places_[place].upper.data());
    }
  }

  [[gnu::target("avx2"), gnu::always_inline]] static inline __m256i twice(const std::uint8_t* table) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
  }

  /// The buckets that may have a gram at each of kLanes places.
  [[gnu::target("avx2"), gnu::always_inline]] inline __m256i buckets(const char* at) const {
    const __m256i half = _mm256_set1_epi8(0xF);
    __m256i left = _mm256_set1_epi8(-1);
    for (std::size_t place = 0; place < kGramBytes; ++place) {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + place));
      const __m256i low = _mm256_shuffle_epi8(lower[place], _mm256_and_si256(bytes, half));
      const __m256i high = _mm256_shuffle_epi8(upper[place], _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half));
      left = _mm256_and_si256(left, _mm256_and_si256(low, high));
    }
    return left;
  }

  /// The first place with a bucket; kLanes when there is none.
  [[gnu::target("avx2"), gnu::always_inline]] static inline std::size_t first(const __m256i& buckets) {
    const auto empty = static_cast<unsigned>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(buckets, _mm256_setzero_si256())));
    return empty == ~0u ? kLanes : static_cast<std::size_t>(__builtin_ctz(~empty));
  }

  [[gnu::target("avx2")]] static std::size_t find(const GramFinder& finder, std::string_view text, std::size_t from) {
    const Wide wide(finder);
    std::size_t at = from;
    for (; at + 2 * kLanes + kGramBytes - 1 <= text.size(); at += 2 * kLanes) {
      const __m256i left = wide.buckets(text.data() + at), right = wide.buckets(text.data() + at + kLanes);
      const __m256i both = _mm256_or_si256(left, right);
      if (_mm256_testz_si256(both, both) != 0) continue;
      const std::size_t lane = first(left);
      return at + (lane < kLanes ? lane : kLanes + first(right));
    }
    return finder.find_bytewise(text, at);
  }
};

std::size_t GramFinder::find(std::string_view text, std::size_t from) const {
  static const bool wide = __builtin_cpu_supports("avx2") != 0;
  return wide ? Wide::find(*this, text, from) : find_bytewise(text, from);
}

#else

std::size_t GramFinder::find(std::string_view text, std::size_t from) const { return find_bytewise(text, from); }

#endif

}  // namespace vmtriage
