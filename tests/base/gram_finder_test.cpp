#include "agent/base/gram_finder.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace vmtriage {
namespace {

const std::vector<Gram> kGrams = {{"key", 0}, {"sig", 1}, {"eyj", 1}, {"@..", 2}, {"r.z", 3}, {"12-", 7}};

std::vector<std::size_t> all_places(const GramFinder& finder, std::string_view text) {
  std::vector<std::size_t> places;
  for (std::size_t at = 0; (at = finder.find(text, at)) != std::string_view::npos; ++at) places.push_back(at);
  return places;
}

TEST(GramFinder, FindsLettersInAnyCase) {
  const GramFinder finder(kGrams);
  EXPECT_EQ(all_places(finder, "a key, a KEY, a Key"), (std::vector<std::size_t>{2, 9, 16}));
}

TEST(GramFinder, ADotIsAnyByteAndMayStandBehindTheText) {
  const GramFinder finder(kGrams);
  EXPECT_EQ(all_places(finder, "autho-r?z and someone@"), (std::vector<std::size_t>{6, 21}));
}

TEST(GramFinder, DigitsAndSignsHaveNoCase) {
  // 0x11 and 0x0d are '1' and '-' without the bit that tells cases apart.
  EXPECT_TRUE(all_places(GramFinder(kGrams), "\x11\x12\x0d").empty());
  EXPECT_EQ(all_places(GramFinder(kGrams), "12-"), (std::vector<std::size_t>{0}));
}

TEST(GramFinder, GramsOfOneBucketMayBeMixed) {
  // The letters of "sig" and "eyj" at the same place of each.
  EXPECT_EQ(all_places(GramFinder(kGrams), "eig"), (std::vector<std::size_t>{0}));
  EXPECT_TRUE(all_places(GramFinder(kGrams), "kig").empty());
}

TEST(GramFinder, TextsTooShortForAGramHoldNone) {
  for (std::string_view text : {"", "k", "ke"}) EXPECT_TRUE(all_places(GramFinder(kGrams), text).empty()) << text;
}

TEST(GramFinder, WideAndBytewiseSearchAgreeAtEveryLengthAndStart) {
  std::mt19937 random(20240601);
  constexpr std::string_view kLetters = "keysigEYJ@r.z12-\n\xff abcdef";
  const GramFinder finder(kGrams);
  for (std::size_t length = 0; length < 300; ++length) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += kLetters[random() % kLetters.size()];
    for (std::size_t from = 0; from <= length; from += 1 + random() % 7) {
      ASSERT_EQ(finder.find(text, from), finder.find_bytewise(text, from)) << "from " << from << " in " << text;
    }
  }
}

}  // namespace
}  // namespace vmtriage
