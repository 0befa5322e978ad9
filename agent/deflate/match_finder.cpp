#include "agent/deflate/match_finder.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "agent/deflate/deflater.h"

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

namespace vmtriage {

static_assert(std::endian::native == std::endian::little, "the first byte of a word is its lowest");

namespace {

constexpr std::size_t kWordBytes = 8;
constexpr std::uint32_t kLongestDistance = Deflater::kWindowBytes;
/// The shortest match that is worth its bits in a log.
constexpr std::uint32_t kShortestUseful = 5;
/// Each time that so many bytes had no match, one byte more is passed over between two looks: what is packed or
/// encrypted already takes little time.
constexpr std::size_t kPatienceBytes = 256;
/// What is looked at of a text at most, from one place of it.
constexpr std::size_t kReachBytes = 288;

std::uint64_t load_word(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Of the first six bytes, the lowest of a little-endian word.
std::uint32_t hash_of(std::uint64_t word, unsigned bits) {
  return static_cast<std::uint32_t>(((word << 16u) * 0x9e37'79b1'85eb'ca87u) >> (64u - bits));
}

/// How many of the next 32 bytes are the same before the first that differs.
std::uint32_t same_of_32(const char* a, const char* b) {
#if defined(__SSE2__) || defined(_M_X64)
  const auto load = [](const char* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); };
  const auto same = [&](std::size_t at) {
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(load(a + at), load(b + at))));
  };
  return static_cast<std::uint32_t>(std::countr_one(same(0) | same(16) << 16u));
#else
  for (std::size_t at = 0; at < 32; at += kWordBytes) {
    const std::uint64_t differs = load_word(a + at) ^ load_word(b + at);
    if (differs != 0) return static_cast<std::uint32_t>(at + static_cast<std::size_t>(std::countr_zero(differs)) / 8);
  }
  return 32;
#endif
}

/// How many bytes are the same, at most 258, where the first 32 are; needs kReachBytes behind both.
std::uint32_t same_of_all(const char* a, const char* b) {
  std::uint32_t same = 32, more = 32;
  for (; more == 32 && same < kLongestLength; same += more) more = same_of_32(a + same, b + same);
  return std::min(same, kLongestLength);
}

/// How many bytes are the same, at most 258; reads nothing behind `end`.
std::uint32_t same_bytes_near_end(const char* a, const char* b, const char* end) {
  const auto most = std::min<std::size_t>(static_cast<std::size_t>(end - b), kLongestLength);
  return static_cast<std::uint32_t>(std::mismatch(b, b + most, a).first - b);
}

struct Match {
  std::uint32_t length = 0;
  std::uint32_t distance = 0;
};

/// The better of two matches for what stands at `at`, `word` being the first of it; none that is not worth it. The two
/// distances come from the table, modulo 64 Ki: one that is 0 or reaches too far is cut for the comparison and
/// refused at the end, since in most cases the bytes differ anyhow. Inlined, for this is asked of every byte that is in
/// no match.
template <bool kNearEnd>
#ifdef __GNUC__
[[gnu::always_inline]]
#endif
inline Match
look_at(std::string_view text, std::size_t at, std::uint64_t word, std::uint32_t recent, std::uint32_t older) {
  const char* const here = text.data() + at;
  const auto reach = static_cast<std::uint32_t>(std::min<std::size_t>(at, kLongestDistance));
  const char* const recent_place = here - std::min(recent, reach);
  const char* const older_place = here - std::min(older, reach);
  constexpr std::uint64_t kUseful = (1ull << (8 * kShortestUseful)) - 1;
  if (((load_word(recent_place) ^ word) & kUseful) != 0 && ((load_word(older_place) ^ word) & kUseful) != 0) return {};

  std::uint32_t recent_length, older_length;
  if constexpr (kNearEnd) {
    recent_length = same_bytes_near_end(recent_place, here, text.data() + text.size());
    older_length = same_bytes_near_end(older_place, here, text.data() + text.size());
  } else {
    recent_length = same_of_32(recent_place, here);
    older_length = same_of_32(older_place, here);
    if (recent_length == 32) recent_length = same_of_all(recent_place, here);
    if (older_length == 32) older_length = same_of_all(older_place, here);
  }
  if (recent - 1 >= reach) recent_length = 0;
  if (older - 1 >= reach) older_length = 0;
  // One byte more is not worth a longer distance.
  const Match match = older_length > recent_length + 1 ? Match{older_length, older} : Match{recent_length, recent};
  return match.length >= kShortestUseful ? match : Match{};
}

/// The two last places of a hash: the older one goes.
void remember(std::uint32_t& places, std::size_t at) { places = places << 16u | (at & 0xffffu); }

}  // namespace

Token match_token(std::uint32_t length, std::uint32_t distance) {
  // Slots 0 and 1 are distances 1 and 2; from there each power of two has two slots.
  const std::uint32_t behind = distance - 1;
  if (behind < 2) return (256u + length - kShortestLength) | behind << 9u;
  const auto half = static_cast<std::uint32_t>(std::bit_width(behind)) - 2;
  const std::uint32_t slot = 2 * half + (behind >> half);
  return (256u + length - kShortestLength) | slot << 9u | (behind & ((1u << half) - 1)) << 18u;
}

void MatchFinder::begin(std::string_view text, std::size_t before) {
  text_ = text;
  at_ = before;
  table_->fill(0);
  // Every other place is enough to find what is longer than six bytes.
  for (std::size_t at = 0; at < before && at + kWordBytes <= text.size(); at += 2) {
    remember((*table_)[hash_of(load_word(text.data() + at), kTableBits)], at);
  }
}

std::span<const Token> MatchFinder::next() {
  count_ = 0;
  if (text_.size() > kReachBytes) take_until<false>(text_.size() - kReachBytes);
  if (text_.size() > kWordBytes) take_until<true>(text_.size() - kWordBytes);
  while (at_ < text_.size() && count_ < kMostTokens) (*tokens_)[count_++] = literal_token(text_[at_++]);
  return std::span(*tokens_).first(count_);
}

/// Tokens for what begins before `end`; reads on behind it.
template <bool kNearEnd>
void MatchFinder::take_until(std::size_t end) {
  const char* const text = text_.data();
  Table& table = *table_;
  const auto remember_place = [&](std::size_t place) {
    if (!kNearEnd || place + kWordBytes <= text_.size())
      remember(table[hash_of(load_word(text + place), kTableBits)], place);
  };
  Token* token = tokens_->data() + count_;
  Token* const full = tokens_->data() + kMostTokens;
  std::size_t at = at_, match_end = at_;
  unsigned lone = 0;  // whether the last token is a single byte, which takes in a second
  const auto add_literal = [&] {
    token -= lone;
    *token++ = static_cast<std::uint8_t>(text[at - lone]) |
               (lone != 0 ? kSecondByte + static_cast<std::uint8_t>(text[at]) : kNothing) << 9u;
    lone ^= 1u;
    ++at;
  };
  while (at < end && token != full) {
    const std::uint64_t word = load_word(text + at);
    Places& places = table[hash_of(word, kTableBits)];
    const auto here = static_cast<std::uint32_t>(at);
    const Match match =
        look_at<kNearEnd>(text_, at, word, (here - places) & 0xffffu, (here - (places >> 16u)) & 0xffffu);
    remember(places, at);
    if (match.length == 0) {
      add_literal();
      for (std::size_t vain = (at - match_end) / kPatienceBytes; vain > 0 && at < end && token != full; --vain)
        add_literal();
      continue;
    }
    lone = 0;
    *token++ = match_token(match.length, match.distance);
    // Where a match begins and where it ends are what the next line will look for.
    remember_place(at + 1);
    remember_place(at + 2);
    at += match.length;
    remember_place(at - 2);
    remember_place(at - 1);
    match_end = at;
  }
  count_ = static_cast<std::size_t>(token - tokens_->data());
  at_ = at;
}

}  // namespace vmtriage
