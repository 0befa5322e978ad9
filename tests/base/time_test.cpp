#include "agent/base/time.h"

#include <gtest/gtest.h>

namespace vmtriage {
namespace {

const Time kReference = *make_time(2022, 1, 20, 0, 0, 0);

struct StampCase {
  const char* line;
  const char* time;  ///< with fraction; empty: no stamp
  Clock clock;
};

class FindStamp : public testing::TestWithParam<StampCase> {};

TEST_P(FindStamp, ReadsTheClockOfTheLog) {
  const StampCase& c = GetParam();
  const auto stamp = find_stamp(c.line, kReference);
  if (std::string_view(c.time).empty()) {
    EXPECT_FALSE(stamp) << c.line;
    return;
  }
  ASSERT_TRUE(stamp) << c.line;
  EXPECT_EQ(format_time(stamp->time, true), c.time) << c.line;
  EXPECT_EQ(stamp->clock, c.clock) << c.line;
}

INSTANTIATE_TEST_SUITE_P(
    Logs, FindStamp,
    testing::Values(
        StampCase{"2024-05-30T13:15:45.331589Z INFO ExtHandler x", "2024-05-30T13:15:45.3315890Z", Clock::utc},
        StampCase{"2025-06-18T00:26:08-04:00  P0007897", "2025-06-18T04:26:08.0000000Z", Clock::utc},
        StampCase{"2016-12-16 17:18:09.766289  Info  x", "2016-12-16T17:18:09.7662890Z", Clock::local},
        StampCase{"2016/12/16 17:18:09 [Microsoft.Azure", "2016-12-16T17:18:09.0000000Z", Clock::local},
        StampCase{"Jan 15 13:59:08 host python3.6[1609]: x", "2022-01-15T13:59:08.0000000Z", Clock::assumed},
        StampCase{"Dec 31 23:59:59 host x", "2021-12-31T23:59:59.0000000Z", Clock::assumed},
        StampCase{"Jan  5 03:00:00 host x", "2022-01-05T03:00:00.0000000Z", Clock::assumed},
        StampCase{"Mon Nov 18 00:05:10 UTC 2019- python version unknown", "2019-11-18T00:05:10.0000000Z", Clock::utc},
        StampCase{"Thu May 21 05:04:31 PM UTC 2026- 1 returned", "2026-05-21T17:04:31.0000000Z", Clock::utc},
        StampCase{"[00000011] [12/11/2018 06:27:55.66] [WARN]  x", "2018-12-11T06:27:55.6600000Z", Clock::local},
        StampCase{"[00000018] 2021-01-12T16:35:45Z [INFO]  x", "2021-01-12T16:35:45.0000000Z", Clock::utc},
        StampCase{"[2024-01-01T00:00:00+0900] [FAIL] x", "2023-12-31T15:00:00.0000000Z", Clock::utc},
        StampCase{"  File \"x.py\", line 12", "", Clock::utc}, StampCase{"2024-13-30T13:15:45Z", "", Clock::utc},
        StampCase{"2024-05-30T25:15:45Z x", "", Clock::utc}, StampCase{"", "", Clock::utc},
        StampCase{"1 returned from handle.py", "", Clock::utc}, StampCase{"March against time 12:00:00", "", Clock::utc}));

TEST(UserTime, IsIsoOrRelative) {
  const Time moment = *make_time(2024, 5, 2, 12, 0, 0);
  EXPECT_EQ(format_time(*parse_user_time("24h", moment)), "2024-05-01T12:00:00Z");
  EXPECT_EQ(format_time(*parse_user_time("7d", moment)), "2024-04-25T12:00:00Z");
  EXPECT_EQ(format_time(*parse_user_time("yesterday", moment)), "2024-05-01T00:00:00Z");
  EXPECT_EQ(format_time(*parse_user_time("2024-05-01", moment)), "2024-05-01T00:00:00Z");
  EXPECT_EQ(format_time(*parse_user_time("2024-05-01T02:03+09:00", moment)), "2024-04-30T17:03:00Z");
  for (const char* wrong : {"", "soon", "24x", "2024-5-1", "2024-05-01T", "2024-02-30", "h"}) {
    EXPECT_FALSE(parse_user_time(wrong, moment)) << wrong;
  }
}

}  // namespace
}  // namespace vmtriage
