#include <windows.h>

#include <memory>

#include "agent/base/text.h"
#include "collectors/windows/native.h"
#include "tests/cli/bad_input.h"
#include "tests/cli/windows/pseudo_console.h"

namespace vmtriage {
namespace {

using ::testing::HasSubstr;

constexpr const char* kJapanese = "ライターが継続的な理由で失敗しています";
const Arguments kSaysIt = {"explain", "0x800423f4", "--lang", "ja"};

TEST(Console, TextIsRightInEveryCodePageAndTheCodePageIsLeftAsItWas) {
  const Outcome redirected = run_program(kSaysIt);
  EXPECT_TRUE(is_valid_utf8(redirected.out));
  ASSERT_THAT(redirected.out, HasSubstr(kJapanese));
  for (const unsigned code_page : {437u, 932u, 65001u}) {
    SCOPED_TRACE(code_page);
    PseudoConsole console(code_page, kSaysIt);
    EXPECT_EQ(console.wait(), 0);
    EXPECT_THAT(console.shown(), HasSubstr(kJapanese));
    EXPECT_THAT(console.shown(), HasSubstr("[code page " + std::to_string(code_page) + "]"));
    EXPECT_TRUE(is_valid_utf8(console.shown()));
  }
}

/// A collection that takes a while, on a console.
class OnAConsole : public BadInput {
 protected:
  OnAConsole() { fill(put("var/log/messages", ""), 96 * kMiB, long_words(kMiB - 1) + "\n"); }

  /// Starts it and waits until it has begun its bundle.
  std::unique_ptr<PseudoConsole> begun() const {
    auto console =
        std::make_unique<PseudoConsole>(437, collect_arguments({"--compression", "small", "--threads", "1"}));
    while (files_in_target() == 0 && !console->ends_within(5)) {
    }
    return console;
  }

  std::filesystem::path first_in_target() const { return std::filesystem::directory_iterator(target_)->path(); }
  bool has_temporary() const { return files_in_target() == 1 && first_in_target().extension() == ".part"; }
  bool temporary_is_free() const {
    return bool(Handle(CreateFileW(first_in_target().c_str(), GENERIC_READ,
                                   FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING, 0,
                                   nullptr)));
  }

  void expect_partial_bundle_in_target() const {
    EXPECT_EQ(files_in_target(), 1u);
    for (const auto& entry : std::filesystem::directory_iterator(target_)) {
      const Unpacked bundle = unpack_file(entry.path().string());
      EXPECT_TRUE(bundle.manifest["partial"]);
      EXPECT_FALSE(bundle.findings["verdict"]["complete"]);
      const Outcome verified = run_program({"verify", bundle.zip});
      EXPECT_EQ(verified.exit_code, 0);
      EXPECT_THAT(verified.out, HasSubstr("ended early"));
    }
  }
};

TEST_F(OnAConsole, CtrlCGivesAValidPart) {
  const auto console = begun();
  console->press(CTRL_C_EVENT);
  EXPECT_EQ(console->wait(), 3);
  expect_partial_bundle_in_target();
}

TEST_F(OnAConsole, CtrlBreakGivesAValidPart) {
  const auto console = begun();
  console->press(CTRL_BREAK_EVENT);
  const int code = console->wait();
  if (code == PseudoConsole::kCannotPress) GTEST_SKIP() << "this system cannot press Ctrl+Break";
  EXPECT_EQ(code, 3);
  expect_partial_bundle_in_target();
}

TEST_F(OnAConsole, ClosedWindowGivesAValidPart) {
  const auto console = begun();
  console->close();
  console->wait();
  // The runner is gone with its console; the program gets a few seconds more, in which nobody else may open its
  // temporary.
  for (int opened = 0; has_temporary();) {
    opened = temporary_is_free() ? opened + 1 : 0;
    if (opened == 20) GTEST_SKIP() << "this system ends the programs of a closed console without asking them";
    Sleep(20);
  }
  expect_partial_bundle_in_target();
}

}  // namespace
}  // namespace vmtriage
