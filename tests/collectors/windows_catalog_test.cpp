#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/base/text.h"
#include "collectors/catalog.h"

namespace vmtriage {
namespace {

using testing::Contains;
using testing::IsSupersetOf;

/// The words of every question `name` that a profile of Windows asks.
std::vector<std::string> asked(std::string_view name, std::string_view profile) {
  std::vector<std::string> words;
  for (const ArtifactSpec& spec : Catalog::built_in().specs()) {
    if (spec.os != "windows" || !spec.command || !spec.in_profile(profile)) continue;
    const std::vector<std::string>& argv = spec.command->argv;
    if (spec.command->is_query && argv.front() == name) words.insert(words.end(), argv.begin() + 1, argv.end());
  }
  return words;
}

/// The command lines that a profile of Windows runs.
std::vector<std::string> run(std::string_view profile) {
  std::vector<std::string> lines;
  for (const ArtifactSpec& spec : Catalog::built_in().specs()) {
    if (spec.os != "windows" || !spec.command || spec.command->is_query || !spec.in_profile(profile)) continue;
    lines.push_back(shown_command(*spec.command, spec.command->argv));
  }
  return lines;
}

bool holds(const std::vector<std::string>& exported, const std::string& key) {
  return std::any_of(exported.begin(), exported.end(),
                     [&](const std::string& above) { return starts_with_no_case(key + "\\", above + "\\"); });
}

// What Microsoft's documents and support articles on Azure Backup, VSS and the guest agent tell to look at.

TEST(WindowsCatalogue, ExportsTheRegistryKeysThatTroubleshootingNames) {
  const std::string software = "HKLM\\SOFTWARE\\Microsoft\\", services = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\";
  const std::pair<const char*, std::vector<std::string>> cases[] = {
      {"vm-backup",
       {software + "BcdrAgent", software + "BcdrAgentPersistentKeys",
        software + "Windows Azure\\HandlerState\\Microsoft.Azure.RecoveryServices.VMSnapshot_1.0.119.0",
        software + "Windows Azure\\GuestAgentUpdateState", software + "WindowsAzure", software + "GuestAgent",
        software + "Virtual Machine\\Guest", software + ".NETFramework\\v4.0.30319",
        "HKLM\\SOFTWARE\\WOW6432Node\\Microsoft\\.NETFramework\\v4.0.30319", services + "Msiserver",
        services + "VSS\\Settings", services + "VSS\\VssAccessControl", services + "VSS\\Providers",
        services + "VSS\\Diag", services + "swprv\\Parameters", software + "EventSystem"}},
      {"vss",
       {services + "VolSnap", software + "Windows NT\\CurrentVersion\\ProfileList",
        "HKLM\\SYSTEM\\CurrentControlSet\\Control\\BackupRestore\\FilesNotToSnapshot",
        software + "Windows NT\\CurrentVersion\\Failover Clusters"}},
      {"file-restore",
       {services + "Disk",
        "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e97b-e325-11ce-bfc1-08002be10318}\\0000\\Parameters"}},
  };
  for (const auto& [profile, keys] : cases) {
    const std::vector<std::string> exported = asked("registry", profile);
    for (const std::string& key : keys) EXPECT_TRUE(holds(exported, key)) << profile << ": " << key;
  }
}

TEST(WindowsCatalogue, AsksForTheServicesThatASnapshotNeeds) {
  for (const char* profile : {"vm-backup", "minimal", "vss", "sql"}) {
    EXPECT_THAT(asked("services", profile),
                IsSupersetOf({"VSS", "swprv", "EventSystem", "COMSysApp", "MSDTC", "CryptSvc", "KeyIso", "SQLWriter",
                              "RdAgent", "WindowsAzureGuestAgent", "IaaSVmProvider"}))
        << profile;
  }
}

TEST(WindowsCatalogue, RunsTheVssSetThatNeedsNoInstallation) {
  EXPECT_THAT(run("vss"), IsSupersetOf({"vssadmin list writers", "vssadmin list providers", "vssadmin list shadows",
                                        "vssadmin list shadowstorage", "vssadmin list volumes", "fltmc instances",
                                        "driverquery /fo csv /v", "mountvol", "diskshadow: list writers status; exit",
                                        "diskshadow: list writers detailed; exit"}));
  // Anti-virus shows in it by its altitude, 320000 to 329998.
  EXPECT_THAT(run("vm-backup"), Contains("fltmc instances"));
}

TEST(WindowsCatalogue, LooksAtThePlatformAtTheKeysAndAtTheVersions) {
  EXPECT_THAT(asked("reachability", "vm-backup"), IsSupersetOf({"metadata-service=169.254.169.254:80/metadata/versions",
                                                                "wire-server=168.63.129.16:80/?comp=versions",
                                                                "host-plugin=168.63.129.16:32526/versions"}));
  EXPECT_THAT(asked("access-rights", "vm-backup"),
              IsSupersetOf({"C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys", "HKLM\\SOFTWARE\\Classes"}));
  EXPECT_THAT(asked("file-versions", "vm-backup"), Contains(testing::HasSubstr("WaAppAgent.exe")));
  EXPECT_THAT(asked("file-versions", "vm-backup"), Contains(testing::HasSubstr("GuestAgent_*/*Agent.exe")));
  EXPECT_THAT(asked("file-versions", "vm-backup"), Contains(testing::HasSubstr("RecoveryServices.VMSnapshot/*/*.exe")));
}

}  // namespace
}  // namespace vmtriage
