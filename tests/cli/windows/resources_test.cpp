#include <windows.h>
#include <winver.h>

#include "collectors/windows/native.h"
#include "tests/cli/cli.h"

namespace vmtriage {
namespace {

using ::testing::HasSubstr;

std::string resource(const wchar_t* type) {
  const HMODULE program = LoadLibraryExW(to_wide(built_program()).c_str(), nullptr, LOAD_LIBRARY_AS_DATAFILE);
  const HRSRC place = FindResourceW(program, MAKEINTRESOURCEW(1), type);
  std::string bytes;
  if (place != nullptr) {
    bytes.assign(static_cast<const char*>(LockResource(LoadResource(program, place))), SizeofResource(program, place));
  }
  FreeLibrary(program);
  return bytes;
}

TEST(Resources, ManifestAsksForNoRightsAndForLongPathsAndUtf8) {
  const std::string manifest = resource(RT_MANIFEST);
  EXPECT_THAT(manifest, HasSubstr("level=\"asInvoker\" uiAccess=\"false\""));
  EXPECT_THAT(manifest, HasSubstr(">true</longPathAware>"));
  EXPECT_THAT(manifest, HasSubstr(">UTF-8</activeCodePage>"));
  // Windows 10, 11 and Server 2016 to 2025.
  EXPECT_THAT(manifest, HasSubstr("supportedOS Id=\"{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}\""));
}

TEST(Resources, VersionIsThatOfTheProgram) {
  std::string version = resource(RT_VERSION);
  VS_FIXEDFILEINFO* fixed = nullptr;
  UINT size = 0;
  ASSERT_TRUE(VerQueryValueW(version.data(), L"\\", reinterpret_cast<void**>(&fixed), &size));
  const std::string numbers = std::to_string(HIWORD(fixed->dwFileVersionMS)) + "." +
                              std::to_string(LOWORD(fixed->dwFileVersionMS)) + "." +
                              std::to_string(HIWORD(fixed->dwFileVersionLS));
  EXPECT_EQ(numbers, VMTRIAGE_VERSION);
  wchar_t* text = nullptr;
  ASSERT_TRUE(VerQueryValueW(version.data(), L"\\StringFileInfo\\040904B0\\ProductVersion",
                             reinterpret_cast<void**>(&text), &size));
  EXPECT_EQ(to_utf8(text), VMTRIAGE_VERSION);
  EXPECT_THAT(run_program({"--version"}).out, HasSubstr(VMTRIAGE_VERSION));
}

}  // namespace
}  // namespace vmtriage
