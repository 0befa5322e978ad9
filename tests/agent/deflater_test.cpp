#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "agent/entry_compressor.h"
#include "tests/agent/inflate.h"
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
  // One block that does not shrink, and its end once more: only the window before the block makes that small.
  const std::string first = noise(EntryCompressor::kBlockBytes);
  const std::string bytes = first + first.substr(first.size() - 16'000);
  EXPECT_LT(compressed(GetParam(), bytes, 65536).size(), first.size() + 4'000);
}

TEST(Deflater, RefersAsFarBackAsDeflateCanAndNoFarther) {
  for (const std::size_t period : {32'767u, 32'768u, 32'769u}) {
    const std::string once = noise(period);
    const std::string text = once + once + once + once;
    const std::string packed = compressed(Compression::normal, text, 65536);
    EXPECT_TRUE(inflated(packed, text.size()) == text) << period;
    // A place is found again only while it is the last but one of its hash, so not every byte is.
    if (period <= 32'768) {
      EXPECT_LT(packed.size(), text.size() * 3 / 4) << period;
    }
  }
}

/// Has no memory when it is to compress.
struct PoorDeflater : Deflater {
  void add(std::string_view, std::size_t, bool, std::string&) override { throw std::bad_alloc(); }
};

TEST(EntryCompressor, HelperWithoutMemoryLeavesItsBlocksToTheOthers) {
  const std::string bytes = some_log(100'000);
  for (const std::size_t size : {EntryCompressor::kBlockBytes, 10 * EntryCompressor::kBlockBytes}) {
    const std::string_view text = std::string_view(bytes).substr(0, size);
    DeflaterPool pool(Compression::normal);
    auto own = pool.take();
    pool.give(std::make_unique<PoorDeflater>());
    ThreadSlots slots(2, 1);
    std::string out;
    EntryCompressor compressor(pool, std::move(own), &slots);
    for (std::size_t at = 0; at < text.size(); at += 65'536) compressor.add(text.substr(at, 65'536), out);
    compressor.finish(out);
    EXPECT_TRUE(inflated(out, text.size()) == text) << size;
    EXPECT_TRUE(slots.try_take()) << "the helper kept its slot";
  }
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
  // Each has another end of the search or another kind of block.
  std::vector<std::string> texts;
  for (std::size_t size = 0; size < 600; ++size) texts.push_back(some_log(8).substr(0, size));
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

TEST(Deflater, NormalComesNearZlibOnLogs) {
  constexpr std::string_view kLines[] = {
      "Nov 16 22:{} app-vm01 systemd[1]: Started Session {} of User azureuser.\n",
      "Nov 16 22:{} app-vm01 CRON[{}]: (root) CMD (cd / && run-parts --report /etc/cron.hourly)\n",
      "2026-11-16T22:{}Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState started [Incarnation: {}; id {}]\n",
      "2026-11-16T22:{}Z INFO EnvHandler ExtHandler Routing table from /proc/net/route checked, {} entries, {} us\n",
      "Nov 16 22:{} app-vm01 app-orders[{}]: INFO request {} GET /api/v2/orders/{} status=200 time={}ms\n",
      "Nov 16 22:{} app-vm01 chronyd[{}]: Source PHC0 offset {} ns, delay {} ns\n"};
  std::mt19937 random(5);
  std::string bytes;
  while (bytes.size() < 2'000'000) {
    for (std::string_view line = kLines[random() % std::size(kLines)]; !line.empty();) {
      const std::size_t field = std::min(line.find("{}"), line.size());
      bytes += line.substr(0, field);
      line.remove_prefix(field);
      if (line.empty()) break;
      bytes += std::to_string(random() % 100'000);
      line.remove_prefix(2);
    }
  }
  const auto size = [&](Compression compression) {
    return static_cast<double>(compressed(compression, bytes, 65536).size());
  };
  EXPECT_LT(size(Compression::normal), 1.1 * size(Compression::small));
  EXPECT_LT(size(Compression::normal), 0.95 * size(Compression::fast));
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
