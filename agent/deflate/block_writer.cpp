#include "agent/deflate/block_writer.h"

#include <algorithm>
#include <array>
#include <bit>

#include "agent/deflate/code_lengths.h"
#include "agent/deflate/huffman_code.h"

namespace vmtriage {
namespace {

constexpr unsigned kStored = 0, kFixed = 1, kDynamic = 2;
constexpr std::uint64_t kKindBits = 3;  // with the one that says "last"
constexpr std::size_t kEndOfBlock = 256;
constexpr std::size_t kMostStoredBytes = 65'535, kStoredHeadBytes = 5;

/// How a length is written: a symbol, and the rest (RFC 1951, 3.2.5, calls it extra bits), which says which of its
/// lengths.
struct LengthSlot {
  std::uint16_t symbol = 0;
  std::uint8_t rest_bits = 0;
  std::uint8_t rest = 0;
};

constexpr std::size_t kLengths = kLongestLength - kShortestLength + 1;

/// By length - 3. Eight symbols stand for one length each, then four for every power of two; 258 has its own.
constexpr auto kLengthSlots = [] {
  std::array<LengthSlot, kLengths> slots{};
  for (unsigned at = 0; at < slots.size(); ++at) {
    const unsigned bits = at < 8 ? 0 : static_cast<unsigned>(std::bit_width(at)) - 3;
    slots[at] = {static_cast<std::uint16_t>(257 + 4 * bits + (at >> bits)), static_cast<std::uint8_t>(bits),
                 static_cast<std::uint8_t>(at & ((1u << bits) - 1))};
  }
  slots.back() = {285, 0, 0};
  return slots;
}();

constexpr unsigned distance_rest_bits(std::size_t slot) { return slot < 4 ? 0 : static_cast<unsigned>(slot) / 2 - 1; }

struct Counts {
  std::array<std::uint32_t, kLiteralSymbols> literals{};
  std::array<std::uint32_t, kDistanceSymbols> distances{};
  std::uint64_t rest_bits = 0;
};

Counts count(std::span<const Token> tokens) {
  // Four sets: a counter that was just written is slow to read again, and most tokens have no distance.
  struct Set {
    std::array<std::uint32_t, kFirstSymbols> first{};
    std::array<std::uint32_t, kSecondSymbols> second{};
  };
  std::array<Set, 4> sets;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Set& set = sets[i % sets.size()];
    ++set.first[first_of(tokens[i])];
    ++set.second[second_of(tokens[i])];
  }
  Counts counts;
  for (const Set& set : sets) {
    for (std::size_t byte = 0; byte < kEndOfBlock; ++byte)
      counts.literals[byte] += set.first[byte] + set.second[kSecondByte + byte];
    for (std::size_t i = 0; i < kLengths; ++i) {
      const std::uint32_t matches = set.first[256 + i];
      counts.literals[kLengthSlots[i].symbol] += matches;
      counts.rest_bits += std::uint64_t{kLengthSlots[i].rest_bits} * matches;
    }
    for (std::size_t slot = 0; slot < kDistanceSymbols; ++slot) {
      counts.distances[slot] += set.second[slot];
      counts.rest_bits += std::uint64_t{distance_rest_bits(slot)} * set.second[slot];
    }
  }
  counts.literals[kEndOfBlock] = 1;
  return counts;
}

/// What a token's first or second part is written as. The rest of a distance is put in behind `code_bits`; `all_bits`
/// counts it already.
struct Word {
  std::uint32_t bits = 0;
  std::uint8_t code_bits = 0;
  std::uint8_t all_bits = 0;
};

}  // namespace

struct BlockWriter::Codes {
  HuffmanCode literals;
  HuffmanCode distances;

  static Codes of(const Counts& counts) {
    return {HuffmanCode::of_frequencies(counts.literals, HuffmanCode::kLongest),
            HuffmanCode::of_frequencies(counts.distances, HuffmanCode::kLongest)};
  }
  /// What every inflater knows (RFC 1951, 3.2.6).
  static const Codes& fixed() {
    static const Codes codes = [] {
      std::array<std::uint8_t, 288> lengths;
      std::fill_n(lengths.begin(), 144, std::uint8_t{8});
      std::fill_n(lengths.begin() + 144, 112, std::uint8_t{9});
      std::fill_n(lengths.begin() + 256, 24, std::uint8_t{7});
      std::fill_n(lengths.begin() + 280, 8, std::uint8_t{8});
      std::array<std::uint8_t, kDistanceSymbols> distances;
      distances.fill(5);
      return Codes{HuffmanCode::of_lengths(lengths), HuffmanCode::of_lengths(distances)};
    }();
    return codes;
  }

  std::uint64_t bits(const Counts& counts) const {
    std::uint64_t bits = counts.rest_bits;
    for (std::size_t i = 0; i < kLiteralSymbols; ++i) bits += std::uint64_t{counts.literals[i]} * literals.lengths[i];
    for (std::size_t i = 0; i < kDistanceSymbols; ++i)
      bits += std::uint64_t{counts.distances[i]} * distances.lengths[i];
    return bits;
  }
};

void BlockWriter::write(std::span<const Token> tokens, std::string_view text, bool last) {
  const Counts counts = count(tokens);
  const Codes codes = Codes::of(counts);
  const CodeLengths lengths(codes.literals, codes.distances);
  const std::uint64_t dynamic_bits = lengths.bits() + codes.bits(counts);
  const std::uint64_t fixed_bits = Codes::fixed().bits(counts);
  const std::uint64_t stored_bits = 8 * (text.size() + kStoredHeadBytes * (text.size() / kMostStoredBytes + 1));
  if (stored_bits <= std::min(dynamic_bits, fixed_bits)) return write_stored(text, last);

  begin(kKindBits + std::min(dynamic_bits, fixed_bits));
  const bool dynamic = dynamic_bits < fixed_bits;
  bits_.put((dynamic ? kDynamic : kFixed) << 1u | (last ? 1u : 0u), kKindBits);
  if (dynamic) lengths.write(bits_);
  write_coded(dynamic ? codes : Codes::fixed(), tokens);
  if (last) bits_.pad();
  end();
}

void BlockWriter::write_coded(const Codes& codes, std::span<const Token> tokens) {
  std::array<Word, kFirstSymbols> firsts;
  std::array<Word, kSecondSymbols> seconds{};  // kNothing takes no bits
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const std::uint8_t length = codes.literals.lengths[byte];
    firsts[byte] = seconds[kSecondByte + byte] = {codes.literals.bits[byte], length, length};
  }
  for (std::size_t i = 0; i < kLengths; ++i) {
    const LengthSlot slot = kLengthSlots[i];
    const std::uint8_t length = codes.literals.lengths[slot.symbol];
    firsts[256 + i] = {codes.literals.bits[slot.symbol] | std::uint32_t{slot.rest} << length, length,
                       static_cast<std::uint8_t>(length + slot.rest_bits)};
  }
  for (std::size_t slot = 0; slot < kDistanceSymbols; ++slot) {
    const std::uint8_t length = codes.distances.lengths[slot];
    seconds[slot] = {codes.distances.bits[slot], length, static_cast<std::uint8_t>(length + distance_rest_bits(slot))};
  }
  Bits bits = bits_;
  for (const Token token : tokens) {
    const Word first = firsts[first_of(token)], second = seconds[second_of(token)];
    bits.put(first.bits, first.all_bits);
    bits.put(second.bits | std::uint64_t{distance_rest_of(token)} << second.code_bits, second.all_bits);
    bits.settle();
  }
  bits.put(codes.literals.bits[kEndOfBlock], codes.literals.lengths[kEndOfBlock]);
  bits.settle();
  bits_ = bits;
}

void BlockWriter::write_stored(std::string_view text, bool last) {
  do {
    const std::string_view piece = text.substr(0, kMostStoredBytes);
    text.remove_prefix(piece.size());
    begin(kKindBits + 8 * (kStoredHeadBytes + piece.size()));
    bits_.put(kStored << 1u | (last && text.empty() ? 1u : 0u), kKindBits);
    bits_.pad();
    bits_.put(piece.size() | (~piece.size() & 0xffffu) << 16u, 32);
    bits_.settle();
    bits_.at += piece.copy(bits_.at, piece.size());
    end();
  } while (!text.empty());
}

void BlockWriter::flush() { write_stored({}, false); }

/// Room for so many bits, and for a word that is written behind them.
void BlockWriter::begin(std::uint64_t most_bits) {
  const std::size_t used = out_.size();
  out_.resize(used + most_bits / 8 + 2 * sizeof bits_.waiting);
  bits_.at = out_.data() + used;
}

void BlockWriter::end() { out_.resize(static_cast<std::size_t>(bits_.at - out_.data())); }

}  // namespace vmtriage
