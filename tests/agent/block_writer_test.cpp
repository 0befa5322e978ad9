#include "agent/deflate/block_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/agent/inflate.h"
#include "tests/agent/scratch_folder.h"

namespace vmtriage {
namespace {

std::vector<Token> literals(std::string_view text) {
  std::vector<Token> tokens;
  for (const char byte : text) tokens.push_back(literal_token(byte));
  return tokens;
}

TEST(BlockWriter, StoresWhatDoesNotShrinkInPiecesOf65535) {
  for (const std::size_t size : {0u, 1u, 65'534u, 65'535u, 65'536u, 131'070u, 131'071u, 200'000u}) {
    const std::string text = noise(size);
    for (const std::string before : {"", "a"}) {  // the second begins inside a byte
      std::string out;
      BlockWriter writer(out);
      if (!before.empty()) writer.write(literals(before), before, false);
      writer.write(literals(text), text, true);
      EXPECT_TRUE(inflated(out, before.size() + size) == before + text) << size;
      EXPECT_LE(out.size(), size + 5 * (size / 65'535 + 2));
    }
  }
}

TEST(BlockWriter, WritesCodesOfEveryDepth) {
  // Counts like Fibonacci's numbers ask for a code of as many bits as there are letters; deflate has 15.
  std::string text;
  for (std::size_t letter = 0, count = 1, next = 1; letter < 22; ++letter) {
    text.append(count, static_cast<char>('a' + letter));
    const std::size_t sum = count + next;
    count = next;
    next = sum;
    std::string out;
    BlockWriter(out).write(literals(text), text, true);
    EXPECT_TRUE(inflated(out, text.size()) == text) << letter + 1 << " letters";
  }
}

TEST(BlockWriter, WritesEveryLengthAndTheEdgesOfEveryDistance) {
  const std::string start = noise(32'768);
  std::string text = start;
  std::vector<Token> tokens = literals(start);
  const auto again = [&](std::uint32_t length, std::uint32_t distance) {
    tokens.push_back(match_token(length, distance));
    for (std::uint32_t i = 0; i < length; ++i) text += text[text.size() - distance];
  };
  for (std::uint32_t length = kShortestLength; length <= kLongestLength; ++length) again(length, 1 + 100 * length);
  for (std::uint32_t power = 1; power <= 32'768; power *= 2) {
    for (const std::uint32_t distance : {power - power / 4, power, power + 1}) {
      if (distance >= 1 && distance <= 32'768) again(kShortestLength, distance);
    }
  }
  std::string out;
  BlockWriter(out).write(tokens, text, true);
  EXPECT_TRUE(inflated(out, text.size()) == text);
}

TEST(BlockWriter, AFlushEndsWithAByteAndTheStreamGoesOn) {
  std::string out;
  BlockWriter first(out);
  first.write(literals("abc"), "abc", false);
  first.flush();
  EXPECT_TRUE(out.ends_with(std::string_view("\0\0\xff\xff", 4)));
  BlockWriter second(out);
  second.write(literals("def"), "def", true);
  EXPECT_EQ(inflated(out, 6), "abcdef");
}

}  // namespace
}  // namespace vmtriage
