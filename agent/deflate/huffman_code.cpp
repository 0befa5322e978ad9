#include "agent/deflate/huffman_code.h"

#include <algorithm>

namespace vmtriage {
namespace {

constexpr unsigned kLongest = HuffmanCode::kLongest;

/// A symbol that occurs, in the lower 9 bits, under its frequency: sorts by frequency.
using Ranked = std::uint32_t;
constexpr unsigned kSymbolBits = 9;

struct Ranking {
  std::array<Ranked, HuffmanCode::kMostSymbols> symbols;
  std::size_t count = 0;
};

/// The symbols that get a code, the rarest first.
Ranking rank(std::span<const std::uint32_t> frequencies) {
  Ranking ranking;
  for (std::size_t symbol = 0; symbol < frequencies.size(); ++symbol) {
    if (frequencies[symbol] != 0)
      ranking.symbols[ranking.count++] = frequencies[symbol] << kSymbolBits | static_cast<Ranked>(symbol);
  }
  for (Ranked symbol = 0; ranking.count < 2; ++symbol) {
    if (frequencies[symbol] == 0) ranking.symbols[ranking.count++] = symbol;
  }
  std::sort(ranking.symbols.begin(), ranking.symbols.begin() + static_cast<std::ptrdiff_t>(ranking.count));
  return ranking;
}

/// How many codes there are of each length. Huffman's tree, of which only depths are kept.
///
/// Leaves and inner nodes are both taken in the order of their weights, so that two queues do without a heap; a parent
/// is made after its children, so that one walk back from the root gives every depth.
std::array<std::uint32_t, kLongest + 1> count_lengths(const Ranking& ranking, unsigned longest) {
  struct Node {
    std::uint32_t weight = 0;
    std::uint16_t parent = 0;
    std::uint16_t depth = 0;
  };
  const std::size_t leaves = ranking.count, nodes = 2 * leaves - 1;
  std::array<Node, 2 * HuffmanCode::kMostSymbols> tree;
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) tree[leaf].weight = ranking.symbols[leaf] >> kSymbolBits;
  std::size_t next_leaf = 0, next_inner = leaves;
  for (std::size_t parent = leaves; parent < nodes; ++parent) {
    for (int child = 0; child < 2; ++child) {
      const bool leaf =
          next_leaf < leaves && (next_inner == parent || tree[next_leaf].weight <= tree[next_inner].weight);
      Node& lightest = tree[leaf ? next_leaf++ : next_inner++];
      tree[parent].weight += lightest.weight;
      lightest.parent = static_cast<std::uint16_t>(parent);
    }
  }
  std::array<std::uint32_t, kLongest + 1> counts{};
  tree[nodes - 1].depth = 0;
  for (std::size_t node = nodes - 1; node-- > 0;) {
    tree[node].depth = static_cast<std::uint16_t>(tree[tree[node].parent].depth + 1);
    if (node < leaves) ++counts[std::min<unsigned>(tree[node].depth, longest)];
  }
  return counts;
}

/// Cut to `longest`, deep codes take more room than there is. A code of that length gives its place up and becomes the
/// sibling of a shorter one, until all have room.
void make_room(std::array<std::uint32_t, kLongest + 1>& counts, unsigned longest) {
  std::uint32_t room = 0;
  for (unsigned length = 1; length <= longest; ++length) room += counts[length] << (longest - length);
  for (; room > 1u << longest; --room) {
    unsigned shorter = longest - 1;
    while (counts[shorter] == 0) --shorter;
    --counts[shorter];
    counts[shorter + 1] += 2;
    --counts[longest];
  }
}

std::uint16_t reversed(std::uint32_t code, unsigned length) {
  std::uint32_t bits = 0;
  for (; length > 0; --length, code >>= 1u) bits = bits << 1u | (code & 1u);
  return static_cast<std::uint16_t>(bits);
}

}  // namespace

HuffmanCode HuffmanCode::of_lengths(std::span<const std::uint8_t> lengths) {
  HuffmanCode code;
  std::copy(lengths.begin(), lengths.end(), code.lengths.begin());
  std::array<std::uint32_t, kLongest + 2> next{};
  for (const std::uint8_t length : lengths) ++next[length + 1u];
  next[1] = 0;  // symbols without a code take no room
  for (unsigned length = 1; length <= kLongest; ++length) next[length] = (next[length] + next[length - 1]) << 1u;
  for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
    if (lengths[symbol] != 0) code.bits[symbol] = reversed(next[lengths[symbol]]++, lengths[symbol]);
  }
  return code;
}

HuffmanCode HuffmanCode::of_frequencies(std::span<const std::uint32_t> frequencies, unsigned longest) {
  const Ranking ranking = rank(frequencies);
  auto counts = count_lengths(ranking, longest);
  make_room(counts, longest);
  std::array<std::uint8_t, kMostSymbols> lengths{};
  std::size_t at = 0;
  for (unsigned length = longest; length > 0; --length) {
    for (; counts[length] > 0; --counts[length])
      lengths[ranking.symbols[at++] & ((1u << kSymbolBits) - 1)] = static_cast<std::uint8_t>(length);
  }
  return of_lengths(std::span(lengths).first(frequencies.size()));
}

}  // namespace vmtriage
