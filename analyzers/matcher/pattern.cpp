#include "analyzers/matcher/pattern.h"

#include <re2/re2.h>

#include <algorithm>
#include <bit>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

#include "analyzers/matcher/folded_text.h"
#include "analyzers/matcher/pattern_options.h"
#include "analyzers/matcher/pattern_table.h"
#include "analyzers/matcher/rarity.h"

namespace vmtriage {
namespace {

/// Where the rarest two bytes of a literal stand.
std::size_t rarest_two(std::string_view literal) {
  std::size_t best = 0;
  const auto rarity_at = [&](std::size_t at) { return byte_rarity(literal[at]) + byte_rarity(literal[at + 1]); };
  for (std::size_t at = 1; at + 1 < literal.size(); ++at) {
    if (rarity_at(at) > rarity_at(best)) best = at;
  }
  return best;
}

/// Sets bit 5: folds ASCII case, and a few more characters.
std::uint8_t fold(char c) { return static_cast<std::uint8_t>(c | 0x20); }

/// Two bytes side by side, folded.
struct Two {
  static constexpr std::size_t kRun = 32;

  std::uint8_t first, second;

  /// At which of the next kRun places they stand, the first in the lowest bit; reads one byte more.
  std::uint32_t places(const char* text) const {
#if defined(__SSE2__) || defined(_M_X64)
    const auto equal = [](const char* at, std::uint8_t byte) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      return _mm_cmpeq_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), _mm_set1_epi8(static_cast<char>(byte)));
    };
    const auto half = [&](const char* at) {
      return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_and_si128(equal(at, first), equal(at + 1, second))));
    };
    return half(text) | half(text + kRun / 2) << (kRun / 2);
#else
    std::uint32_t places = 0;
    for (std::size_t i = 0; i < kRun; ++i)
      places |= (fold(text[i]) == first && fold(text[i + 1]) == second ? 1u : 0u) << i;
    return places;
#endif
  }
};

const PatternRow* find_row(std::string_view pattern) {
  const auto table = pattern_table();
  const std::uint64_t key = pattern_key(pattern);
  const auto row = std::lower_bound(table.begin(), table.end(), key, [](const PatternRow& r, std::uint64_t k) { return r.key < k; });
  return row != table.end() && row->key == key ? &*row : nullptr;
}

}  // namespace

Pattern::~Pattern() = default;

Pattern::Pattern(std::string text, Literals literals) : text_(std::move(text)), anchors_(std::move(literals.anchors)) {
  for (LiteralGroup& group : literals.others) {
    others_.emplace_back();
    for (std::string& literal : group) {
      const std::size_t rarest = rarest_two(literal);
      others_.back().push_back({std::move(literal), rarest});
    }
  }
}

Result<std::unique_ptr<Pattern>> Pattern::compile(const std::string& text) {
  if (const PatternRow* row = find_row(text)) return std::unique_ptr<Pattern>(new Pattern(text, read_literals(row->literals)));
  auto literals = find_literals(text);
  if (!literals) return literals.error();
  return std::unique_ptr<Pattern>(new Pattern(text, std::move(*literals)));
}

const re2::RE2& Pattern::regex() const {
  std::call_once(once_, [this] {
    regex_ = std::make_unique<re2::RE2>(text_, pattern_options());
  });
  return *regex_;
}

bool Pattern::may_match(std::string_view line) const {
  return std::all_of(others_.begin(), others_.end(), [&](const std::vector<Other>& group) {
    return std::any_of(group.begin(), group.end(), [&](const Other& other) { return other.stands_in(line); });
  });
}

bool Pattern::Other::stands_in(std::string_view line) const {
  if (line.size() < text.size()) return false;
  const Two two{fold(text[rarest]), fold(text[rarest + 1])};
  const std::size_t places = line.size() - text.size() + 1;
  const auto stands_at = [&](std::size_t at) { return equals_folded(line.data() + at, text); };
  if (places < Two::kRun) {
    for (std::size_t at = 0; at < places; ++at) {
      if (fold(line[at + rarest]) == two.first && stands_at(at)) return true;
    }
    return false;
  }
  for (std::size_t next = 0; next < places; next += Two::kRun) {
    // The last run has some places for the second time.
    const std::size_t at = std::min(next, places - Two::kRun);
    for (std::uint32_t found = two.places(line.data() + at + rarest); found != 0; found &= found - 1) {
      if (stands_at(at + static_cast<std::size_t>(std::countr_zero(found)))) return true;
    }
  }
  return false;
}

}  // namespace vmtriage
