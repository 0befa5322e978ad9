#include "analyzers/checks/windows_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analyzers/checks/access_list.h"
#include "analyzers/checks/registry_text.h"
#include "tests/analyzers/check_fixture.h"

namespace vmtriage {
namespace {

void expect_findings(std::string_view artifact, const std::vector<TextCase>& cases) {
  expect_findings<WindowsStateAnalyzer>(artifact, "query", cases);
}

std::string service(std::string_view name, std::string_view state, std::string_view start) {
  return "service " + std::string(name) + "\n    state: " + std::string(state) + "\n    start type: " + std::string(start) + "\n\n";
}

const std::string kAgents = service("RdAgent", "running", "automatic") + service("WindowsAzureGuestAgent", "running", "automatic (delayed)");

TEST(WindowsState, ServicesThatABackupNeedsAreJudged) {
  expect_findings(
      "windows.command.services",
      {
          {"healthy",
           kAgents + service("VSS", "stopped", "manual") + service("swprv", "stopped", "manual") + service("EventSystem", "running", "automatic") +
               service("SQLWriter", "not installed", ""),
           {}},
          {"VSS was set to automatic by the extension and ends by itself", kAgents + service("VSS", "stopped", "automatic"), {}},
          {"agent stopped",
           service("RdAgent", "running", "automatic") + service("WindowsAzureGuestAgent", "stopped", "automatic"),
           {"windows.host.agent-stopped"}},
          {"agent not automatic",
           service("RdAgent", "running", "manual") + service("WindowsAzureGuestAgent", "running", "automatic"),
           {"windows.host.agent-not-automatic"}},
          {"no agent",
           "service RdAgent\n    state: not installed\n\nservice WindowsAzureGuestAgent\n    state: not installed\n",
           {"windows.host.agent-not-installed"}},
          {"the agent's program is gone",
           service("WindowsAzureGuestAgent", "running", "automatic") +
               "service RdAgent\n    state: stopped\n    start type: automatic\n    binary: C:\\WindowsAzure\\x.exe\n    binary found: no\n",
           {"windows.host.agent-binary-missing"}},
          {"disabled", kAgents + service("VSS", "stopped", "disabled"), {"windows.host.service-disabled"}},
          {"stopped", kAgents + service("CryptSvc", "stopped", "automatic"), {"windows.host.service-stopped"}},
          {"nobody's service", kAgents + service("Spooler", "stopped", "disabled"), {}},
          {"noise", "service\n    state\n: :\nservice X\n", {}},
      });
}

TEST(WindowsState, TheOutputOfScIsReadInAnyLanguage) {
  constexpr std::string_view kSc =
      "\r\nSERVICE_NAME: RdAgent\r\nDISPLAY_NAME: RdAgent\r\n        TYPE               : 10  WIN32_OWN_PROCESS  \r\n"
      "        STATE              : 1  STOPPED \r\n        WIN32_EXIT_CODE    : 1067  (0x42b)\r\n\r\n"
      "SERVICE_NAME: VSS\r\n        STATE              : 4  RUNNING\r\n";
  const auto services = parse_service_states(kSc);
  ASSERT_EQ(services.size(), 2u);
  EXPECT_EQ(services[0].state, "stopped");
  EXPECT_EQ(services[1].state, "running");
  EXPECT_EQ(rule_ids(run_check<WindowsStateAnalyzer>("windows.command.services", "sc.txt", kSc)), Ids{"windows.host.agent-stopped"});
}

TEST(WindowsState, TheNewestAgentVersionIsComparedToBothMinima) {
  const auto file = [](std::string_view name, std::string_view version) {
    return "C:\\WindowsAzure\\" + std::string(name) + "\n    file version: 1.0.0.0\n    product version: " + std::string(version) + "\n\n";
  };
  expect_findings("windows.command.file-versions",
                  {
                      {"supported", file("Packages\\WaAppAgent.exe", "2.7.41491.1010"), {}},
                      {"too old for support", file("Packages\\WaAppAgent.exe", "2.7.41491.1009"), {"windows.agent.old-version"}},
                      {"the documents' minimum", file("Packages\\WaAppAgent.exe", "2.6.1198.718"), {"windows.agent.old-version"}},
                      {"too old for backup", file("Packages\\WaAppAgent.exe", "2.6.1198.717"), {"windows.agent.below-backup-minimum"}},
                      {"updated beside an old one",
                       file("Packages\\WaAppAgent.exe", "2.6.1198.717") + file("GuestAgent_2.7.41491.1125\\WindowsAzureGuestAgent.exe", "2.7.41491.1125"),
                       {}},
                      {"another file", file("CollectGuestLogs.exe", "1.0.0.0"), {}},
                      {"no version", "/WindowsAzure/Packages*/WaAppAgent.exe\n    file version: no such file\n", {}},
                  });
}

TEST(WindowsState, TheVersionOfTheRegistryIsTheSameFinding) {
  const Insights insights = run_check<WindowsStateAnalyzer>(
      "windows.registry.vm-guest", "x", "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Virtual Machine\\Guest]\n\"GuestAgentVersion\"=\"2.7.41491.901\"\n");
  ASSERT_EQ(insights.findings.size(), 1u);
  EXPECT_EQ(insights.findings[0].rule_id, "windows.agent.old-version");
  EXPECT_EQ(insights.findings[0].component, "2.7.41491.901");
}

TEST(WindowsState, PermissionsOfTheKeyFolderAreComparedToTheDefault) {
  const auto keys = [](std::string_view sddl) {
    return "C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\n    sddl: " + std::string(sddl) + "\n    allow: x\n";
  };
  const auto agent = [](std::string_view sddl) { return "C:\\WindowsAzure\n    sddl: " + std::string(sddl) + "\n"; };
  expect_findings("windows.command.machine-keys-permissions",
                  {
                      {"default", keys("O:SYG:SYD:PAI(A;;0x12019f;;;WD)(A;;FA;;;BA)"), {}},
                      {"by SIDs", keys("O:SYG:SYD:PAI(A;;0x12019f;;;S-1-1-0)(A;;0x1f01ff;;;S-1-5-32-544)"), {}},
                      {"hardened, but the agent has its rights", keys("O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"), {}},
                      {"only administrators", keys("O:SYG:SYD:PAI(A;;FA;;;BA)"), {"windows.host.machine-keys-permissions"}},
                      {"read only", keys("O:SYG:SYD:PAI(A;;FR;;;WD)(A;;FA;;;BA)"), {"windows.host.machine-keys-permissions"}},
                      {"administrators denied", keys("O:SYD:(D;;FA;;;BA)(A;;FA;;;BA)(A;;FA;;;SY)"), {"windows.host.machine-keys-permissions"}},
                      {"missing folder", keys("not there"), {}},
                      {"agent folder", agent("O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"), {}},
                      {"agent folder without SYSTEM", agent("O:BAG:SYD:PAI(A;OICI;FA;;;BA)"), {"windows.host.agent-folder-permissions"}},
                      {"only for what is below", agent("O:BAG:SYD:(A;OICIIO;FA;;;SY)"), {"windows.host.agent-folder-permissions"}},
                  });
}

TEST(WindowsState, RightsOfAnAccessListAddUp) {
  EXPECT_EQ(rights_in_sddl("O:SYG:SYD:PAI(A;;0x12019f;;;WD)(A;;FA;;;BA)", kEveryone), kReadWrite);
  EXPECT_EQ(rights_in_sddl("D:(A;;FR;;;WD)(A;;FW;;;WD)", kEveryone), kReadWrite);
  EXPECT_EQ(rights_in_sddl("D:(A;;GA;;;SY)", kSystem), kFullControl);
  EXPECT_EQ(rights_in_sddl("D:(A;;CCDCLC", kSystem), 0u);
  EXPECT_EQ(rights_in_sddl("", kSystem), 0u);
}

TEST(WindowsState, RegistryKeysAreJudged) {
  const auto key = [](std::string_view path, std::string_view value) {
    return "[HKEY_LOCAL_MACHINE\\" + std::string(path) + "]\n" + std::string(value) + "\n";
  };
  const std::string services = "SYSTEM\\CurrentControlSet\\Services\\";
  const std::string event_class =
      "SOFTWARE\\Microsoft\\EventSystem\\{26c409cc-ae86-11d1-b616-00805fc79216}\\EventClasses\\{FAF53CC4-BD73-4E36-83F1-2B23F46E513E}-"
      "{00000000-0000-0000-0000-000000000000}-{00000000-0000-0000-0000-000000000000}";
  expect_findings(
      "windows.registry.any",
      {
          {"copy backup", key("SOFTWARE\\Microsoft\\BcdrAgent", "\"USEVSSCOPYBACKUP\"=\"TRUE\""), {"windows.registry.vss-backup-type"}},
          {"workaround",
           key("SOFTWARE\\Microsoft\\BcdrAgentPersistentKeys", "\"SnapshotWithoutThreads\"=\"True\""),
           {"windows.registry.backup-setting"}},
          {"neither", "; HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\BcdrAgent: not there\n", {}},
          {"VSS disabled", key(services + "VSS", "\"Start\"=dword:00000004"), {"windows.host.service-disabled"}},
          {"VSS manual", key(services + "VSS", "\"Start\"=dword:00000003"), {}},
          {"another service disabled", key(services + "Spooler", "\"Start\"=dword:00000004"), {}},
          {"account denied", key(services + "VSS\\VssAccessControl", "\"CONTOSO\\\\svc\"=dword:00000000"), {"windows.registry.vss-access-denied"}},
          {"account allowed", key(services + "VSS\\VssAccessControl", "\"NT Authority\\\\NetworkService\"=dword:00000001"), {}},
          {"provider", key(services + "swprv\\Parameters", "\"ServiceDll\"=expand:\"%Systemroot%\\\\System32\\\\swprv.dll\""), {}},
          {"wrong provider",
           key(services + "swprv\\Parameters", "\"ServiceDll\"=expand:\"%Systemroot%\\\\System32\\\\other.dll\""),
           {"windows.registry.swprv-dll"}},
          {"event class", key(event_class, "\"TypeLib\"=\"%systemroot%\\\\system32\\\\EVENTCLS.DLL\""), {}},
          {"wrong event class", key(event_class, "\"TypeLib\"=\"C:\\\\old\\\\EVENTCLS.DLL\""), {"windows.registry.event-class"}},
          {"profile",
           key("SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList\\S-1-5-21-1-2-3-500.bak", ""),
           {"windows.registry.profile-backup"}},
          {"TLS off",
           key("SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS 1.2\\Client", "\"Enabled\"=dword:00000000"),
           {"windows.connectivity.tls12"}},
          {"TLS on",
           key("SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS 1.2\\Client", "\"Enabled\"=dword:ffffffff"),
           {}},
          {"weak .NET",
           key("SOFTWARE\\WOW6432Node\\Microsoft\\.NETFramework\\v4.0.30319", "\"SchUseStrongCrypto\"=dword:00000000"),
           {"windows.connectivity.tls12"}},
          {"output of reg query",
           "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\BcdrAgent\r\n    USEVSSCOPYBACKUP    REG_SZ    TRUE\r\n",
           {"windows.registry.vss-backup-type"}},
      });
}

TEST(WindowsState, RegistryFilesOfOthersAreUnderstood) {
  const RegistryText registry = parse_registry_text(
      "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\A\\B]\r\n@=\"default\"\r\n\"Text\"=\"a \\\"b\\\" \\\\c\"\r\n"
      "\"Expand\"=hex(2):25,00,73,00,\\\r\n  79,00,00,00\r\n\"Many\"=hex(7):61,00,00,00,62,00,00,00,00,00\r\n\"N\"=dword:0000000a\r\n"
      "\"Raw\"=hex:01,02\r\n\r\nHKEY_LOCAL_MACHINE\\C\r\n    Wide Name    REG_DWORD    0x10\r\n    (Default)    REG_SZ    \r\n");
  const auto data = [&](std::string_view key, std::string_view name) {
    const RegistryValue* value = registry.find(key, name);
    return value == nullptr ? "missing" : value->data;
  };
  EXPECT_EQ(data("\\B", ""), "default");
  EXPECT_EQ(data("\\b", "text"), "a \"b\" \\c");
  EXPECT_EQ(data("\\B", "Expand"), "%sy");
  EXPECT_EQ(data("\\B", "Many"), "a\nb");
  EXPECT_EQ(registry.find("\\B", "N")->number, 10u);
  EXPECT_EQ(data("\\B", "Raw"), "hex:01,02");
  EXPECT_EQ(registry.find("\\C", "Wide Name")->number, 16u);
  EXPECT_EQ(data("\\C", "Other"), "missing");
}

TEST(WindowsState, AFullSystemDriveIsReported) {
  const auto volume = [](std::string_view mount, std::string_view size, std::string_view free) {
    return "volume \\\\?\\Volume{1}\\\n    type: fixed\n    mounted at: " + std::string(mount) + "\n    size: " + std::string(size) +
           " (x)\n    free: " + std::string(free) + " (x)\n";
  };
  expect_findings("windows.command.volume-space", {
                                                      {"healthy", volume("C:\\", "136364158976", "90000000000"), {}},
                                                      {"full", volume("C:\\", "136364158976", "100000000"), {"windows.host.disk-full"}},
                                                      {"data disk", volume("F:\\", "136364158976", "0"), {}},
                                                      {"not told", "volume x\n    mounted at: C:\\\n    not readable: volume: y\n", {}},
                                                  });
  const auto severity = [&](std::string_view free) {
    return run_check<WindowsStateAnalyzer>("windows.command.volume-space", "q", volume("C:\\", "136364158976", free)).findings.at(0).severity;
  };
  EXPECT_EQ(severity("100000000"), Severity::warning);
  EXPECT_EQ(severity("1000"), Severity::error);
}

TEST(WindowsState, ASilentPlatformIsToldFromAMachineElsewhere) {
  const auto block = [](std::string_view name, bool answers) {
    return std::string(name) + "\n    url: http://" + std::string(name) + "/\n    " + (answers ? "answer: HTTP 200\n\n" : "no answer: no answer within 2 s\n\n");
  };
  const auto text = [&](bool metadata, bool wire, bool plugin) {
    return block("metadata-service", metadata) + block("wire-server", wire) + block("host-plugin", plugin);
  };
  for (const std::string os : {"windows", "linux"}) {
    const std::string id = os == "windows" ? "windows.command.azure-services" : "linux.command.platform-services";
    expect_findings(id, {
                            {"all answer", text(true, true, true), {}},
                            {"only the metadata service is silent", text(false, true, true), {}},
                            {"one port is blocked", text(true, true, false), {os + ".host.wire-server-unreachable"}},
                            {"both ports are blocked", text(true, false, false), {os + ".host.wire-server-unreachable"}},
                            {"nothing answers", text(false, false, false), {os + ".host.platform-unreachable"}},
                            {"nothing was asked", "", {}},
                        });
  }
}

}  // namespace
}  // namespace vmtriage
