#include "agent/redactor_anchors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace vmtriage::redaction {
namespace {

/// A word and the few letters of it that are looked for first. `gram` is what stands at `offset` in the word; `.` is
/// any byte. The letters were chosen because they are rare together in logs, not because they stand together in the
/// word: `t.k` is rarer than `ken` (taken, broken) and `r.z` rarer than `riz`, and one letter less to compare.
struct Row {
  Anchor anchor;
  std::string_view word;
  std::size_t offset;
  char gram[4];
};

constexpr std::array kRows{
    Row{Anchor::password, "password", 3, "sw."},
    Row{Anchor::password, "passwd", 3, "sw."},
    Row{Anchor::pwd, "pwd", 0, ".wd"},
    Row{Anchor::sig, "sig", 0, "sig"},
    Row{Anchor::jwt, "eyj", 0, ".yj"},
    Row{Anchor::at_sign, "`", 0, "`.."},  // what `@` becomes when letter case is folded
    Row{Anchor::key, "key", 0, "k.y"},
    Row{Anchor::token, "token", 0, "t.k"},
    Row{Anchor::authorization, "authorization", 5, "r.z"},
    Row{Anchor::bearer, "bearer", 3, "rer"},
    Row{Anchor::protected_settings, "protectedsettings", 8, "dse"},
    Row{Anchor::cred_string, "credstring", 3, "dst"},
    Row{Anchor::secret, "secret", 1, "ecr"},
    Row{Anchor::hdbsql, "hdbsql", 0, "h.b"},
    Row{Anchor::hdbuserstore, "hdbuserstore", 0, "h.b"},
    Row{Anchor::custom_data, "customdata", 5, "mda"},
    Row{Anchor::user_data, "userdata", 3, "rda"},
    Row{Anchor::der_blob, "mii", 0, ".ii"},
};

constexpr std::size_t kLanes = 32;  // two instructions on processors that have only half as wide registers
constexpr std::size_t kGram = 3;
constexpr std::uint8_t kFold = 0x20;

using Bytes = std::uint8_t __attribute__((vector_size(kLanes)));
using Words = std::uint64_t __attribute__((vector_size(kLanes)));

[[gnu::always_inline]] inline Bytes load(const char* at) {
  Bytes bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  return bytes | kFold;
}

template <std::size_t kRow>
[[gnu::always_inline]] inline Bytes row_hits(const Bytes& first, const Bytes& second, const Bytes& third) {
  constexpr auto kLetters = kRows[kRow].gram;
  constexpr auto a = static_cast<std::uint8_t>(kLetters[0]);
  constexpr auto b = static_cast<std::uint8_t>(kLetters[1]);
  constexpr auto c = static_cast<std::uint8_t>(kLetters[2]);
  Bytes hits = ~Bytes{};
  if constexpr (a != '.') hits &= static_cast<Bytes>(first == a);
  if constexpr (b != '.') hits &= static_cast<Bytes>(second == b);
  if constexpr (c != '.') hits &= static_cast<Bytes>(third == c);
  return hits;
}

/// A byte of ones for each of the kLanes positions where some gram stands.
[[gnu::always_inline]] inline Bytes gram_hits(const char* at) {
  const Bytes first = load(at), second = load(at + 1), third = load(at + 2);
  return [&]<std::size_t... kRow>(std::index_sequence<kRow...>) __attribute__((always_inline)) {
    return (row_hits<kRow>(first, second, third) | ...);
  }
  (std::make_index_sequence<kRows.size()>());
}

[[gnu::always_inline]] inline bool any(const Bytes& hits) {
  const Words words = reinterpret_cast<const Words&>(hits);
  return (words[0] | words[1] | words[2] | words[3]) != 0;
}

/// The three bytes of a gram as one number, and which of its bits count.
struct GramBits {
  std::uint32_t value = 0;
  std::uint32_t mask = 0;
};

constexpr std::array<GramBits, kRows.size()> kGrams = [] {
  std::array<GramBits, kRows.size()> grams;
  for (std::size_t row = 0; row < kRows.size(); ++row) {
    for (std::size_t i = 0; i < kGram; ++i) {
      if (kRows[row].gram[i] == '.') continue;
      grams[row].value |= static_cast<std::uint32_t>(kRows[row].gram[i]) << (8 * i);
      grams[row].mask |= 0xFFu << (8 * i);
    }
  }
  return grams;
}();

std::uint32_t folded_gram(std::string_view text, std::size_t at) {
  std::uint32_t gram = 0;
  for (std::size_t i = 0; i < kGram && at + i < text.size(); ++i) {
    gram |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(text[at + i]) | kFold) << (8 * i);
  }
  return gram;
}

bool equals_folded(std::string_view text, std::size_t at, std::string_view word) {
  if (text.size() - at < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (static_cast<char>(text[at + i] | kFold) != word[i]) return false;
  }
  return true;
}

AnchorHit word_at(std::string_view text, std::size_t gram_at, std::size_t from) {
  const std::uint32_t gram = folded_gram(text, gram_at);
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    const Row& row = kRows[i];
    if ((gram & kGrams[i].mask) != kGrams[i].value || gram_at < row.offset) continue;
    const std::size_t begin = gram_at - row.offset;
    const std::size_t end = begin + row.word.size();
    if (row.anchor == Anchor::at_sign && text[begin] != '@') continue;
    if (end > from && equals_folded(text, begin, row.word)) return {begin, end, row.anchor};
  }
  return {};
}

/// The first word whose gram stands at one of these kLanes positions.
AnchorHit first_word(std::string_view text, std::size_t at, const Bytes& hits, std::size_t from) {
  std::array<std::uint8_t, kLanes> marks;
  std::memcpy(marks.data(), &hits, sizeof hits);
  for (auto mark = marks.begin(); (mark = std::find(mark, marks.end(), 0xFF)) != marks.end(); ++mark) {
    const AnchorHit hit = word_at(text, at + static_cast<std::size_t>(mark - marks.begin()), from);
    if (hit.found()) return hit;
  }
  return {};
}

[[gnu::always_inline]] inline AnchorHit find_in(std::string_view text, std::size_t from) {
  constexpr std::size_t kStride = 4 * kLanes;
  std::size_t at = from;
  for (; at + kStride + kGram - 1 <= text.size(); at += kStride) {
    const char* p = text.data() + at;
    if (!any(gram_hits(p) | gram_hits(p + kLanes) | gram_hits(p + 2 * kLanes) | gram_hits(p + 3 * kLanes))) continue;
    for (std::size_t chunk = 0; chunk < kStride; chunk += kLanes) {
      const Bytes hits = gram_hits(p + chunk);
      if (!any(hits)) continue;
      const AnchorHit hit = first_word(text, at + chunk, hits, from);
      if (hit.found()) return hit;
    }
  }
  for (; at < text.size(); at += kLanes) {
    std::array<char, kLanes + kGram - 1> tail{};
    std::memcpy(tail.data(), text.data() + at, std::min(tail.size(), text.size() - at));
    const AnchorHit hit = first_word(text, at, gram_hits(tail.data()), from);
    if (hit.found()) return hit;
  }
  return {};
}

AnchorHit find_plain(std::string_view text, std::size_t from) { return find_in(text, from); }

#if defined(__x86_64__)
/// The same code compiled for registers that are twice as wide.
[[gnu::target("avx2")]] AnchorHit find_wide(std::string_view text, std::size_t from) { return find_in(text, from); }

bool has_wide_registers() { return __builtin_cpu_supports("avx2") != 0; }
#else
AnchorHit find_wide(std::string_view text, std::size_t from) { return find_in(text, from); }

bool has_wide_registers() { return false; }
#endif

}  // namespace

AnchorHit find_anchor(std::string_view text, std::size_t from) {
  static const bool wide = has_wide_registers();
  return wide ? find_wide(text, from) : find_plain(text, from);
}

}  // namespace vmtriage::redaction
