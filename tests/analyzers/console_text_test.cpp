#include "analyzers/console_text.h"

#include <gtest/gtest.h>

#include "agent/base/text.h"
#include "tests/analyzers/vss_samples.h"

namespace vmtriage {
namespace {

TEST(ConsoleText, ValidUtf8StaysAsItIs) {
  for (const std::string_view text : {"", "plain", "状態: [1] 安定\r\n", "État : [1]\n"})
    EXPECT_EQ(decode_console(text), text);
}

TEST(ConsoleText, JapaneseConsoleOutputIsDecoded) {
  EXPECT_EQ(decode_console(kJapaneseWritersCp932), kJapaneseWriters);
}

TEST(ConsoleText, HalfWidthKanaIsDecodedWithinJapanese) {
  EXPECT_EQ(decode_console("\x83\x89\x83\x43\x83\x5E\x81\x5B \xB4\xD7\xB0"), "ライター ｴﾗｰ");
}

TEST(ConsoleText, WesternBytesAreDecodedInTheCodePageThatGivesLetters) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"Derni\xE8re erreur\xA0: \xC9tat", "Dernière erreur\u00A0: État"},  // code page 1252
      {"Derni\x8Are erreur\xFF: cr\x82"
       "er",
       "Dernière erreur\u00A0: créer"},  // code page 850
      {"f\x81r gew\x84hrt", "für gewährt"},
      {"f\xFCr gew\xE4hrt", "für gewährt"},
      {"cr\xE9"
       "\xE9"
       "es \xE9tait \xE9t\xE9",
       "créées était été"},
  };
  for (const auto& [bytes, text] : cases) EXPECT_EQ(decode_console(bytes), text);
}

TEST(ConsoleText, LinesOfSeveralEncodingsInOneTextAreDecodedEach) {
  const std::string mixed = "状態: [1] 安定\n" + std::string(kJapaneseWritersCp932);
  EXPECT_EQ(decode_console(mixed), "状態: [1] 安定\n" + std::string(kJapaneseWriters));
}

TEST(ConsoleText, Utf16IsDecodedWithItsMarkAndNulsAreDroppedWithout) {
  EXPECT_EQ(decode_console("\xFF\xFE" + utf8_to_utf16("状態: [1]\n")), "状態: [1]\n");
  EXPECT_EQ(decode_console("\xFE\xFF" + utf8_to_utf16("State: [1]\n", true)), "State: [1]\n");
  EXPECT_EQ(decode_console("a\n" + utf8_to_utf16("State: [1]\n")), "a\nState: [1]\n");
}

TEST(ConsoleText, WhateverTheBytesTheResultIsValidUtf8) {
  std::string bytes;
  for (int i = 1; i < 256; ++i) bytes += std::string(1, static_cast<char>(i)) + static_cast<char>(255 - i / 2);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    EXPECT_TRUE(is_valid_utf8(decode_console(std::string_view(bytes).substr(cut)))) << cut;
    EXPECT_TRUE(is_valid_utf8(decode_console(std::string(kJapaneseWritersCp932.substr(0, cut)) + "\x83"))) << cut;
  }
}

}  // namespace
}  // namespace vmtriage
