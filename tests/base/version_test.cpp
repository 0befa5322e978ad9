#include "agent/base/version.h"

#include <gtest/gtest.h>

namespace vmtriage {
namespace {

TEST(Version, VersionsCompareByNumbers) {
  EXPECT_TRUE(version_less("1.0.918.0", "1.0.9225.0"));
  EXPECT_TRUE(version_less("2.9.1.1", "2.11.1.4"));
  EXPECT_TRUE(version_less("", "0.1"));
  EXPECT_FALSE(version_less("1.0.9225.0", "1.0.9225.0"));
}

}  // namespace
}  // namespace vmtriage
