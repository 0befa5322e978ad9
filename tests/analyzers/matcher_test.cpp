#include "analyzers/matcher/matcher.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <random>
#include <set>

namespace vmtriage {
namespace {

using Hits = std::set<std::pair<std::size_t, std::size_t>>;  // pattern, start of the line

Hits found_by_matcher(const Matcher& matcher, std::string_view text) {
  std::vector<Candidate> candidates;
  matcher.find(text, candidates);
  Hits hits;
  for (const Candidate& c : candidates) {
    const std::string_view line = text.substr(c.line_begin, c.line_end - c.line_begin);
    if (re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), matcher.pattern(c.pattern))) hits.emplace(c.pattern, c.line_begin);
  }
  return hits;
}

/// Every pattern on every line: what the matcher must agree with.
Hits found_by_brute_force(const Matcher& matcher, std::string_view text) {
  Hits hits;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    for (std::size_t i = 0; i < matcher.size(); ++i) {
      if (re2::RE2::PartialMatch(re2::StringPiece(text.data() + begin, end - begin), matcher.pattern(i))) hits.emplace(i, begin);
    }
    begin = end + 1;
  }
  return hits;
}

const std::vector<std::string> kPatterns = {
    R"(Failed to FIFREEZE: (?P<component>/\S*))", R"((?i)0x800423f4)", "python version unknown",
    R"((alpha-one|bravo-two|charlie) happened)",  R"(abc)",  // too short for an anchor
    R"(No space left on device)",                 R"(exit code: [1-9])",
    R"((bravo-two|happened here).*(space|exit code) ?: \d)",  // with other literals
    R"((?i)PYTHON version.*(left on|\bkernel\b))"};

TEST(Matcher, AgreesWithEveryPatternOnEveryLineOfRandomText) {
  const auto matcher = Matcher::compile(kPatterns);
  ASSERT_TRUE(matcher);
  std::mt19937 random(20240501);
  const std::vector<std::string> words = {"Failed to FIFREEZE: /data", "failed to fifreeze: /x", "0X800423F4", "python version unknown",
                                          "alpha-one happened", "bravo-two", "charlie happened", "abc", "no", "space",
                                          "No space left on device", "exit code: 0", "exit code: 7", "x", "\t", "日本",
                                          "happened here", "space : 8", "Space: 1", "Python Version", "KERNEL", "left on"};
  for (int round = 0; round < 300; ++round) {
    std::string text;
    const std::size_t lines = random() % 40;
    for (std::size_t i = 0; i < lines; ++i) {
      text.append(random() % 7, ' ');
      for (std::size_t w = random() % 5; w > 0; --w) text += words[random() % words.size()] + std::string(random() % 3, '.');
      if (i + 1 < lines || random() % 2) text += '\n';
    }
    ASSERT_EQ(found_by_matcher(*matcher, text), found_by_brute_force(*matcher, text)) << text;
  }
}

TEST(Matcher, FindsAnAnchorAtEveryOffsetOfABlock) {
  const auto matcher = Matcher::compile(std::vector<std::string>{"fsfreeze hung", "vss-wr7"});
  ASSERT_TRUE(matcher);
  for (std::size_t offset = 0; offset < 80; ++offset) {
    for (const char* needle : {"FSFREEZE hung", "fsfreeze hung", "vss-wr7"}) {
      for (const std::size_t tail : {0u, 1u, 50u}) {
        const std::string text = std::string(offset, '-') + needle + std::string(tail, '-');
        EXPECT_EQ(found_by_matcher(*matcher, text), found_by_brute_force(*matcher, text)) << offset << " " << needle << " " << tail;
        std::vector<Candidate> candidates;
        matcher->find(text, candidates);
        EXPECT_EQ(candidates.size(), 1u) << offset << needle;
      }
    }
  }
}

TEST(Matcher, NamesALineOncePerPatternHoweverOftenItHits) {
  const auto matcher = Matcher::compile(std::vector<std::string>{"No space left on device"});
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "No space left on device ";
  std::vector<Candidate> candidates;
  matcher->find(text, candidates);
  EXPECT_EQ(candidates.size(), 1u);
}

TEST(Matcher, GivesOnlyLinesThatHoldAllLiteralsOfAPattern) {
  const auto matcher = Matcher::compile(std::vector<std::string>{R"(Failed to FIFREEZE \S+ on volume \S+)"});
  std::vector<Candidate> candidates;
  matcher->find("Failed to FIFREEZE /data\nFailed to FIFREEZE /data on Volume x\non volume x\n", candidates);
  ASSERT_EQ(candidates.size(), 1u);
  EXPECT_EQ(candidates[0].line_begin, 25u);
}

TEST(Matcher, SaysWhichPatternIsBrokenAndWhichHasNoAnchor) {
  const auto broken = Matcher::compile(std::vector<std::string>{"good pattern", "bad ("});
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().what.find("bad ("), std::string::npos);
  const auto matcher = Matcher::compile(std::vector<std::string>{"good pattern", "a.c"});
  EXPECT_EQ(matcher->unanchored(), std::vector<std::size_t>{1});
  EXPECT_EQ(matcher->anchors(0), std::vector<std::string>{"good pattern"});
}

TEST(Matcher, TakesForAnchorsOnlyWhatIsTheSameBytesInEveryMatch) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"Ошибка записи 0x8004231f", {" 0x8004231f"}},
      {"ÉCHEC critique du cliché instantané", {"chec critique du clich"}},
      {"スナップショットに失敗", {"スナップショットに失敗"}},
      {"İŞLEM BAŞARISIZ", {}},
      {"\u212aask failed on di\u017fk", {"led on d"}}};
  for (const auto& [pattern, anchors] : cases) {
    const auto matcher = Matcher::compile(std::vector<std::string>{pattern});
    ASSERT_TRUE(matcher);
    EXPECT_EQ(matcher->anchors(0), anchors) << pattern;
    EXPECT_EQ(found_by_matcher(*matcher, pattern), (Hits{{0, 0}})) << pattern;
  }
}

}  // namespace
}  // namespace vmtriage
