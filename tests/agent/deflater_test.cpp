#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "agent/entry_compressor.h"
#include "tests/agent/scratch_folder.h"

namespace vmtriage {
namespace {

std::string some_log(std::size_t lines) {
  std::string text;
  for (std::size_t i = 0; i < lines; ++i) {
    text += "2024-05-01T02:03:" + std::to_string(i % 60) +
            ".123Z INFO ExtHandler ProcessGoalState started [incarnation " +
            std::to_string(i * 2'654'435'761u % 100'000) + "]\n";
  }
  return text;
}

std::string compressed(Compression compression, std::string_view bytes, std::size_t piece, unsigned helpers = 0) {
  DeflaterPool pool(compression);
  ThreadSlots slots(helpers + 1, helpers);
  std::string out;
  {
    EntryCompressor compressor(pool, pool.take(), &slots);
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), piece))) {
      compressor.add(bytes.substr(0, piece), out);
    }
    compressor.finish(out);
  }
  for (unsigned i = 0; i < helpers; ++i) EXPECT_TRUE(slots.try_take()) << "a helper kept its slot";
  return out;
}

std::string inflated(std::string_view packed, std::size_t size) {
  std::string out(size + 1, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, -MAX_WBITS), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u) << "bytes behind the end of the stream";
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

class DeflaterOf : public testing::TestWithParam<Compression> {};

TEST_P(DeflaterOf, AnyInflaterReadsItWhateverThePiecesWere) {
  for (const std::string& bytes :
       {std::string(), std::string("x"), some_log(3000), noise(300'000), std::string(1 << 20, '\0')}) {
    for (const std::size_t piece : {std::size_t{1000}, std::size_t{65536}, std::size_t{1} << 21}) {
      const std::string packed = compressed(GetParam(), bytes, piece);
      EXPECT_TRUE(inflated(packed, bytes.size()) == bytes) << bytes.size() << " bytes in pieces of " << piece;
    }
  }
}

TEST_P(DeflaterOf, HelpersChangeNoByte) {
  constexpr std::size_t kBlock = EntryCompressor::kBlockBytes;
  const std::string log = some_log(200'000), random = noise(3 * kBlock);
  ASSERT_GT(log.size(), 10 * kBlock);
  for (const std::string_view bytes : {std::string_view(log), std::string_view(log).substr(0, kBlock),
                                       std::string_view(log).substr(0, 3 * kBlock), std::string_view(random)}) {
    const std::string alone = compressed(GetParam(), bytes, 65536);
    EXPECT_TRUE(inflated(alone, bytes.size()) == bytes) << bytes.size();
    for (const unsigned helpers : {1u, 7u}) {
      EXPECT_TRUE(compressed(GetParam(), bytes, 65536, helpers) == alone) << bytes.size() << " bytes, " << helpers;
    }
  }
}

TEST_P(DeflaterOf, BlocksReferToWhatStandsBeforeThem) {
  // 1 MiB that does not shrink, and the end of it once more: only the window before the block makes that small.
  const std::string first = noise(EntryCompressor::kBlockBytes);
  const std::string bytes = first + first.substr(first.size() - 16'000);
  EXPECT_LT(compressed(GetParam(), bytes, 65536).size(), first.size() + 4'000);
}

TEST(EntryCompressor, EntryThatIsGivenUpLetsItsHelpersGo) {
  DeflaterPool pool(Compression::normal);
  ThreadSlots slots(3, 2);
  {
    EntryCompressor compressor(pool, pool.take(), &slots);
    std::string out;
    compressor.add(noise(8 * EntryCompressor::kBlockBytes), out);
  }
  EXPECT_TRUE(slots.try_take() && slots.try_take());
}

INSTANTIATE_TEST_SUITE_P(Deflater, DeflaterOf,
                         testing::Values(Compression::fast, Compression::normal, Compression::small));

TEST(Deflater, ShortAndOddTextsAreReadByAnyInflater) {
  // Each has another end of the search, another kind of block or another depth of code.
  std::vector<std::string> texts;
  for (std::size_t size = 0; size < 600; ++size) texts.push_back(some_log(8).substr(0, size));
  std::string skewed;  // counts as steep as Fibonacci's numbers ask for codes longer than deflate has
  for (std::size_t byte = 0, count = 1, next = 1; byte < 22; ++byte, std::swap(count, next), next += count)
    skewed.append(count, static_cast<char>('a' + byte));
  std::shuffle(skewed.begin(), skewed.end(), std::mt19937(3));
  texts.push_back(skewed);
  std::string every_byte;
  for (int round = 0; round < 4; ++round) {
    for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  }
  texts.push_back(every_byte);
  texts.push_back(some_log(500) + noise(200'000) + some_log(500));
  for (const std::string& text : texts)
    EXPECT_TRUE(inflated(compressed(Compression::normal, text, 65536), text.size()) == text) << text.size();
}

TEST(Deflater, WhatDoesNotShrinkIsStored) {
  const std::string bytes = noise(1 << 20);
  EXPECT_LT(compressed(Compression::normal, bytes, 65536).size(), bytes.size() + bytes.size() / 1000);
  EXPECT_LE(compressed(Compression::normal, "x", 65536).size(), 3u);
}

TEST(Deflater, SmallIsSmallerThanTheQuickOnes) {
  const std::string bytes = some_log(20'000);
  const auto size = [&](Compression compression) { return compressed(compression, bytes, 65536).size(); };
  EXPECT_LT(size(Compression::fast), bytes.size() / 3);
  EXPECT_LT(size(Compression::small), size(Compression::fast));
  EXPECT_LT(size(Compression::small), size(Compression::normal));
  EXPECT_LT(size(Compression::normal), size(Compression::fast));
}

}  // namespace
}  // namespace vmtriage
