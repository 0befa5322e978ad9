#include "tests/cli/linux/linux_vm.h"

namespace vmtriage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using LinuxCollect = LinuxVmTest;

TEST_F(LinuxCollect, HanaLogsAreFoundOnceHoweverManyPathsLeadThere) {
  const std::string backup = put("hana/shared/HDB/HDB00/vm1/trace/backup.log", "2024-05-01 system\n");
  put("hana/shared/HDB/HDB00/vm1/trace/DB_HDB/backup.log", "2024-05-01 tenant\n");
  put("hana/shared/HDB/HDB00/vm1/trace/DB_HDB/backint.log", "2024-05-01 backint\n");
  link("/hana/shared/HDB/HDB00", "usr/sap/HDB/HDB00");
  std::filesystem::create_hard_link(backup, vm_path("hana/shared/HDB/HDB00/vm1/trace/backup.log.copy"));
  const Unpacked hana = unpack_collected({"--profile", "sap-hana"});
  EXPECT_THAT(collected(hana, "trace/"), ElementsAre("hana/shared/HDB/HDB00/vm1/trace/DB_HDB/backint.log",
                                                     "hana/shared/HDB/HDB00/vm1/trace/DB_HDB/backup.log",
                                                     "hana/shared/HDB/HDB00/vm1/trace/backup.log"));
}

TEST_F(LinuxCollect, DenyListHoldsThroughLinksAndIncludes) {
  put("var/lib/waagent/0123.prv", "key material\n");
  put("var/log/private.pem", "key material\n");
  put("etc/azure/ovf-env.xml", "key material\n");
  link("/var/lib/waagent/0123.prv", "var/log/innocent.log");
  link("private.pem", "var/log/also-innocent.log");
  const Unpacked all = unpack_collected({"--profile", "everything", "--include-personal", "--include",
                                         "/var/lib/waagent/*", "--include", "/etc/azure/*"});
  EXPECT_FALSE(all.holds("key material"));
  // A file that two names lead to is named once.
  const std::string said = said_about(all.findings, "never collected");
  for (const char* name : {"innocent.log", "also-innocent.log", "ovf-env.xml"}) EXPECT_THAT(said, HasSubstr(name));
  EXPECT_FALSE(all.has("files/var/log/innocent.log"));
  EXPECT_FALSE(all.has("files/var/log/also-innocent.log"));
}

TEST_F(LinuxCollect, PersonalLogsNeedTheirOptionThroughLinksToo) {
  put("var/log/auth.log", "x\n");
  link("auth.log", "var/log/aaa.log");
  const Unpacked through_link = unpack_collected({"--profile", "minimal", "--include", "/var/log/a*"});
  EXPECT_FALSE(through_link.has("files/var/log/aaa.log"));
  EXPECT_THAT(said_about(through_link.findings, "aaa.log"), HasSubstr("--include-personal"));
}

TEST_F(LinuxCollect, BundleIsItsOwnersAlone) {
  const Unpacked bundle = unpack_collected();
  EXPECT_EQ(std::filesystem::status(bundle.zip).permissions(), std::filesystem::perms(0600));
}

TEST_F(LinuxCollect, DryRunOfTheRealVmTouchesNothing) {
  const Outcome live = collect_live({"--dry-run", "--profile", "minimal"});
  EXPECT_EQ(live.exit_code, 0);
  EXPECT_THAT(live.out, HasSubstr("$ lsblk"));
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.file("out")));
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.file("run")));
}

}  // namespace
}  // namespace vmtriage
