#include "collectors/glob_list.h"

#include <gtest/gtest.h>

#include "agent/base/text.h"
#include "collectors/catalog.h"

namespace vmtriage {
namespace {

TEST(GlobList, MatchesWhatOneOfItsGlobsMatches) {
  const std::vector<std::string> globs = {"/var/log/syslog*",    "/var/log/azure/**",   "*.pem",          "id_rsa*",
                                          "/home/*/.ssh/**",     "/opt/[a-c]x/*.log",   "ovf-env.xml",    "/usr/sap/H?B/HDB*/*/trace/backup.log",
                                          "/a/**/b",             "x/",                  "**"};
  const std::vector<std::string> paths = {"/var/log/syslog",  "disk/var/log/syslog.1.gz", "/var/log/azure/a/b/c", "/var/log/azure", "key.pem",
                                          "key.pem/",         "/root/id_rsa.pub",         "/home/u/.ssh/known",   "/opt/bx/y.log",  "/opt/dx/y.log",
                                          "a/ovf-env.xml",    "my-ovf-env.xml",           "/usr/sap/HDB/HDB00/h/trace/backup.log",  "/a/b",
                                          "/a/x/y/b",         "x",                        "x/",                   "",               "/"};
  for (const std::string& glob : globs) {
    for (const std::string& path : paths) EXPECT_EQ(GlobList({glob}).match_tail(path), glob_match_tail(glob, path)) << glob << " " << path;
  }
  EXPECT_TRUE(GlobList({"nothing", "*.pem"}).match_tail("a.pem"));
  EXPECT_FALSE(GlobList().match_tail("a.pem"));
}

TEST(GlobList, MatchesWhatTheCataloguesGlobsMatch) {
  std::vector<std::string> paths;
  for (const ArtifactSpec& spec : Catalog::built_in().specs()) {
    for (std::string path : spec.globs) {
      for (char& c : path) c = c == '*' ? 'x' : c == '?' ? 'y' : c;
      paths.push_back(path);
    }
  }
  for (const ArtifactSpec& spec : Catalog::built_in().specs()) {
    for (const std::string& glob : spec.globs) {
      const GlobList list({glob});
      for (const std::string& path : paths) ASSERT_EQ(list.match_tail(path), glob_match_tail(glob, path)) << glob << " " << path;
    }
  }
}

}  // namespace
}  // namespace vmtriage
