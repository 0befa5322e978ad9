#include "agent/deflate/code_lengths.h"

#include <algorithm>

namespace vmtriage {
namespace {

constexpr unsigned kLongestCode = 7;
constexpr std::size_t kLeastLiterals = 257, kLeastDistances = 1, kLeastOwnLengths = 4;
/// Seldom used lengths stand last, so that they can be left out.
constexpr std::array<std::uint8_t, 19> kOrder = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

std::size_t used_symbols(const HuffmanCode& code, std::size_t symbols, std::size_t least) {
  while (symbols > least && code.lengths[symbols - 1] == 0) --symbols;
  return symbols;
}

}  // namespace

CodeLengths::CodeLengths(const HuffmanCode& literals, const HuffmanCode& distances)
    : literal_symbols_(used_symbols(literals, kLiteralSymbols, kLeastLiterals)),
      distance_symbols_(used_symbols(distances, kDistanceSymbols, kLeastDistances)) {
  std::array<std::uint8_t, kLiteralSymbols + kDistanceSymbols> lengths;
  auto end = std::copy_n(literals.lengths.begin(), literal_symbols_, lengths.begin());
  end = std::copy_n(distances.lengths.begin(), distance_symbols_, end);
  for (auto at = lengths.begin(); at != end;) {
    const auto run_end = std::find_if(at, end, [&](std::uint8_t length) { return length != *at; });
    add_run(*at, static_cast<std::size_t>(run_end - at));
    at = run_end;
  }
  std::array<std::uint32_t, kSymbols> counts{};
  for (const Item& item : items_) ++counts[item.symbol];
  code_ = HuffmanCode::of_frequencies(counts, kLongestCode);
  while (own_lengths_ > kLeastOwnLengths && code_.lengths[kOrder[own_lengths_ - 1]] == 0) --own_lengths_;
}

void CodeLengths::add_run(std::uint8_t length, std::size_t run) {
  constexpr std::uint8_t kAgain = 16, kZeros = 17, kManyZeros = 18;
  const auto add = [&](std::uint8_t symbol, std::uint8_t rest_bits, std::size_t shortest, std::size_t longest) {
    const std::size_t taken = std::min(run, longest);
    items_.push_back({symbol, rest_bits, static_cast<std::uint8_t>(taken - shortest)});
    run -= taken;
  };
  if (length == 0) {
    while (run >= 11) add(kManyZeros, 7, 11, 138);
    if (run >= 3) add(kZeros, 3, 3, 10);
  } else if (run >= 4) {
    add(length, 0, 1, 1);
    while (run >= 3) add(kAgain, 2, 3, 6);
  }
  while (run > 0) add(length, 0, 1, 1);
}

std::uint64_t CodeLengths::bits() const {
  std::uint64_t bits = 5 + 5 + 4 + 3 * own_lengths_;
  for (const Item& item : items_) bits += code_.lengths[item.symbol] + item.rest_bits;
  return bits;
}

void CodeLengths::write(Bits& out) const {
  out.put(literal_symbols_ - kLeastLiterals, 5);
  out.put(distance_symbols_ - kLeastDistances, 5);
  out.put(own_lengths_ - kLeastOwnLengths, 4);
  for (std::size_t i = 0; i < own_lengths_; ++i) {
    out.put(code_.lengths[kOrder[i]], 3);
    out.settle();
  }
  for (const Item& item : items_) {
    out.put(code_.bits[item.symbol], code_.lengths[item.symbol]);
    out.put(item.rest, item.rest_bits);
    out.settle();
  }
}

}  // namespace vmtriage
