#include "tests/collectors/plan_fixture.h"

namespace vmtriage {
namespace {

class PlansWithLinks : public Plans {
 protected:
  void link(const std::string& path, const std::string& target) {
    const std::filesystem::path whole = folder_.path() + path;
    std::filesystem::create_directories(whole.parent_path());
    std::filesystem::create_symlink(target, whole);
  }
};

TEST_F(PlansWithLinks, NeverTakeSecretsNotEvenThroughALink) {
  file("/etc/shadow");
  file("/var/log/azure/TransportPrivate.pem");
  file("/var/log/azure/host.prv");
  link("/var/log/azure/innocent.log", "/etc/shadow");
  link("/var/log/azure/innocent2.log", "TransportPrivate.pem");
  const Plan made = plan();
  EXPECT_TRUE(paths(made).empty());
  EXPECT_NE(reason(made, "/var/log/azure/host.prv").find("never collected"), std::string::npos);
  EXPECT_NE(reason(made, "/var/log/azure/innocent.log").find("leads out"), std::string::npos) << reason(made, "/var/log/azure/innocent.log");
}

TEST_F(PlansWithLinks, NameEveryLinkThatIsNotFollowed) {
  link("/var/log/dangling.log", "/nowhere");
  link("/var/log/loop.log", "loop.log");
  link("/var/log/folder", "/var/log");
  file("/var/log/real.log");
  link("/var/log/good.log", "real.log");
  const Plan made = plan();
  EXPECT_NE(reason(made, "/var/log/dangling.log"), "");
  EXPECT_NE(reason(made, "/var/log/loop.log").find("too many links"), std::string::npos);
  EXPECT_NE(reason(made, "/var/log/folder").find("folder"), std::string::npos);
  EXPECT_EQ(made.items.size(), 1u) << "the file behind two names is taken once";
}

TEST_F(PlansWithLinks, FindWhatIsBelowAFolderThatIsALinkOnTheVm) {
  link("/var/log", "/data/log");
  file("/data/log/syslog");
  file("/data/log/azure/agent/extension.log");
  const Plan made = plan();
  EXPECT_TRUE(has(made, "/var/log/syslog"));
  EXPECT_TRUE(has(made, "/var/log/azure/agent/extension.log")) << ::testing::PrintToString(paths(made));
}

TEST_F(PlansWithLinks, FindHanaLogsOnceByInode) {
  options_.profiles = {"sap-hana"};
  file("/hana/shared/NDB/HDB00/h1/trace/backup.log");
  file("/hana/shared/NDB/HDB00/h1/trace/DB_X/backint.log");
  link("/usr/sap/NDB/HDB00", "/hana/shared/NDB/HDB00");
  EXPECT_EQ(plan().items.size(), 2u);
}

}  // namespace
}  // namespace vmtriage
