#include "analyzers/matcher/literals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "analyzers/event_rules.h"
#include "analyzers/matcher/pattern.h"
#include "analyzers/matcher/pattern_table.h"
#include "analyzers/rules.h"
#include "analyzers/text_rules.h"

namespace vmtriage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(Literals, AreGroupsOfWhichEveryMatchHoldsOne) {
  const auto found = find_literals(R"((Out of memory|oom-kill).*(Kill process|Killed) \d+ \((waagent|safefreeze)\))");
  ASSERT_TRUE(found);
  EXPECT_THAT(found->anchors, UnorderedElementsAre("out of memory", "oom-kill"));
  EXPECT_THAT(found->others, UnorderedElementsAre(UnorderedElementsAre(" (waagent)", " (safefreeze)"), UnorderedElementsAre("killed ", "kill process ")));
}

TEST(Literals, ThatStandInEveryAnchorTellNothingMore) {
  const auto found = find_literals(R"(StatusCode\.(Failed\w+|error\b))");
  ASSERT_TRUE(found);
  EXPECT_THAT(found->anchors, ElementsAre("statuscode."));
  EXPECT_THAT(found->others, ElementsAre(UnorderedElementsAre("failed", "error")));
  EXPECT_THAT(find_literals("No space left on device")->others, IsEmpty());
}

TEST(Literals, OfAlternativesWithoutAnyAreNotNecessary) {
  const auto found = find_literals(R"(FIFREEZE failed on (/data|\S+))");
  ASSERT_TRUE(found);
  EXPECT_THAT(found->anchors, ElementsAre("fifreeze failed on "));
  EXPECT_THAT(found->others, IsEmpty());
  EXPECT_THAT(find_literals("a.c|long enough to be one")->anchors, IsEmpty());
}

TEST(Literals, AreReadAsTheyWereWritten) {
  const std::vector<Literals> cases = {{}, {{"one anchor"}, {}}, {{"one", "two \"?\\"}, {{"x y z"}, {"スナップ", "four"}}}, {{}, {{"only another"}}}};
  for (const Literals& literals : cases) {
    EXPECT_EQ(read_literals(write_literals(literals)), literals);
  }
}

TEST(PatternTable, HoldsEveryBuiltInPatternAsItIsFoundNow) {
  const auto table = pattern_table();
  if (table.empty()) GTEST_SKIP() << "built without VMTRIAGE_PATTERN_TABLE";
  std::vector<std::string> patterns = text_patterns(RuleBase::built_in());
  for (std::string& pattern : event_patterns(RuleBase::built_in())) patterns.push_back(std::move(pattern));
  ASSERT_GT(patterns.size(), 500u);
  for (const std::string& pattern : patterns) {
    const auto row = std::find_if(table.begin(), table.end(), [&](const PatternRow& r) { return r.key == pattern_key(pattern); });
    ASSERT_NE(row, table.end()) << pattern;
    EXPECT_EQ(row->literals, write_literals(*find_literals(pattern))) << pattern;
  }
  EXPECT_TRUE(std::is_sorted(table.begin(), table.end(), [](const PatternRow& a, const PatternRow& b) { return a.key < b.key; }));
}

TEST(Pattern, MayMatchALineWithAllItsLiteralsInAnyCase) {
  const auto pattern = std::move(*Pattern::compile(R"((?i)disk full event.*(volume|drive) \w+.*no space)"));
  EXPECT_TRUE(pattern->may_match("DISK FULL event on Volume x: No Space"));
  EXPECT_TRUE(pattern->may_match("disk full event on DRIVE x: NO SPACE"));
  EXPECT_FALSE(pattern->may_match("disk full event on drum x: no space"));
  EXPECT_FALSE(pattern->may_match("disk full event on volume x: no spac"));
  EXPECT_FALSE(pattern->may_match(""));
}

}  // namespace
}  // namespace vmtriage
