#include "agent/deflate/huffman_code.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <random>
#include <vector>

namespace vmtriage {
namespace {

using Frequencies = std::vector<std::uint32_t>;

/// Bits that a text of these symbols takes.
std::uint64_t cost(const HuffmanCode& code, const Frequencies& frequencies) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < frequencies.size(); ++i) bits += std::uint64_t{frequencies[i]} * code.lengths[i];
  return bits;
}

/// The same of the best code there is, by the book: the two lightest trees are joined until one is left.
std::uint64_t least_cost(const Frequencies& frequencies) {
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> trees;
  for (const std::uint32_t frequency : frequencies) {
    if (frequency != 0) trees.push(frequency);
  }
  std::uint64_t bits = 0;
  while (trees.size() > 1) {
    const std::uint64_t lightest = trees.top();
    trees.pop();
    const std::uint64_t joined = lightest + trees.top();
    trees.pop();
    trees.push(joined);
    bits += joined;
  }
  return bits;
}

/// The least cost with codes of at most `longest` bits: package-merge, which joins pairs `longest` times.
std::uint64_t least_cost(const Frequencies& frequencies, unsigned longest) {
  std::vector<std::uint64_t> leaves;
  for (const std::uint32_t frequency : frequencies) {
    if (frequency != 0) leaves.push_back(frequency);
  }
  std::sort(leaves.begin(), leaves.end());
  std::vector<std::uint64_t> row = leaves;
  for (unsigned level = 1; level < longest; ++level) {
    std::vector<std::uint64_t> next = leaves;
    for (std::size_t i = 0; i + 1 < row.size(); i += 2) next.push_back(row[i] + row[i + 1]);
    std::sort(next.begin(), next.end());
    row = std::move(next);
  }
  return std::accumulate(row.begin(), row.begin() + 2 * static_cast<std::ptrdiff_t>(leaves.size()) - 2,
                         std::uint64_t{0});
}

/// Whether the codes take exactly the room there is, which inflaters demand.
bool is_complete(const HuffmanCode& code) {
  std::uint32_t room = 0;
  for (const std::uint8_t length : code.lengths) room += length == 0 ? 0 : 1u << (15 - length);
  return room == 1u << 15;
}

TEST(HuffmanCode, IsTheOneOfTheRfc) {
  // RFC 1951, 3.2.2: ABCDEFGH with lengths 3 3 3 3 3 2 4 4 is 010 011 100 101 110 00 1110 1111; here the first bit is
  // the lowest.
  const std::vector<std::uint8_t> lengths = {3, 3, 3, 3, 3, 2, 4, 4};
  const HuffmanCode code = HuffmanCode::of_lengths(lengths);
  const std::vector<std::uint16_t> bits = {0b010, 0b110, 0b001, 0b101, 0b011, 0b00, 0b0111, 0b1111};
  EXPECT_TRUE(std::equal(bits.begin(), bits.end(), code.bits.begin()));
}

TEST(HuffmanCode, FewSymbolsGetACodeThatEveryInflaterTakes) {
  for (const Frequencies& frequencies : {Frequencies{0, 0, 0}, Frequencies{7, 0, 0}, Frequencies{0, 0, 7}}) {
    const HuffmanCode code = HuffmanCode::of_frequencies(frequencies, 15);
    EXPECT_TRUE(is_complete(code));
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
      if (frequencies[i] != 0) {
        EXPECT_EQ(code.lengths[i], 1);
      }
    }
  }
}

TEST(HuffmanCode, IsAsShortAsAnyWhereTheLengthDoesNotMatter) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    Frequencies frequencies(2 + random() % 285);
    for (std::uint32_t& frequency : frequencies) frequency = random() % 3 == 0 ? 0 : 20 + random() % 500;
    frequencies[0] = frequencies.back() = 20;
    const HuffmanCode code = HuffmanCode::of_frequencies(frequencies, 15);
    EXPECT_TRUE(is_complete(code));
    EXPECT_EQ(cost(code, frequencies), least_cost(frequencies)) << "round " << round;
  }
}

TEST(HuffmanCode, KeepsToItsLengthAndIsNotMuchLongerThanTheBestThatDoes) {
  // Fibonacci numbers make the deepest tree.
  Frequencies fibonacci = {1, 1};
  while (fibonacci.size() < 24) fibonacci.push_back(fibonacci.back() + fibonacci[fibonacci.size() - 2]);
  for (const unsigned longest : {7u, 15u}) {
    Frequencies frequencies = fibonacci;
    frequencies.resize(longest == 7 ? 19 : 24);
    const HuffmanCode code = HuffmanCode::of_frequencies(frequencies, longest);
    EXPECT_TRUE(is_complete(code));
    EXPECT_EQ(*std::max_element(code.lengths.begin(), code.lengths.end()), longest);
    EXPECT_GE(cost(code, frequencies), least_cost(frequencies, longest));
    EXPECT_LE(static_cast<double>(cost(code, frequencies)),
              1.15 * static_cast<double>(least_cost(frequencies, longest)));
  }
}

}  // namespace
}  // namespace vmtriage
