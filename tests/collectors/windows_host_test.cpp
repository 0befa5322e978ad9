#include "collectors/windows_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/collectors/disk_fixture.h"

namespace vmtriage {
namespace {

using testing::Contains;

TEST_F(DiskTest, AWindowsDiskNamesItsAgentAndItsBackupExtension) {
  std::filesystem::create_directories(root_ / "Windows/System32");
  for (const char* folder : {"GuestAgent_2.7.41491.901_2019-05-28_125850", "GuestAgent_2.7.41491.1125_2024-05-30_131545", "Logs", "Packages"}) {
    std::filesystem::create_directories(root_ / "WindowsAzure" / folder);
  }
  for (const char* version : {"1.0.99.0", "1.0.101.0"}) {
    std::filesystem::create_directories(root_ / "Packages/Plugins/Microsoft.Azure.RecoveryServices.VMSnapshot" / version);
  }
  const Environment environment = read();
  EXPECT_EQ(environment.platform, "windows");
  EXPECT_TRUE(environment.is_azure);
  EXPECT_EQ(environment.azure.agent_version, "2.7.41491.1125");
  EXPECT_EQ(environment.azure.extension_version, "1.0.101.0");
  EXPECT_THAT(environment.notes, Contains("/WindowsAzure: agent version"));
}

TEST_F(DiskTest, AWindowsDiskIsKnownHoweverItsNamesAreSpelt) {
  std::filesystem::create_directories(root_ / "WINDOWS/system32");
  std::filesystem::create_directories(root_ / "WINDOWSAZURE/guestagent_2.7.41491.1125_2024-05-30_131545");
  const Environment environment = read();
  EXPECT_EQ(environment.platform, "windows");
  EXPECT_EQ(environment.azure.agent_version, "2.7.41491.1125");
}

TEST_F(DiskTest, TheAgentsStatusComesBeforeTheNamesOfFolders) {
  std::filesystem::create_directories(root_ / "Windows/System32");
  std::filesystem::create_directories(root_ / "WindowsAzure/GuestAgent_2.7.41491.901_2019-05-28_125850");
  write("WindowsAzure/Logs/AggregateStatus/aggregatestatus.json",
        R"({"aggregateStatus": {"guestAgentStatus": {"version": "2.7.41491.1125", "status": "Ready"}, "handlerAggregateStatus": [
            {"handlerName": "Microsoft.Azure.RecoveryServices.VMSnapshot", "handlerVersion": "1.0.101.0", "status": "Ready"}]}})");
  const Environment environment = read();
  EXPECT_EQ(environment.azure.agent_version, "2.7.41491.1125");
  EXPECT_EQ(environment.azure.extension_version, "1.0.101.0");
}

TEST_F(DiskTest, ADamagedStatusIsANote) {
  std::filesystem::create_directories(root_ / "Windows/System32");
  write("WindowsAzure/Logs/AggregateStatus/aggregatestatus.json", "{");
  const Environment environment = read();
  EXPECT_FALSE(environment.is_azure);
  EXPECT_THAT(environment.notes, Contains("/WindowsAzure/Logs/AggregateStatus/aggregatestatus.json: not a JSON object"));
}

}  // namespace
}  // namespace vmtriage
