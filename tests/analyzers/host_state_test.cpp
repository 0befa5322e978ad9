#include "analyzers/checks/host_state.h"

#include <gtest/gtest.h>

#include "tests/analyzers/check_fixture.h"

namespace vmtriage {
namespace {

void expect_findings(std::string_view artifact, const std::vector<TextCase>& cases) {
  expect_findings<HostStateAnalyzer>(artifact, "command", cases);
}

constexpr std::string_view kDfHead = "Filesystem     Type     1024-blocks    Used Available Capacity Mounted on\n";

TEST(HostState, FullDisksThatMatterAreReported) {
  const std::string head(kDfHead);
  expect_findings(
      "linux.command.free-space",
      {
          {"healthy",
           head + "/dev/sda1 ext4 30298176 4000000 26281792 14% /\ntmpfs tmpfs 4000000 0 4000000 0% /dev/shm\n"
                  "/dev/loop0 squashfs 65536 65536 0 100% /snap/core20/2318\n/dev/sr0 udf 694 694 0 100% /media/x\n",
           {}},
          {"full but large", head + "/dev/sda1 ext4 4000000000 3920000000 80000000 98% /\n", {}},
          {"nearly full", head + "/dev/sda1 ext4 30298176 30000000 298176 99% /\n", {"linux.host.disk-full"}},
          {"data disk", head + "/dev/sdc1 xfs 30298176 30298176 0 100% /data\n", {}},
          {"log disk", head + "/dev/mapper/vg-log xfs 8378368 8378000 368 100% /var/log\n", {"linux.host.disk-full"}},
          {"noise", "df: /mnt/x: Stale file handle\n\nx 5%\n% % % % %\n", {}},
      });
}

TEST(HostState, DiskWithoutAnySpaceIsAnError) {
  const Insights none = run_check<HostStateAnalyzer>(
      "linux.command.free-space", "df", std::string(kDfHead) + "/dev/sda1 ext4 30298176 30298176 0 100% /\n");
  const Insights little = run_check<HostStateAnalyzer>(
      "linux.command.free-space", "df", std::string(kDfHead) + "/dev/sda1 ext4 30298176 30000000 298176 99% /\n");
  EXPECT_EQ(none.findings.at(0).severity, Severity::error);
  EXPECT_EQ(little.findings.at(0).severity, Severity::warning);
  EXPECT_EQ(none.findings.at(0).component, "/");
}

TEST(HostState, DfForPeopleIsReadToo) {
  const auto ids = [](std::string_view id, std::string_view text) { return rule_ids(run_check<HostStateAnalyzer>(id, "df.txt", text)); };
  constexpr std::string_view kHead = "Filesystem      Size  Used Avail Use% Mounted on\n";
  EXPECT_EQ(ids("linux.command.free-space", std::string(kHead) + "/dev/sda1        31G   31G   20M 100% /\n"), Ids{"linux.host.disk-full"});
  EXPECT_EQ(ids("linux.command.free-space", std::string(kHead) + "/dev/sda1        31T   30T  1.2T  96% /\n"), Ids{});
  EXPECT_EQ(ids("linux.command.inodes", "Filesystem     Inodes IUsed IFree IUse% Mounted on\n/dev/sda1        2.0M  2.0M     0  100% /\n"),
            Ids{"linux.host.inodes-used-up"});
}

TEST(HostState, ServiceStatusForPeopleIsReadToo) {
  struct StatusCase {
    std::string_view text;
    Ids ids;
  };
  const StatusCase cases[] = {
      {"● walinuxagent.service - Microsft Azure Linux Agent\n   Loaded: loaded (/lib/systemd/system/walinuxagent.service; enabled)\n"
       "   Active: inactive (dead)\n",
       {"linux.host.agent-stopped"}},
      {"× waagent.service - Azure Linux Agent\n     Loaded: loaded (/usr/lib/x; enabled; preset: enabled)\n     Active: failed (Result: exit-code)\n",
       {"linux.host.agent-stopped"}},
      {"○ waagent.service\n     Loaded: masked (Reason: Unit waagent.service is masked.)\n     Active: inactive (dead)\n",
       {"linux.host.agent-masked"}},
      {"* walinuxagent.service - Azure Linux Agent\n   Loaded: loaded (/lib/x; disabled; vendor preset: enabled)\n   Active: active (running)\n",
       {"linux.host.agent-not-enabled"}},
      {"● walinuxagent.service - Azure Linux Agent\n   Loaded: loaded (/lib/x; enabled; vendor preset: enabled)\n   Active: active (running)\n", {}},
      {"● qemu-guest-agent.service - QEMU Guest Agent\n   Loaded: loaded (/lib/x; enabled)\n   Active: inactive (dead)\n", {}},
  };
  for (const StatusCase& one : cases) {
    EXPECT_EQ(rule_ids(run_check<HostStateAnalyzer>("linux.command.agent-service", "status.txt", one.text)), one.ids) << one.text;
  }
}

TEST(HostState, UsedUpInodesAreReported) {
  const std::string head = "Filesystem      Inodes  IUsed   IFree IUse% Mounted on\n";
  expect_findings("linux.command.inodes",
                  {
                      {"healthy", head + "/dev/sda1 3870720 120000 3750720 4% /\n/dev/sda15 0 0 0 - /boot/efi\n", {}},
                      {"none left", head + "/dev/sda1 3870720 3870720 0 100% /\n", {"linux.host.inodes-used-up"}},
                      {"many left", head + "/dev/sda1 387072000 380000000 7072000 99% /\n", {}},
                  });
}

TEST(HostState, MountOptionsThatStopExtensionsAreReported) {
  const std::string root = "/dev/sda1 / ext4 rw,relatime,discard,errors=remount-ro 0 0\n";
  expect_findings(
      "linux.command.mounts",
      {
          {"healthy",
           root + "proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\ntmpfs /tmp tmpfs rw,nosuid,nodev,noexec 0 0\n"
                  "/dev/sdc1 /var/tmp xfs rw,noexec 0 0\n/dev/sdd1 /usr ext4 ro,relatime 0 0\n",
           {}},
          {"noexec on /var", root + "/dev/sdb1 /var xfs rw,nosuid,noexec,relatime 0 0\n", {"linux.host.noexec"}},
          {"own mount for the agent",
           root + "/dev/sdb1 /var xfs rw,noexec 0 0\n/dev/sdb2 /var/lib/waagent xfs rw 0 0\n",
           {}},
          {"similar name", root + "/dev/sdb1 /var/lib/waag xfs rw,noexec 0 0\n/dev/sdb2 /va xfs rw,noexec 0 0\n", {}},
          {"read-only after an error",
           root + "/dev/sdc1 /data ext4 ro,relatime,errors=remount-ro 0 0\n",
           {"linux.host.read-only"}},
          {"read-only on purpose", root + "/dev/sdc1 /data xfs ro,relatime 0 0\n", {}},
          {"noise", "x\n\n/dev/sda1\n", {}},
      });
}

TEST(HostState, BlanksInMountPointsAreResolved) {
  const auto mounts = parse_mounts("//srv/x /mnt/my\\040disk cifs rw 0 0\n/dev/sda1 /odd\\04 ext4 rw 0 0\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].point, "/mnt/my disk");
  EXPECT_EQ(mounts[1].point, "/odd\\04");
}

TEST(HostState, FailedServicesOfTheBackupAreReported) {
  expect_findings("linux.command.failed-units",
                  {
                      {"none", "", {}},
                      {"others", "fwupd.service loaded failed failed Firmware update daemon\n", {}},
                      {"agent",
                       "\u25cf walinuxagent.service loaded failed failed Azure Linux Agent\n",
                       {"linux.host.agent-failed"}},
                      {"HANA",
                       "msawb-pluginhost-com-sap-hana-NDB.service loaded failed failed x\n",
                       {"linux.host.backup-service-failed"}},
                  });
}

std::string unit(std::string_view id, std::string_view load, std::string_view active, std::string_view file_state) {
  return "Id=" + std::string(id) + ".service\nLoadState=" + std::string(load) + "\nActiveState=" + std::string(active) +
         "\nSubState=x\nUnitFileState=" + std::string(file_state) + "\n\n";
}

TEST(HostState, AgentServiceThatDoesNotRunIsReported) {
  const std::string absent = unit("waagent", "not-found", "inactive", "");
  expect_findings(
      "linux.command.agent-service",
      {
          {"Ubuntu", unit("walinuxagent", "loaded", "active", "enabled") + absent, {}},
          {"RHEL",
           unit("walinuxagent", "not-found", "inactive", "") + unit("waagent", "loaded", "active", "enabled"),
           {}},
          {"starting", unit("walinuxagent", "loaded", "activating", "enabled") + absent, {}},
          {"stopped", absent + unit("walinuxagent", "loaded", "inactive", "enabled"), {"linux.host.agent-stopped"}},
          {"failed", unit("walinuxagent", "loaded", "failed", "enabled") + absent, {"linux.host.agent-stopped"}},
          {"masked", unit("walinuxagent", "masked", "inactive", "masked") + absent, {"linux.host.agent-masked"}},
          {"disabled", unit("walinuxagent", "loaded", "active", "disabled") + absent, {"linux.host.agent-not-enabled"}},
          {"absent", absent + unit("walinuxagent", "not-found", "inactive", ""), {"linux.host.agent-not-installed"}},
          {"no systemd", "System has not been booted with systemd as init system\n", {}},
          {"nothing", "", {}},
      });
}

TEST(HostState, PythonIsLookedAt) {
  const std::string link = "lrwxrwxrwx 1 root root 10 Aug  7  2024 ";
  const std::string file = "-rwxr-xr-x 1 root root 8019136 Aug  7  2024 ";
  expect_findings(
      "linux.command.python-versions",
      {
          {"usual", "/usr/bin/python3 3.10.12\n/usr/bin/python2.7 2.7.18\n", {}},
          {"with the program's own words", "/usr/bin/python3 Python 3.9.18\n", {}},
          {"new", "/usr/bin/python3 3.12.3\n", {"linux.host.python-new"}},
          {"new beside an old default", "/usr/bin/python3 3.8.10\n/usr/bin/python3.12 3.12.3\n", {}},
          {"listing", link + "/usr/bin/python3 -> python3.10\n" + file + "/usr/bin/python3.10\n", {}},
          {"listing of a new one",
           link + "/usr/bin/python3 -> python3.12\n" + file + "/usr/bin/python3.12\n" + link +
               "/usr/bin/python3-config -> python3.12-config\n",
           {"linux.host.python-new"}},
          {"only a name that is not tried", file + "/usr/bin/python3.11\n", {"linux.host.no-python"}},
          {"old RHEL", link + "/usr/bin/python2 -> python2.7\n", {}},
          {"none", "", {"linux.host.no-python"}},
          {"refused", "ls: cannot access '/usr/bin/python*': No such file or directory\n", {"linux.host.no-python"}},
      });
}

}  // namespace
}  // namespace vmtriage
