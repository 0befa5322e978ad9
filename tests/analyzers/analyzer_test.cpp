#include "analyzers/analyzer.h"

#include <gtest/gtest.h>

#include <array>

namespace vmtriage {
namespace {

using Seen = std::vector<std::pair<std::uint64_t, std::string>>;

Seen lines_with_key(std::string_view text, std::uint64_t first_line) {
  const GramFinder finder(std::array{Gram{"key", 0}});
  Seen seen;
  each_line_with(finder, {text, false}, first_line, [&](const Line& line) { seen.emplace_back(line.number, line.text); });
  return seen;
}

TEST(EachLineWith, GivesTheLinesThatHoldAGramWithTheirNumbers) {
  EXPECT_EQ(lines_with_key("one\nkey two\nthree\nfour key key\n", 10), (Seen{{11, "key two"}, {13, "four key key"}}));
}

TEST(EachLineWith, TheLastLineNeedsNoLineEndAndCarriageReturnsAreTakenOff) {
  EXPECT_EQ(lines_with_key("key\r\nno\r\nlast KEY", 1), (Seen{{1, "key"}, {3, "last KEY"}}));
}

TEST(EachLineWith, ATextWithoutAnyGivesNone) { EXPECT_TRUE(lines_with_key("\n\nno\n", 1).empty()); }

TEST(EachLineWith, ACutLineIsMarked) {
  const GramFinder finder(std::array{Gram{"key", 0}});
  std::vector<bool> cut;
  each_line_with(finder, {"key\nkey goes on", true}, 1, [&](const Line& line) { cut.push_back(line.cut); });
  EXPECT_EQ(cut, (std::vector<bool>{false, true}));
}

}  // namespace
}  // namespace vmtriage
