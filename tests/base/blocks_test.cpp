#include "agent/base/blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace vmtriage {
namespace {

/// Hands a text out in pieces of `step` bytes, then ends or fails.
ReadBytes reader(std::string text, std::size_t step, std::optional<Error> end = std::nullopt) {
  return
      [text = std::move(text), step, end, at = std::size_t{0}](std::span<char> target) mutable -> Result<std::size_t> {
        if (at == text.size() && end) return *end;
        const std::size_t count = text.copy(target.data(), std::min(step, target.size()), at);
        at += count;
        return count;
      };
}

TEST(Blocks, HoldWholeLinesWhateverTheReadsAre) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "line " + std::to_string(i) + "\n";
  text += "no newline at the end";
  for (const std::size_t step : {1u, 7u, 64u, 4096u}) {
    BlockReader blocks(reader(text, step), 64);
    std::string all;
    for (;;) {
      const auto block = blocks.next();
      ASSERT_TRUE(block);
      if (block->text.empty()) break;
      all += block->text;
      EXPECT_FALSE(block->cut);
      EXPECT_TRUE(block->text.ends_with('\n') || all.size() == text.size());
    }
    EXPECT_EQ(all, text);
  }
}

TEST(Blocks, CutALineThatIsTooLongAtItsLastBlank) {
  BlockReader blocks(reader("aaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbb\nc\n", 5), 32, 32);
  const auto first = blocks.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaa ");
  EXPECT_TRUE(first->cut);
  const auto second = blocks.next();
  EXPECT_EQ(second->text, "bbbbbbbb\nc\n");
  EXPECT_FALSE(second->cut);
}

TEST(Blocks, ALongLineIsWholeWhereABlockMayGrow) {
  const std::string line = std::string(100, 'a') + " b\n";
  BlockReader blocks(reader("short\n" + line + "c\n", 5), 32, 128);
  std::vector<std::string> texts;
  for (auto block = blocks.next(); block && !block->text.empty(); block = blocks.next()) {
    EXPECT_FALSE(block->cut);
    texts.emplace_back(block->text);
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"short\n", line + "c\n"}));
}

TEST(Blocks, GiveWhatWasReadBeforeAnError) {
  BlockReader blocks(reader("one\ntwo", 3, Error{ErrorCode::corrupt, "x.gz: truncated"}), 64);
  const auto block = blocks.next();
  ASSERT_TRUE(block);
  EXPECT_EQ(block->text, "one\ntwo");
  const auto end = blocks.next();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().what, "x.gz: truncated");
}

}  // namespace
}  // namespace vmtriage
