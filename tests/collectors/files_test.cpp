#include "collectors/files.h"

#include <gtest/gtest.h>

namespace vmtriage {
namespace {

TEST(VmPaths, AreShownAsTheVmsOwnToolsShowThem) {
  EXPECT_EQ(shown_path("linux", "/var/log/x"), "/var/log/x");
  EXPECT_EQ(shown_path("windows", "/Windows/System32/x.log"), "C:\\Windows\\System32\\x.log");
  EXPECT_EQ(shown_path("windows", "/D:/SQL/ERRORLOG"), "D:\\SQL\\ERRORLOG");
  EXPECT_EQ(shown_path("windows", "vssadmin list writers"), "vssadmin list writers");
}

TEST(VmPaths, AreUnderstoodAsTheirUserTypesThem) {
  struct Case {
    const char* os;
    const char* typed;
    const char* path;
  };
  for (const Case& c : {
           Case{"linux", "/root/a\\b", "/root/a\\b"},
           Case{"windows", "C:\\Temp\\vm1-20240501\\", "/Temp/vm1-20240501/"},
           Case{"windows", "c:/Temp", "/Temp"},
           Case{"windows", "C:", "/"},
           Case{"windows", "\\\\?\\C:\\Temp", "/Temp"},
           Case{"windows", "D:\\out\\x.zip", "/D:/out/x.zip"},
           Case{"windows", "/Windows/Logs", "/Windows/Logs"},
           Case{"windows", "*.tmp", "*.tmp"},
           Case{"windows", "C:relative", "C:relative"},
       }) {
    EXPECT_EQ(vm_path_of(c.os, c.typed), c.path) << c.typed;
  }
}

TEST(VmPaths, AreAlsoToldFromWhatThisMachineCallsThem) {
  struct Case {
    const char* root;
    const char* os;
    const char* typed;
    const char* path;
  };
  for (const Case& c : {
           Case{"E:/", "windows", "E:\\Temp\\x", "/Temp/x"},
           Case{"E:/", "windows", "e:/temp", "/temp"},
           Case{"E:/", "windows", "E:\\", "/"},
           Case{"E:\\", "windows", "E:\\Temp\\x", "/Temp/x"},
           Case{"E:/", "windows", "C:\\Temp\\x", "none"},
           Case{"E:/vm", "windows", "E:\\VM\\Temp", "/Temp"},
           Case{"E:/vm", "windows", "E:\\vm2\\Temp", "none"},
           Case{"/mnt/vm", "windows", "/mnt/vm/Temp", "/Temp"},
           Case{"/mnt/vm", "linux", "/mnt/vm/var/log", "/var/log"},
           Case{"/mnt/vm", "linux", "/mnt/VM/var/log", "none"},
           Case{"/mnt/vm", "linux", "/mnt/vm", "/"},
           Case{"/mnt/vm", "linux", "*.tmp", "none"},
           Case{"/", "linux", "/var/log", "none"},
           Case{"/", "windows", "C:\\Temp", "none"},
       }) {
    EXPECT_EQ(vm_path_below(c.root, c.os, c.typed).value_or("none"), c.path) << c.root << " " << c.typed;
  }
}

}  // namespace
}  // namespace vmtriage
