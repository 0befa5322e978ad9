#include "agent/entry_name.h"

#include <gtest/gtest.h>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

struct NameCase {
  std::string origin;
  std::string expected;
};

const NameCase kNames[] = {
    {"/var/log/azure/x.log", "var/log/azure/x.log"},
    {"C:\\WindowsAzure\\Logs\\WaAppAgent.log", "C/WindowsAzure/Logs/WaAppAgent.log"},
    {"c:relative.log", "c/relative.log"},
    {"\\\\?\\D:\\x", "D/x"},
    {"\\\\server\\share\\x", "server/share/x"},
    {"tss\\out\\x.txt", "tss/out/x.txt"},
    {"/var/log/back\\slash", "var/log/back%5Cslash"},
    {"../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd"},
    {"..\\..\\evil.exe", "%2E%2E/%2E%2E/evil.exe"},
    {"/a/./b//c/", "a/b/c"},
    {"...", "..%2E"},
    {"", "_"},
    {"/", "_"},
    {"./", "_"},
    {"a\nb\tc\x7f", "a%0Ab%09c%7F"},
    {"ab\xff\xfe.log", "ab%FF%FE.log"},
    {"overlong\xc0\xaf", "overlong%C0%AF"},
    {"surrogate\xed\xa0\x80", "surrogate%ED%A0%80"},
    {"a<b>c:d\"e|f?g*h", "a%3Cb%3Ec%3Ad%22e%7Cf%3Fg%2Ah"},
    {"log. /x", "log.%20/x"},
    {"log./x", "log%2E/x"},
    {"CON", "%43ON"},
    {"/tmp/nul.tar.gz", "tmp/%6Eul.tar.gz"},
    {"com1.txt", "%63om1.txt"},
    {"LPT¹", "%4CPT¹"},
    {"COM10", "COM10"},
    {"console.log", "console.log"},
    {"/ログ/バックアップ😀.log", "ログ/バックアップ😀.log"},
    {"gnp.\u202eexe", "gnp.%E2%80%AEexe"},
    {"next\u0085line\u2028", "next%C2%85line%E2%80%A8"},
    {"100%.log", "100%.log"},
    {std::string("a\0b", 3), "a%00b"},
};

class EntryName : public testing::TestWithParam<NameCase> {};

TEST_P(EntryName, IsSafeAndStaysAsItIsTheSecondTime) {
  const std::string name = safe_entry_name(GetParam().origin);
  EXPECT_EQ(name, GetParam().expected);
  EXPECT_EQ(safe_entry_name(name), name);
}

INSTANTIATE_TEST_SUITE_P(Origins, EntryName, testing::ValuesIn(kNames));

TEST(EntryNameLength, LongSegmentKeepsItsExtensionAndDiffersFromItsNeighbour) {
  const std::string a = safe_entry_name(std::string(300, 'x') + "1.log");
  const std::string b = safe_entry_name(std::string(300, 'x') + "2.log");
  EXPECT_NE(a, b);
  EXPECT_TRUE(a.ends_with(".log"));
  EXPECT_EQ(a.size(), kMaxSegmentBytes);
  EXPECT_EQ(safe_entry_name(a), a);
}

TEST(EntryNameLength, CutsBetweenCharacters) {
  for (int shift = 0; shift < 4; ++shift) {
    std::string long_name(static_cast<std::size_t>(shift), 'x');
    for (int i = 0; i < 100; ++i) long_name += "ログ";
    const std::string name = safe_entry_name(long_name);
    EXPECT_TRUE(is_valid_utf8(name)) << name;
    EXPECT_LE(name.size(), kMaxSegmentBytes);
    EXPECT_EQ(safe_entry_name(name), name);
  }
}

TEST(EntryNameLength, DeepPathKeepsItsFileName) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "/" + std::string(200, static_cast<char>('a' + i % 26));
  const std::string name = safe_entry_name(deep + "/waagent.log");
  EXPECT_TRUE(name.ends_with("/waagent.log"));
  EXPECT_LE(name.size(), kMaxEntryNameBytes);
  EXPECT_EQ(safe_entry_name(name), name);
}

TEST(EntryNameNumber, StandsBeforeTheExtension) {
  EXPECT_EQ(numbered_entry_name("var/log/syslog", 2), "var/log/syslog~2");
  EXPECT_EQ(numbered_entry_name("var/log.d/waagent.log", 3), "var/log.d/waagent~3.log");
  EXPECT_EQ(numbered_entry_name(".bashrc", 2), ".bashrc~2");
}

TEST(EntryNameNumber, KeepsTheLengthLimit) {
  const std::string name = safe_entry_name(std::string(kMaxSegmentBytes, 'x'));
  EXPECT_LE(numbered_entry_name(name, 2).size(), kMaxSegmentBytes);
  EXPECT_NE(numbered_entry_name(name, 2), numbered_entry_name(name, 3));
}

}  // namespace
}  // namespace vmtriage
