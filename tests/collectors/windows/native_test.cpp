#include "collectors/windows/native.h"

#include <gtest/gtest.h>

#include "collectors/privileges.h"

namespace vmtriage {
namespace {

TEST(NativePath, IsTheLongFormWithoutDots) {
  struct Case {
    const char* path;
    std::wstring native;
  };
  const std::wstring drive = to_wide(system_drive());
  for (const Case& c : {
           Case{"C:/Temp/a.log", L"\\\\?\\C:\\Temp\\a.log"},
           Case{"C:\\Temp\\.\\b\\..\\a.log", L"\\\\?\\C:\\Temp\\a.log"},
           Case{"C:/../../x", L"\\\\?\\C:\\x"},
           Case{"e:", L"\\\\?\\e:\\"},
           Case{"E:\\/.", L"\\\\?\\E:\\"},
           Case{"/Windows/Logs", L"\\\\?\\" + drive + L"\\Windows\\Logs"},
           Case{"/D:/Data/x.log", L"\\\\?\\D:\\Data\\x.log"},
           Case{"/", L"\\\\?\\" + drive + L"\\"},
           Case{"\\\\server\\share\\x.log", L"\\\\?\\UNC\\server\\share\\x.log"},
           Case{"\\\\?\\C:\\x", L"\\\\?\\C:\\x"},
           Case{"\\\\?\\UNC\\server\\share", L"\\\\?\\UNC\\server\\share"},
           Case{"C:/con.log", L"\\\\?\\C:\\con.log"},
           Case{"C:/ends with a blank ", L"\\\\?\\C:\\ends with a blank "},
           Case{"C:/ログ/😀.log", L"\\\\?\\C:\\ログ\\😀.log"},
       }) {
    EXPECT_EQ(to_utf8(native_path(c.path)), to_utf8(c.native)) << c.path;
  }
}

TEST(NativePath, ARelativePathBecomesAbsolute) {
  const std::string path = path_of(native_path("some/file.log"));
  EXPECT_TRUE(path.ends_with("/some/file.log")) << path;
  EXPECT_EQ(path[1], ':') << path;
}

TEST(NativePath, PathsOfThisMachineHaveSlashes) {
  EXPECT_EQ(path_of(L"\\\\?\\C:\\Temp\\x"), "C:/Temp/x");
  EXPECT_EQ(path_of(L"\\\\?\\UNC\\server\\share\\x"), "//server/share/x");
}

TEST(OsError, IsOneLineThatNamesTheThing) {
  const Error error = os_error("C:/x", ERROR_SHARING_VIOLATION);
  EXPECT_EQ(error.code, ErrorCode::locked);
  EXPECT_EQ(error.what, "C:/x: used by another process");
  const Error other = os_error("C:/x", ERROR_DISK_FULL);
  EXPECT_TRUE(other.what.starts_with("C:/x: ")) << other.what;
  EXPECT_EQ(other.what.find_first_of("\r\n"), std::string::npos) << other.what;
  EXPECT_FALSE(other.what.ends_with('.')) << other.what;
}

TEST(OsError, OfMissingRightsSaysHowToGetThem) {
  const Error error = os_error("C:/x", ERROR_ACCESS_DENIED);
  EXPECT_EQ(error.code, ErrorCode::access_denied);
  EXPECT_TRUE(error.what.starts_with("C:/x: access denied")) << error.what;
  EXPECT_EQ(error.what.find("elevated") == std::string::npos, is_administrator()) << error.what;
}

TEST(NativePath, IsShownAsWindowsShowsIt) {
  EXPECT_EQ(shown("/Windows/x"), system_drive() + "\\Windows\\x");
  EXPECT_EQ(shown("E:/a/b"), "E:\\a\\b");
  EXPECT_EQ(shown("//server/share/x"), "\\\\server\\share\\x");
}

}  // namespace
}  // namespace vmtriage
