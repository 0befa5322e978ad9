#include "analyzers/matcher/literals.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <numeric>

#include "agent/base/text.h"
#include "analyzers/matcher/pattern_options.h"
#include "analyzers/matcher/rarity.h"

namespace vmtriage {
namespace {

constexpr std::size_t kMaxOthers = 3;
/// A line is searched for each literal of a group in turn: for more of them, RE2 is as fast.
constexpr std::size_t kMaxOtherLiterals = 6;
constexpr char kBetweenLiterals = '\x1f', kBetweenGroups = '\x1e';

/// Whether a character of a literal is the same bytes in every text that matches. RE2 gives literals in lower case, and only
/// ASCII is compared without regard to case: of the others, those of East Asia are kept, which have no case.
bool stays_the_same(std::string_view character) {
  if (character.size() == 1) return true;
  if (character.size() != 3) return false;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(character[i])); };
  const unsigned code = (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
  return (code >= 0x2e80 && code < 0xa4d0) || (code >= 0xac00 && code < 0xd7b0);
}

/// The rarest part of a literal, of at least `min_bytes`, that can be looked for byte by byte; empty when there is none.
/// `also_cut_at` are ASCII letters that stand for characters with other bytes.
std::string comparable_part(std::string_view literal, std::string_view also_cut_at, std::size_t min_bytes) {
  std::string_view best;
  for (std::size_t begin = 0, end = 0; begin < literal.size(); begin = end) {
    for (std::size_t size = 1; end < literal.size(); end += size) {
      const auto first = static_cast<unsigned char>(literal[end]);
      size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
      if (stays_the_same(literal.substr(end, size)) && also_cut_at.find(literal[end]) == std::string_view::npos) continue;
      break;
    }
    const std::string_view part = literal.substr(begin, end - begin);
    if (part.size() >= min_bytes && (best.empty() || rarity(part) > rarity(best))) best = part;
    if (end < literal.size()) ++end;
    while (end < literal.size() && (static_cast<unsigned char>(literal[end]) & 0xc0) == 0x80) ++end;
  }
  return std::string(best);
}

/// The ASCII letters that RE2 may have made of characters of the pattern that are none: dotted I, Kelvin sign, long s.
std::string_view letters_of_others(std::string_view pattern) {
  constexpr std::string_view kOthers[] = {"\u0130", "\u212a", "\u017f"};
  const auto stands_in_it = [&](std::string_view other) { return pattern.find(other) != std::string_view::npos; };
  return std::any_of(std::begin(kOthers), std::end(kOthers), stands_in_it) ? "iks" : "";
}

/// Asks RE2 which literals of one pattern are necessary.
class Analysis {
 public:
  Analysis(re2::FilteredRE2& filter, std::string_view pattern) : filter_(filter), cut_at_(letters_of_others(pattern)) {
    filter_.Compile(&atoms_);
    used_.assign(atoms_.size(), false);
  }

  /// A smallest group of rare literals of which every match holds one, and which no group before it has; empty when there is none.
  LiteralGroup take_group(std::size_t min_bytes) {
    std::vector<std::string> literals;
    std::vector<bool> chosen;
    for (std::size_t i = 0; i < atoms_.size(); ++i) {
      literals.push_back(comparable_part(atoms_[i], cut_at_, min_bytes));
      chosen.push_back(!used_[i] && !literals.back().empty());
    }
    if (atoms_.empty() || !is_necessary(chosen)) return {};
    for (const std::size_t commonest : from_the_commonest(literals)) {
      if (!chosen[commonest]) continue;
      chosen[commonest] = false;
      if (!is_necessary(chosen)) chosen[commonest] = true;
    }
    LiteralGroup group;
    for (std::size_t i = 0; i < literals.size(); ++i) {
      if (!chosen[i]) continue;
      used_[i] = true;
      if (std::find(group.begin(), group.end(), literals[i]) == group.end()) group.push_back(literals[i]);
    }
    return group;
  }

 private:
  /// Whether no text without the chosen atoms can match, were it to hold all the others.
  bool is_necessary(const std::vector<bool>& chosen) const {
    std::vector<int> others, potential;
    for (std::size_t i = 0; i < atoms_.size(); ++i) {
      if (!chosen[i]) others.push_back(static_cast<int>(i));
    }
    filter_.AllPotentials(others, &potential);
    return potential.empty();
  }

  static std::vector<std::size_t> from_the_commonest(const std::vector<std::string>& literals) {
    std::vector<std::size_t> order(literals.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rarity(literals[a]) < rarity(literals[b]); });
    return order;
  }

  re2::FilteredRE2& filter_;
  std::string_view cut_at_;
  std::vector<std::string> atoms_;
  std::vector<bool> used_;
};

/// Whether a text that holds an anchor holds one of the group anyway.
bool is_implied(const LiteralGroup& group, const LiteralGroup& anchors) {
  return std::all_of(anchors.begin(), anchors.end(), [&](const std::string& anchor) {
    return std::any_of(group.begin(), group.end(), [&](const std::string& literal) { return anchor.find(literal) != std::string::npos; });
  });
}

}  // namespace

Result<Literals> find_literals(const std::string& pattern) {
  re2::FilteredRE2 filter(static_cast<int>(kMinOtherBytes));
  int id = 0;
  if (filter.Add(pattern, pattern_options(), &id) != re2::RE2::NoError) {
    return Error{ErrorCode::corrupt, pattern + ": " + re2::RE2(pattern, pattern_options()).error()};
  }
  Analysis analysis(filter, pattern);
  Literals literals;
  literals.anchors = analysis.take_group(kMinAnchorBytes);
  while (literals.others.size() < kMaxOthers) {
    LiteralGroup group = analysis.take_group(kMinOtherBytes);
    if (group.empty()) break;
    const bool implied = !literals.anchors.empty() && is_implied(group, literals.anchors);
    if (!implied && group.size() <= kMaxOtherLiterals) literals.others.push_back(std::move(group));
  }
  return literals;
}

/// FNV-1a of 64 bits: of a few thousand patterns no two have the same, which the table's writer checks.
std::uint64_t pattern_key(std::string_view pattern) {
  std::uint64_t key = 0xcbf29ce484222325u;
  for (const char c : pattern) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return key;
}

std::string write_literals(const Literals& literals) {
  std::string written;
  const auto append = [&](const LiteralGroup& group) {
    for (const std::string& literal : group) written += (&literal == &group.front() ? "" : std::string(1, kBetweenLiterals)) + literal;
  };
  append(literals.anchors);
  for (const LiteralGroup& group : literals.others) {
    written += kBetweenGroups;
    append(group);
  }
  return written;
}

Literals read_literals(std::string_view written) {
  Literals literals;
  bool first = true;
  for (const std::string_view part : split(written, kBetweenGroups)) {
    LiteralGroup group;
    for (const std::string_view literal : split(part, kBetweenLiterals)) {
      if (!literal.empty()) group.emplace_back(literal);
    }
    first ? void(literals.anchors = std::move(group)) : literals.others.push_back(std::move(group));
    first = false;
  }
  return literals;
}

}  // namespace vmtriage
