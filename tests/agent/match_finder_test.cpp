#include "agent/deflate/match_finder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/agent/scratch_folder.h"

namespace vmtriage {
namespace {

struct Match {
  std::uint32_t length;
  std::uint32_t distance;
};

/// RFC 1951, 3.2.5, read back.
Match match_of(Token token) {
  const Token slot = second_of(token);
  const std::uint32_t rest_bits = slot < 4 ? 0 : slot / 2 - 1;
  const std::uint32_t first = slot < 4 ? slot + 1 : ((2 + slot % 2) << rest_bits) + 1;
  return {first_of(token) - 256 + kShortestLength, first + distance_rest_of(token)};
}

/// What the tokens of a text say again; nothing when one of them reaches too far.
std::optional<std::string> told(std::string_view text, std::size_t before) {
  MatchFinder finder;
  finder.begin(text, before);
  std::string again(text.substr(0, before));
  for (auto tokens = finder.next(); !tokens.empty(); tokens = finder.next()) {
    EXPECT_LE(tokens.size(), MatchFinder::kMostTokens);
    for (const Token token : tokens) {
      if (first_of(token) < 256) {
        again += static_cast<char>(first_of(token));
        if (second_of(token) != kNothing) again += static_cast<char>(second_of(token) - kSecondByte);
        continue;
      }
      const Match match = match_of(token);
      if (match.distance == 0 || match.distance > std::min<std::size_t>(again.size(), 32'768) || match.length > 258)
        return {};
      for (std::uint32_t i = 0; i < match.length; ++i) again += again[again.size() - match.distance];
    }
    EXPECT_EQ(again.size(), finder.position());
  }
  return again;
}

std::size_t count_tokens(std::string_view text, std::size_t before = 0) {
  MatchFinder finder;
  finder.begin(text, before);
  std::size_t count = 0;
  for (auto tokens = finder.next(); !tokens.empty(); tokens = finder.next()) count += tokens.size();
  return count;
}

TEST(MatchToken, HoldsEveryLengthAndDistance) {
  for (std::uint32_t length = kShortestLength; length <= kLongestLength; ++length)
    EXPECT_EQ(match_of(match_token(length, 4711)).length, length);
  for (std::uint32_t distance = 1; distance <= 32'768; ++distance) {
    const Token token = match_token(kLongestLength, distance);
    ASSERT_EQ(match_of(token).distance, distance);
    ASSERT_LT(second_of(token), kNothing);
  }
}

TEST(MatchFinder, TokensTellTheTextWhateverItIs) {
  std::mt19937 random(11);
  std::vector<std::string> texts = {
      "", "a", "abcdefg", "abcdefgh", "abcdefghabcdefgh", std::string(100'000, 'x'), noise(70'000)};
  for (std::size_t size = 0; size < 700; size += 7) texts.push_back(std::string(size, 'y') + noise(size % 50));
  for (const std::size_t letters : {1u, 2u, 4u, 200u}) {
    for (const std::size_t size : {400u, 5'000u, 150'000u}) {
      std::string text;
      while (text.size() < size) {
        // Something old from any distance, or something new.
        if (!text.empty() && random() % 2 == 0) {
          const std::size_t from = random() % text.size();
          text += std::string(text, from, random() % 400);
        } else {
          for (std::size_t i = random() % 9; i > 0; --i) text += static_cast<char>('a' + random() % letters);
        }
      }
      texts.push_back(std::move(text));
    }
  }
  for (const std::string& text : texts) {
    for (const std::size_t before :
         {std::size_t{0}, text.size() / 3, std::min(text.size(), std::size_t{32'768}), text.size()})
      EXPECT_TRUE(told(text, before) == text) << text.size() << " bytes, " << before << " of them before";
  }
}

TEST(MatchFinder, TheLineBeforeIsFoundAgain) {
  const std::string line =
      "2026-11-16T22:30:09.402118Z INFO ExtHandler ProcessExtensionsGoalState started [incarnation 12]\n";
  const std::string other =
      "2026-11-16T22:30:10.100277Z INFO Daemon Agent is running as the goal state agent, pid 1234\n";
  const std::string text = line + other + line;
  EXPECT_LE(count_tokens(text), count_tokens(line + other) + 3);
  EXPECT_LE(count_tokens(text, text.size() - line.size()), 3u) << "what stands before the block counts";
}

TEST(MatchFinder, ALongMatchTakesFewTokens) { EXPECT_LE(count_tokens(std::string(258 * 100, 'z')), 110u); }

}  // namespace
}  // namespace vmtriage
