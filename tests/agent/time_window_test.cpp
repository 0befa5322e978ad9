#include "agent/time_window.h"

#include <gtest/gtest.h>

namespace vmtriage {
namespace {

const std::string kLog =
    "2024-05-01T00:00:00Z old\n"
    "  its second line\n"
    "2024-05-02T00:00:00Z in\n"
    "  its second line\n"
    "2024-05-03T00:00:00Z new\n";

TEST(TimeWindow, KeepsTheRecordsInsideTheRange) {
  TimeWindow window({make_time(2024, 5, 1, 12, 0, 0), make_time(2024, 5, 2, 12, 0, 0)}, now());
  const auto part = window.cut({kLog, false});
  EXPECT_EQ(part.block.text, "2024-05-02T00:00:00Z in\n  its second line\n");
  EXPECT_EQ(part.skipped_lines, 2u);
  EXPECT_TRUE(window.is_over());
  EXPECT_EQ(window.dropped(), 3u);
}

TEST(TimeWindow, DropsWholeBlocksBeforeTheRange) {
  TimeWindow window({make_time(2024, 6, 1, 0, 0, 0), std::nullopt}, now());
  EXPECT_EQ(window.cut({kLog, false}).block.text, "");
  EXPECT_EQ(window.cut({"2024-06-02T00:00:00Z in\n", false}).block.text, "2024-06-02T00:00:00Z in\n");
  EXPECT_EQ(window.cut({"2024-05-02T00:00:00Z out of order\n", false}).block.text, "2024-05-02T00:00:00Z out of order\n");
}

TEST(TimeWindow, KeepsATextWithoutTimes) {
  TimeWindow window({make_time(2024, 6, 1, 0, 0, 0), std::nullopt}, now());
  EXPECT_EQ(window.cut({"no time here\n", false}).block.text, "no time here\n");
}

TEST(TimeWindow, GivesLocalTimesTheBenefitOfTheDoubt) {
  TimeWindow window({make_time(2024, 5, 1, 10, 0, 0), std::nullopt}, now());
  EXPECT_EQ(window.cut({"2024/05/01 01:00:00 maybe nine hours east\n", false}).block.text, "2024/05/01 01:00:00 maybe nine hours east\n");
}

}  // namespace
}  // namespace vmtriage
