#include "analyzers/matcher/pattern.h"

#include <re2/re2.h>

#include <algorithm>

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
  std::uint8_t first, second;

  bool stand_at(const char* text) const { return fold(text[0]) == first && fold(text[1]) == second; }
  /// Whether they stand at one of kRun places: without a branch, the form that compilers turn into vector instructions.
  bool stand_in_run(const char* text) const {
    std::uint8_t found = 0;
    for (std::size_t i = 0; i < kRun; ++i)
      found = static_cast<std::uint8_t>(found | ((fold(text[i]) == first ? 1 : 0) & (fold(text[i + 1]) == second ? 1 : 0)));
    return found != 0;
  }

  static constexpr std::size_t kRun = 32;
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
  const auto stands_between = [&](std::size_t from, std::size_t to) {
    for (std::size_t at = from; at < to; ++at) {
      if (two.stand_at(line.data() + at + rarest) && equals_folded(line.data() + at, text)) return true;
    }
    return false;
  };
  const std::size_t places = line.size() - text.size() + 1;
  if (places < Two::kRun) return stands_between(0, places);
  for (std::size_t at = 0; at < places; at += Two::kRun) {
    // The last run has some places for the second time.
    const std::size_t run = std::min(at, places - Two::kRun);
    if (two.stand_in_run(line.data() + run + rarest) && stands_between(run, run + Two::kRun)) return true;
  }
  return false;
}

}  // namespace vmtriage
