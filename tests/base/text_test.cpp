#include "agent/base/text.h"

#include <gtest/gtest.h>

namespace vmtriage {
namespace {

TEST(CountLines, CountsEveryNewlineOfATextOfAnyLength) {
  std::string text;
  std::uint64_t expected = 0;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(count_lines(text), expected) << i;
    // Runs of hundreds of newlines, too: they are summed up in bytes.
    const bool newline = i % 7 == 0 || (i > 600 && i < 1200);
    text += newline ? '\n' : static_cast<char>(i);
    expected += text.back() == '\n' ? 1 : 0;
  }
}

TEST(Text, PlacesAreFilledInAndUnknownOnesBecomeEmpty) {
  const Values values = {{"component", "/data"}, {"reason", "busy"}};
  EXPECT_EQ(fill_in("{component}: {reason}{nothing}.", values), "/data: busy.");
  EXPECT_EQ(fill_in("json {\"a\": 1} and {{component}}", values), "json {\"a\": 1} and {/data}");
  EXPECT_EQ(fill_in("open { end", values), "open { end");
}

TEST(Text, WhatIsNotPrintableIsShownAsItsCode) {
  EXPECT_EQ(printable("a\nb"), "a\\nb");
  EXPECT_EQ(printable("x\x1b[31m"), "x\\x1B[31m");
  EXPECT_EQ(printable("bad \xff utf"), "bad \\xFF utf");
  EXPECT_EQ(printable("日本語"), "日本語");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xC0\\xAF") << "overlong forms are no characters";
}

TEST(Text, ShorteningNeverTearsACharacter) {
  EXPECT_EQ(shorten("abc", 10), "abc");
  for (std::size_t max = 0; max < 12; ++max) EXPECT_TRUE(is_valid_utf8(shorten("日本語です", max))) << max;
}

TEST(Text, Utf16GoesThereAndBack) {
  const std::string text = "VSS ライター 😀";
  for (const bool big_endian : {false, true}) EXPECT_EQ(utf16_to_utf8(utf8_to_utf16(text, big_endian), big_endian), text);
  EXPECT_EQ(utf16_to_utf8(std::string("\x00\xd8", 2)), "\xef\xbf\xbd") << "an unpaired surrogate";
}

struct GlobCase {
  const char* pattern;
  const char* path;
  bool whole, tail;
};

class Glob : public testing::TestWithParam<GlobCase> {};

TEST_P(Glob, Matches) {
  const GlobCase& c = GetParam();
  EXPECT_EQ(glob_match(c.pattern, c.path), c.whole) << c.pattern << " " << c.path;
  EXPECT_EQ(glob_match_tail(c.pattern, c.path), c.tail) << c.pattern << " " << c.path;
}

INSTANTIATE_TEST_SUITE_P(
    Table, Glob,
    testing::Values(GlobCase{"/var/log/waagent*", "/var/log/waagent.log.1", true, true},
                    GlobCase{"/var/log/waagent*", "disk/var/log/waagent.log", false, true},
                    GlobCase{"/var/log/waagent*", "/var/log/azure/waagent.log", false, false},
                    GlobCase{"/var/log/azure/**", "/var/log/azure/a/b/c.log", true, true},
                    GlobCase{"/hana/shared/*/HDB[0-9][0-9]/*/trace/DB_*/backup.log", "/hana/shared/NDB/HDB00/h/trace/DB_X/backup.log", true, true},
                    GlobCase{"/hana/shared/*/HDB[0-9][0-9]/*/trace/backup.log", "/hana/shared/NDB/HDB000/h/trace/backup.log", false, false},
                    GlobCase{"*.pem", "/var/lib/waagent/TransportCert.pem", false, true},
                    GlobCase{"/a/[0-9]*.status", "/a/3.status", true, true},
                    GlobCase{"/a/[!0-9]*.status", "/a/3.status", false, false},
                    GlobCase{"/**/x", "/x", true, true}, GlobCase{"**", "/", true, false}));

TEST(Text, SizesAreReadAndWritten) {
  EXPECT_EQ(parse_size("64M"), 64u << 20);
  EXPECT_EQ(parse_size("1 GiB"), 1ull << 30);
  EXPECT_EQ(parse_size("500000"), 500000u);
  for (const char* wrong : {"", "M", "12Q", "1.5M", "-1", "99999999999999999999", "99999999999G"}) EXPECT_FALSE(parse_size(wrong)) << wrong;
  EXPECT_EQ(format_size(1536), "1.5 KiB");
  EXPECT_EQ(format_size(12), "12 bytes");
}

TEST(Text, Base64IsDecodedOrRefused) {
  EXPECT_EQ(decode_base64("aGVsbG8="), "hello");
  EXPECT_EQ(decode_base64("aGVs bG8"), "hello");
  EXPECT_FALSE(decode_base64("a*b"));
}

}  // namespace
}  // namespace vmtriage
