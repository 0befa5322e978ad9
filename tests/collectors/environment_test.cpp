#include "collectors/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/collectors/disk_fixture.h"
#include "tests/collectors/one_shot_server.h"

namespace vmtriage {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;

constexpr std::string_view kImds = R"({"compute": {"azEnvironment": "AzurePublicCloud", "location": "westeurope",
  "name": "vm1", "offer": "0001-com-ubuntu-server-jammy", "osProfile": {"adminUsername": "azureuser", "computerName": "vm1"},
  "osType": "Linux", "publisher": "canonical", "resourceGroupName": "rg1", "sku": "22_04-lts-gen2",
  "storageProfile": {"dataDisks": [{"lun": "0", "managedDisk": {"id": "/subscriptions/x"}}]},
  "subscriptionId": "8d10da13-8125-4ba9-a717-bf7490507b3d", "tags": "a:b", "vmId": "02aab8a4-74ef-476e-8182-f6d2ba4166a6",
  "vmSize": "Standard_D2s_v5", "zone": "1"}, "network": {"interface": []}})";

constexpr std::string_view kVmSettings = R"({"hostGAPluginVersion": "1.0.8.115", "vmSettingsSchemaVersion": "0.0",
  "statusUploadBlob": {"statusBlobType": "BlockBlob", "value": "https://example.blob.core.windows.net/$system/vm1.status"},
  "inVMMetadata": {"subscriptionId": "8e037ad4-618f-4466-8bc8-5099d41ac15b", "resourceGroupName": "rg-disk",
    "vmName": "vm-disk", "location": "japaneast", "vmId": "86f4ae0a-61f8-48ae-9199-40f402d56864",
    "vmSize": "Standard_B2s", "osType": "Linux"}, "extensionGoalStates": []})";

constexpr std::string_view kAgentStatus = R"({"version": "1.1", "timestampUTC": "2024-05-30T13:15:45Z",
  "aggregateStatus": {"guestAgentStatus": {"version": "2.9.1.1", "status": "Ready",
      "formattedMessage": {"lang": "en-US", "message": "Guest Agent is running"}},
    "handlerAggregateStatus": [
      {"handlerName": "Microsoft.Azure.Monitor.AzureMonitorLinuxAgent", "handlerVersion": "1.31.1", "status": "Ready"},
      {"handlerName": "Microsoft.Azure.RecoveryServices.VMSnapshotLinux", "handlerVersion": "1.0.9225.0", "status": "Ready"}]},
  "guestOSInfo": {"computerName": "host1", "osName": "ubuntu", "osVersion": "22.04", "version": "2.9.1.1"}})";

constexpr std::string_view kHostingEnvironment =
    R"(<HostingEnvironmentConfig version="1.0.0.0" goalStateIncarnation="1">
  <Deployment name="db00a7755a5e4e8a8fe4b19bc3b330c3" guid="{ce5a036f-5c93-40e7-8adf-2613631008ab}" incarnation="2">
    <Service name="MyService" guid="{00000000-0000-0000-0000-000000000000}" />
  </Deployment>
  <Incarnation number="1" instance="vm-classic_IN_0" guid="{a0faca35-52e5-4ec7-8fd1-63d2bc107d9b}" />
  <Role guid="{73d95f1c-6472-e58e-7a1a-523554e11d46}" name="vm-classic" hostingEnvironmentVersion="1" />
</HostingEnvironmentConfig>)";

constexpr std::string_view kGoalState = R"(<?xml version="1.0" encoding="utf-8"?>
<GoalState xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Version>2015-04-05</Version><Incarnation>7</Incarnation>
  <Container><ContainerId>c6d5526c-5ac2-4200-b6e2-56f2b70c5ab2</ContainerId><RoleInstanceList><RoleInstance>
    <InstanceId>4a8c1d2e-5ac2-4200-b6e2-56f2b70c5ab2._vm-arm</InstanceId><State>Started</State>
  </RoleInstance></RoleInstanceList></Container></GoalState>)";

TEST(Environment, TheMetadataServiceTellsTheWholeVm) {
  const Result<AzureVm> vm = parse_instance_metadata(kImds);
  ASSERT_TRUE(vm.ok());
  EXPECT_EQ(vm->subscription_id, "8d10da13-8125-4ba9-a717-bf7490507b3d");
  EXPECT_EQ(vm->resource_group, "rg1");
  EXPECT_EQ(vm->vm, "vm1");
  EXPECT_EQ(vm->vm_id, "02aab8a4-74ef-476e-8182-f6d2ba4166a6");
  EXPECT_EQ(vm->location, "westeurope");
  EXPECT_EQ(vm->vm_size, "Standard_D2s_v5");
  EXPECT_EQ(vm->publisher, "canonical");
  EXPECT_EQ(vm->offer, "0001-com-ubuntu-server-jammy");
  EXPECT_EQ(vm->sku, "22_04-lts-gen2");
  EXPECT_EQ(vm->zone, "1");
}

TEST(Environment, CloudInitsCopyOfTheMetadataIsReadToo) {
  const std::string cached =
      R"({"base64_encoded_keys": [], "ds": {"meta_data": {"imds": )" + std::string(kImds) + "}}}";
  const Result<AzureVm> vm = parse_instance_metadata(cached);
  ASSERT_TRUE(vm.ok());
  EXPECT_EQ(vm->resource_group, "rg1");
}

TEST(Environment, ForeignDocumentsAreErrors) {
  const std::string deep = R"({"compute": )" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  std::string deep_xml = "<SharedConfig>";
  for (int i = 0; i < 100'000; ++i) deep_xml += "<a>";
  struct Case {
    const char* name;
    std::string text;
  };
  for (const Case& c :
       std::vector<Case>{{"empty", ""},
                         {"a page of a gateway", "<html><body>Sign in</body></html>"},
                         {"another cloud", R"({"instanceId": "i-0f3c9a12d4e5b6a78"})"},
                         {"wrong types", R"({"compute": ["x"], "inVMMetadata": 7, "aggregateStatus": null})"},
                         {"numbers for names", R"({"compute": {"subscriptionId": 1, "vmId": {}}})"},
                         {"cut off", std::string(kImds.substr(0, 300))},
                         {"not UTF-8", "{\"compute\": {\"subscriptionId\": \"\xff\xfe\"}}"},
                         {"nested to kill", deep},
                         {"nested XML", deep_xml}}) {
    SCOPED_TRACE(c.name);
    EXPECT_FALSE(parse_instance_metadata(c.text).ok());
    EXPECT_FALSE(parse_vm_settings(c.text).ok());
    EXPECT_FALSE(parse_role_name(c.text).ok());
    EXPECT_FALSE(parse_goal_state_vm(c.text).ok());
  }
}

TEST(Environment, ValuesAreFitForAReport) {
  const Result<AzureVm> vm = parse_instance_metadata(R"({"compute": {"vmId": " x\u001b[31m ", "name": ")" +
                                                     std::string(1000, 'n') + R"(", "zone": null}})");
  ASSERT_TRUE(vm.ok());
  EXPECT_EQ(vm->vm_id, "x\\x1B[31m");
  EXPECT_EQ(vm->vm, "") << "too long to be a name";
  EXPECT_EQ(vm->zone, "");
}

TEST(Environment, TheAgentsVmSettingsTellTheVmWithoutANetwork) {
  const Result<AzureVm> vm = parse_vm_settings(kVmSettings);
  ASSERT_TRUE(vm.ok());
  EXPECT_EQ(vm->subscription_id, "8e037ad4-618f-4466-8bc8-5099d41ac15b");
  EXPECT_EQ(vm->resource_group, "rg-disk");
  EXPECT_EQ(vm->vm, "vm-disk");
  EXPECT_EQ(vm->vm_size, "Standard_B2s");
}

TEST(Environment, TheAgentsStatusTellsVersions) {
  const Result<AgentStatus> status = parse_agent_status(kAgentStatus);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->agent_version, "2.9.1.1");
  EXPECT_EQ(status->extension_version, "1.0.9225.0");
  EXPECT_EQ(status->host_name, "host1");
  EXPECT_EQ(status->os, "ubuntu 22.04");
  EXPECT_FALSE(parse_agent_status("[]").ok());
}

TEST(Environment, RoleNamesOfAllKindsOfDeploymentNameTheVm) {
  struct Case {
    const char* role;
    const char* vm;
  };
  for (const Case& c : {Case{"_vm1", "vm1"}, Case{"vm1_IN_0", "vm1"}, Case{"vm1", "vm1"},
                        Case{"4a8c1d2e-5ac2-4200-b6e2-56f2b70c5ab2._vm1", "vm1"}, Case{"_scale-set_12", "scale-set_12"},
                        Case{"vm_IN_x", "vm_IN_x"}, Case{"4a8c1d2e-5ac2-4200-b6e2-56f2b70c5ab2", ""}, Case{"", ""},
                        Case{"_", ""}, Case{"_IN_0", "IN_0"}}) {
    EXPECT_EQ(vm_name_of_role(c.role), c.vm) << c.role;
  }
}

TEST(Environment, TheAgentsXmlNamesTheVm) {
  EXPECT_EQ(*parse_role_name(kHostingEnvironment), "vm-classic");
  EXPECT_EQ(*parse_role_name(R"(<SharedConfig><Role name="_vm2"/></SharedConfig>)"), "vm2");
  EXPECT_EQ(*parse_goal_state_vm(kGoalState), "vm-arm");
}

TEST(Environment, TheNewestStartOfTheAgentCounts) {
  struct Case {
    const char* name;
    const char* log;
    const char* agent;
    const char* os;
  };
  for (const Case& c :
       {Case{"current",
             "2024-05-30T13:15:45.331589Z INFO ExtHandler ExtHandler Azure Linux Agent (Goal State Agent version "
             "2.9.1.1)\n"
             "2024-05-30T13:15:45.332589Z INFO ExtHandler ExtHandler OS: ubuntu 22.04\n",
             "2.9.1.1", "ubuntu 22.04"},
        Case{"old",
             "2018/01/30 15:07:30.716273 INFO Azure Linux Agent Version:2.2.20\n2018/01/30 15:07:30.7 INFO OS: centos "
             "7.4\n",
             "2.2.20", "centos 7.4"},
        Case{"updated since",
             "2018/01/30 15:07:30.716273 INFO Azure Linux Agent Version:2.2.20\n"
             "2018/01/30 15:08:30.716273 INFO Agent WALinuxAgent-2.2.46 is running as the goal state agent\n",
             "2.2.46", ""},
        Case{"heartbeat only",
             "2024-05-30T13:45:45.331589Z INFO ExtHandler ExtHandler [HEARTBEAT] Agent WALinuxAgent-2.11.1.4 is "
             "running as "
             "the goal state agent [DEBUG HeartbeatCounter: 3;]\n",
             "2.11.1.4", ""},
        Case{"agents that do not run",
             "2018/01/30 15:07:30.716273 INFO Agent WALinuxAgent-2.2.13 is blacklisted - skipping download\n", "", ""},
        Case{"empty", "", "", ""}}) {
    SCOPED_TRACE(c.name);
    const AgentLogFacts facts = parse_agent_log(c.log);
    EXPECT_EQ(facts.agent_version, c.agent);
    EXPECT_EQ(facts.os, c.os);
  }
}

TEST(Environment, OsReleaseFilesTellTheSystem) {
  EXPECT_EQ(parse_os_release("NAME=\"Ubuntu\"\nVERSION=\"22.04.4 LTS\"\nPRETTY_NAME=\"Ubuntu 22.04.4 LTS\"\n"),
            "Ubuntu 22.04.4 LTS");
  EXPECT_EQ(parse_os_release("PRETTY_NAME='SUSE Linux Enterprise Server 15 SP5'\n"),
            "SUSE Linux Enterprise Server 15 SP5");
  EXPECT_EQ(parse_os_release("NAME=Flatcar\nVERSION=3510.2.8\n"), "Flatcar 3510.2.8");
  EXPECT_EQ(parse_os_release("PRETTY_NAME=\"A \\\"B\\\" \\$C\"\n"), "A \"B\" $C");
  EXPECT_EQ(parse_os_release("# nothing\n"), "");
}

TEST(Environment, TheSystemUuidOfAnOldVmIsReadInTheOtherByteOrder) {
  EXPECT_EQ(vm_id_of_system_uuid("527C2691-029F-FE4C-B1F4-A4DA7EBAC2CF\n", true),
            "91267c52-9f02-4cfe-b1f4-a4da7ebac2cf");
  EXPECT_EQ(vm_id_of_system_uuid("527C2691-029F-FE4C-B1F4-A4DA7EBAC2CF\n", false),
            "527c2691-029f-fe4c-b1f4-a4da7ebac2cf");
  EXPECT_EQ(vm_id_of_system_uuid("Not Settable", true), "");
}

TEST(Environment, OnlyWhatIsMissingIsFilledIn) {
  AzureVm target;
  target.vm = "kept";
  AzureVm source;
  source.vm = "other";
  source.location = "westeurope";
  EXPECT_EQ(fill_missing(target, source), "location");
  EXPECT_EQ(target.vm, "kept");
  EXPECT_EQ(target.location, "westeurope");
  EXPECT_EQ(fill_missing(target, source), "");
}

TEST_F(DiskTest, ACopiedDiskTellsItsVm) {
  write("etc/hostname", "host-of-disk\n");
  write("usr/lib/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
  write("var/lib/waagent/waagent_status.json", kAgentStatus);
  write("var/lib/waagent/HostingEnvironmentConfig.xml", kHostingEnvironment);
  write("var/lib/waagent/history/2024-05-30T13-15-45__17/VmSettings.json", kVmSettings);
  write("var/lib/waagent/history/2024-05-30T14-15-45__18/GoalState.xml", kGoalState);
  write("var/lib/waagent/history/2024-01-01T00-00-00__1.zip", "PK");
  const Environment environment = read();
  EXPECT_EQ(environment.platform, "linux");
  EXPECT_EQ(environment.host_name, "host-of-disk");
  EXPECT_EQ(environment.os, "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(environment.kernel, "") << "not that of the machine where the disk is looked at";
  EXPECT_TRUE(environment.is_azure);
  EXPECT_EQ(environment.azure.subscription_id, "8e037ad4-618f-4466-8bc8-5099d41ac15b");
  EXPECT_EQ(environment.azure.vm, "vm-disk") << "the settings are a better source than the role's name";
  EXPECT_EQ(environment.azure.agent_version, "2.9.1.1");
  EXPECT_EQ(environment.azure.extension_version, "1.0.9225.0");
  EXPECT_THAT(environment.notes,
              Contains("/var/lib/waagent/waagent_status.json: agent version, backup extension version"));
  EXPECT_THAT(environment.notes,
              Contains("/var/lib/waagent/history/2024-05-30T13-15-45__17/VmSettings.json: subscription, "
                       "resource group, VM name, VM id, location, VM size"));
}

TEST_F(DiskTest, AnOldAgentsFilesTellLess) {
  write("var/lib/waagent/SharedConfig.xml", kHostingEnvironment);
  write("var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.918.0/HandlerManifest.json", "[]");
  write("var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9225.0/HandlerManifest.json", "[]");
  write("var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9999.0.zip", "PK");
  write("var/lib/waagent/WALinuxAgent-2.2.46/HandlerManifest.json", "[]");
  write("var/log/waagent.log", "2018/01/30 15:07:30.716273 INFO OS: centos 7.4\n");
  const Environment environment = read();
  EXPECT_TRUE(environment.is_azure);
  EXPECT_EQ(environment.azure.vm, "vm-classic");
  EXPECT_EQ(environment.azure.extension_version, "1.0.9225.0");
  EXPECT_EQ(environment.azure.agent_version, "2.2.46");
  EXPECT_EQ(environment.os, "centos 7.4");
}

TEST_F(DiskTest, AnEmptyFolderIsNoAzureVm) {
  const Environment environment = read();
  EXPECT_FALSE(environment.is_azure);
  EXPECT_EQ(environment.host_name, "");
  EXPECT_THAT(environment.notes, testing::IsEmpty());
}

TEST_F(DiskTest, AMissingFolderIsANote) {
  std::filesystem::remove_all(root_);
  EXPECT_THAT(read().notes, Contains(HasSubstr(root_.string())));
}

TEST_F(DiskTest, DamagedFilesAreNotesAndTheRestIsRead) {
  write("var/lib/waagent/waagent_status.json", "{\"aggregateStatus\": ");
  write("var/lib/waagent/SharedConfig.xml", kHostingEnvironment);
  const Environment environment = read();
  EXPECT_EQ(environment.azure.vm, "vm-classic");
  EXPECT_THAT(environment.notes, Contains("/var/lib/waagent/waagent_status.json: not a JSON object"));
}

TEST(Environment, TheMetadataServiceIsAskedFirst) {
  OneShotServer server([](const Socket& s) {
    say(s, "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: " +
               std::to_string(kImds.size()) + "\r\n\r\n" + std::string(kImds));
  });
  EnvironmentQuery query;
  query.imds_address = "127.0.0.1:" + std::to_string(server.request().port);
  query.imds_timeout_ms = 60'000;
  const Environment environment = read_environment(query);
  EXPECT_TRUE(environment.is_azure);
  EXPECT_EQ(environment.azure.resource_group, "rg1");
  EXPECT_THAT(environment.notes,
              Contains(testing::StartsWith("instance metadata service: subscription, resource group")));
}

TEST(Environment, ARefusalOfTheMetadataServiceIsANote) {
  OneShotServer server([](const Socket& s) { say(s, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"); });
  EnvironmentQuery query;
  query.imds_address = "127.0.0.1:" + std::to_string(server.request().port);
  query.imds_timeout_ms = 60'000;
  EXPECT_THAT(read_environment(query).notes, Contains("instance metadata service: answered with HTTP status 403"));
}

TEST(Environment, ASilentMetadataServiceIsANote) {
  EnvironmentQuery query;
  query.imds_address = "127.0.0.1:1";
  const Environment environment = read_environment(query);
  EXPECT_THAT(environment.notes,
              Contains(testing::StartsWith("instance metadata service: http://127.0.0.1:1/metadata/instance: ")));
  EXPECT_NE(environment.host_name, "");
  EXPECT_NE(environment.kernel, "");
}

TEST(Environment, AnAddressThatIsNoneIsANote) {
  for (const char* address : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "localhost:80", ":80", "127.0.0.1:80x"}) {
    EnvironmentQuery query;
    query.imds_address = address;
    EXPECT_THAT(read_environment(query).notes, Contains(testing::ContainsRegex("instance metadata service: .*not ")))
        << address;
  }
}

}  // namespace
}  // namespace vmtriage
