#include "collectors/registry_format.h"

#include <gtest/gtest.h>

#include "agent/base/text.h"
#include "agent/redactor.h"
#include "analyzers/checks/registry_text.h"

namespace vmtriage {
namespace {

constexpr std::uint32_t kText = 1, kExpandable = 2, kBinary = 3, kNumber = 4, kTexts = 7, kLongNumber = 11;

std::string wide(std::string_view text) { return utf8_to_utf16(text); }

TEST(RegistryFormat, EveryTypeIsReadable) {
  EXPECT_EQ(registry_line("USEVSSCOPYBACKUP", kText, wide(std::string_view("TRUE\0", 5))), R"("USEVSSCOPYBACKUP"="TRUE")");
  EXPECT_EQ(registry_line("a \"b\"", kText, wide("c:\\d")), R"("a \"b\""="c:\\d")");
  EXPECT_EQ(registry_line("ImagePath", kExpandable, wide("%x%")), R"("ImagePath"=expand:"%x%")");
  EXPECT_EQ(registry_line("Names", kTexts, wide(std::string_view("a\0b\0\0", 5))), R"("Names"=multi:"a","b")");
  EXPECT_EQ(registry_line("Start", kNumber, std::string_view("\x03\0\0\0", 4)), R"("Start"=dword:00000003)");
  EXPECT_EQ(registry_line("Long", kLongNumber, std::string_view("\1\2\0\0\0\0\0\0", 8)), R"("Long"=qword:0000000000000201)");
  EXPECT_EQ(registry_line("", kBinary, "\x01\xff"), "@=hex:01,ff");
}

TEST(RegistryFormat, DamagedAndEndlessDataStaysShort) {
  EXPECT_EQ(registry_line("Start", kNumber, "\x03"), R"("Start"=hex:03)");
  EXPECT_EQ(registry_line("Odd", kText, "A"), R"("Odd"="")");
  EXPECT_EQ(registry_line("Lines", kText, wide("a\r\nb")), R"("Lines"="a\r\nb")");
  EXPECT_LT(registry_line("Long", kText, wide(std::string(100'000, 'x'))).size(), 5000u);
  EXPECT_LT(registry_line("Long", kBinary, std::string(100'000, 'x')).size(), 300u);
}

TEST(RegistryFormat, WhatIsWrittenIsReadBack) {
  const std::string text = "[HKEY_LOCAL_MACHINE\\A]\n" + registry_line("p\"q", kText, wide("c:\\d \"e\"")) + "\n" +
                           registry_line("n", kNumber, std::string_view("\x0a\0\0\0", 4)) + "\n" +
                           registry_line("many", kTexts, wide(std::string_view("a\0b\0\0", 5))) + "\n" +
                           registry_line("", kExpandable, wide("%SystemRoot%\\x")) + "\n";
  const RegistryText registry = parse_registry_text(text);
  ASSERT_EQ(registry.values.size(), 4u);
  EXPECT_EQ(registry.find("\\A", "p\"q")->data, "c:\\d \"e\"");
  EXPECT_EQ(registry.find("\\A", "n")->number, 10u);
  EXPECT_EQ(registry.find("\\A", "many")->data, "a\nb");
  EXPECT_EQ(registry.find("\\A", "")->data, "%SystemRoot%\\x");
}

TEST(RegistryFormat, SecretsAreReplacedLikeThoseOfALog) {
  const Redactor redactor;
  for (const std::string& line :
       {registry_line("Password", kText, wide("Hunter2Hunter2")),
        registry_line("Url", kText, wide("https://x.blob.core.windows.net/y?sv=2020-08-04&sig=Hunter2Hunter2abcdefghijklmnopqrstuvwxyz%3D")),
        registry_line("ProxyPassword", kExpandable, wide("Hunter2Hunter2"))}) {
    EXPECT_EQ(redactor.line(line).find("Hunter2"), std::string::npos) << redactor.line(line);
  }
}

}  // namespace
}  // namespace vmtriage
