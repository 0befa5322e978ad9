#include "agent/zip_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>
#include <vector>

#include "tests/agent/scratch_folder.h"

namespace vmtriage {
namespace {

using Contents = std::map<std::string, std::string>;

std::unique_ptr<ZipWriter> new_zip(const std::string& path, ZipOptions options = {}) {
  Result<std::unique_ptr<ZipWriter>> writer = ZipWriter::create(path, options);
  EXPECT_TRUE(writer.ok()) << (writer.ok() ? "" : writer.error().what);
  return std::move(*writer);
}

void add(ZipWriter& zip, const std::string& name, std::string_view bytes, bool compress = true) {
  Result<ZipWriter::Entry> entry = zip.open(name, from_unix_seconds(1'714'529'283), compress);
  ASSERT_TRUE(entry.ok()) << entry.error().what;
  ASSERT_TRUE(entry->write(bytes).ok());
  const Status closed = entry->close();
  ASSERT_TRUE(closed.ok()) << closed.error().what;
}

/// What libarchive reads, with the zip's directory or without (`zip_streamable`: local headers only).
Contents contents_of(const std::string& path, decltype(archive_read_support_format_zip)* format) {
  Contents contents;
  archive* reader = archive_read_new();
  format(reader);
  EXPECT_EQ(archive_read_open_filename(reader, path.c_str(), 65536), ARCHIVE_OK) << archive_error_string(reader);
  archive_entry* entry = nullptr;
  int status = ARCHIVE_OK;
  while ((status = archive_read_next_header(reader, &entry)) == ARCHIVE_OK || status == ARCHIVE_WARN) {
    const char* name = archive_entry_pathname_utf8(entry);
    std::string& bytes = contents[name != nullptr ? name : "?"];
    std::vector<char> block(65536);
    la_ssize_t got = 0;
    while ((got = archive_read_data(reader, block.data(), block.size())) > 0) {
      bytes.append(block.data(), static_cast<std::size_t>(got));
    }
    EXPECT_EQ(got, 0) << archive_error_string(reader);
  }
  EXPECT_EQ(status, ARCHIVE_EOF) << archive_error_string(reader);
  archive_read_free(reader);
  return contents;
}

struct Tool {
  std::string name;
  std::string command;  ///< before the path of the zip
};

class ZipTool : public testing::TestWithParam<Tool> {};

TEST_P(ZipTool, AcceptsSmallStoredStreamedAndUnicodeEntries) {
  if (!has_tool(GetParam().name)) GTEST_SKIP() << GetParam().name << " is not installed";
  const ScratchFolder folder;
  auto zip = new_zip(folder.file("a.zip"));
  add(*zip, "b/small.log", "hello\n");
  add(*zip, "b/empty", "");
  add(*zip, "b/stored.gz", noise(1000), false);
  add(*zip, "b/streamed.bin", noise(9 << 20));
  add(*zip, "b/streamed stored.bin", noise(9 << 20), false);
  add(*zip, "b/バックアップ😀.log", "語\n");
  add(*zip, "../evil\n.log", "x");
  add(*zip, "after.log", "y");
  const Result<std::uint64_t> size = zip->finish();
  ASSERT_TRUE(size.ok()) << size.error().what;
  EXPECT_EQ(std::filesystem::file_size(folder.file("a.zip")), *size);
  EXPECT_EQ(zip->bytes_written(), *size);
  EXPECT_EQ(run_quietly(GetParam().command + " '" + folder.file("a.zip") + "'"), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Tools, ZipTool,
    testing::Values(Tool{"unzip", "unzip -t"}, Tool{"7z", "7z t"}, Tool{"zip", "zip -T"}, Tool{"bsdtar", "bsdtar -tvf"},
                    Tool{"python3",
                         "python3 -c 'import sys,zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() "
                         "is not None)'"}),
    [](const auto& tool) { return tool.param.name; });

TEST(ZipWriter, EveryByteComesBackWithAndWithoutTheDirectory) {
  const ScratchFolder folder;
  const Contents expected = {
      {"empty", ""}, {"text.log", "one\r\ntwo"}, {"stored", noise(100)}, {"streamed", noise(6 << 20)}};
  auto zip = new_zip(folder.file("a.zip"));
  for (const auto& [name, bytes] : expected) add(*zip, name, bytes, name != "stored");
  ASSERT_TRUE(zip->finish().ok());
  EXPECT_TRUE(contents_of(folder.file("a.zip"), archive_read_support_format_zip_seekable) == expected);
  EXPECT_TRUE(contents_of(folder.file("a.zip"), archive_read_support_format_zip_streamable) == expected);
}

TEST(ZipWriter, NameAndTimeAreReadByOtherTools) {
  if (!has_tool("python3")) GTEST_SKIP() << "python3 is not installed";
  const ScratchFolder folder;
  auto zip = new_zip(folder.file("a.zip"));
  add(*zip, "日本語.log", "x");
  ASSERT_TRUE(zip->finish().ok());
  EXPECT_EQ(run_quietly("python3 -c 'import sys,zipfile; i,=zipfile.ZipFile(sys.argv[1]).infolist(); "
                        "sys.exit(ascii(i.filename)!=ascii(\"\\u65e5\\u672c\\u8a9e.log\") or "
                        "i.date_time!=(2024,5,1,2,8,2) or i.external_attr>>16!=0o100600)' " +
                        folder.file("a.zip")),
            0);
}

TEST(ZipWriter, ManyThreadsWriteSmallAndLargeEntriesAtOnce) {
  const ScratchFolder folder;
  ZipOptions options;
  options.compression = Compression::fast;
  options.entry_buffer_bytes = 64 << 10;
  options.held_bytes = 128 << 10;
  auto zip = new_zip(folder.file("a.zip"), options);
  const auto bytes_of = [](int thread, int i) {
    return noise(static_cast<std::size_t>(i % 5 == 0 ? 2'000'000 : 3000 * i), static_cast<unsigned>(thread * 100 + i));
  };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 12; ++i) add(*zip, std::to_string(thread) + "/" + std::to_string(i), bytes_of(thread, i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(zip->finish().ok());
  const Contents contents = contents_of(folder.file("a.zip"), archive_read_support_format_zip_seekable);
  EXPECT_EQ(contents.size(), 48u);
  for (int thread = 0; thread < 4; ++thread) {
    for (int i = 0; i < 12; ++i) {
      const std::string name = std::to_string(thread) + "/" + std::to_string(i);
      EXPECT_TRUE(contents.at(name) == bytes_of(thread, i)) << name;
    }
  }
}

TEST(ZipWriter, EntryKnowsItsNameSizeAndHash) {
  const ScratchFolder folder;
  auto zip = new_zip(folder.file("a.zip"));
  Result<ZipWriter::Entry> entry = zip->open("C:\\x\\a.log", {});
  ASSERT_TRUE(entry->write("ab").ok());
  ASSERT_TRUE(entry->write("c").ok());
  ASSERT_TRUE(entry->close().ok());
  EXPECT_EQ(entry->name(), "C/x/a.log");
  EXPECT_EQ(entry->size(), 3u);
  EXPECT_EQ(entry->sha256_hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ZipWriter, TakenNameGetsANumberWhateverItsLetterCase) {
  const ScratchFolder folder;
  auto zip = new_zip(folder.file("a.zip"));
  for (const char* name : {"d/a.log", "d/A.log", "D/a.LOG"}) add(*zip, name, "x");
  ASSERT_TRUE(zip->finish().ok());
  const Contents expected = {{"d/a.log", "x"}, {"d/A~2.log", "x"}, {"D/a~3.LOG", "x"}};
  EXPECT_EQ(contents_of(folder.file("a.zip"), archive_read_support_format_zip_seekable), expected);
}

TEST(ZipWriter, AbandonedEntryLeavesNoTraceEvenWhenItStreamedAlready) {
  const ScratchFolder folder;
  auto zip = new_zip(folder.file("a.zip"));
  add(*zip, "before", "1");
  const std::uint64_t size = zip->bytes_written();
  for (const std::size_t bytes : {10u, 9u << 20}) {
    Result<ZipWriter::Entry> entry = zip->open("gone", {});
    ASSERT_TRUE(entry->write(noise(bytes)).ok());
    entry->abandon();
    EXPECT_EQ(zip->bytes_written(), size);
    EXPECT_FALSE(entry->write("x").ok());
    EXPECT_FALSE(entry->close().ok());
  }
  add(*zip, "gone", "2");
  ASSERT_TRUE(zip->finish().ok());
  const Contents expected = {{"before", "1"}, {"gone", "2"}};
  EXPECT_EQ(contents_of(folder.file("a.zip"), archive_read_support_format_zip_seekable), expected);
}

TEST(ZipWriter, EntryThatIsNotClosedIsAbandoned) {
  const ScratchFolder folder;
  auto zip = new_zip(folder.file("a.zip"));
  { ASSERT_TRUE(zip->open("gone", {})->write(noise(9 << 20)).ok()); }
  add(*zip, "kept", "1");
  ASSERT_TRUE(zip->finish().ok());
  EXPECT_EQ(contents_of(folder.file("a.zip"), archive_read_support_format_zip_seekable), (Contents{{"kept", "1"}}));
}

TEST(ZipWriter, SmallEntriesAreHeldWhileAnotherStreams) {
  const ScratchFolder folder;
  auto zip = new_zip(folder.file("a.zip"));
  Result<ZipWriter::Entry> large = zip->open("large", {});
  const std::string bytes = noise(9 << 20);
  ASSERT_TRUE(large->write(bytes).ok());
  std::thread([&] { add(*zip, "small", "1"); }).join();
  ASSERT_TRUE(large->close().ok());
  ASSERT_TRUE(zip->finish().ok());
  const Contents contents = contents_of(folder.file("a.zip"), archive_read_support_format_zip_seekable);
  EXPECT_EQ(contents.at("small"), "1");
  EXPECT_TRUE(contents.at("large") == bytes);
}

TEST(ZipWriter, ThreadThatWaitsForAnothersStreamLendsItsSlot) {
  const ScratchFolder folder;
  ZipOptions options;
  options.compression = Compression::stored;
  options.entry_buffer_bytes = 1000;
  const auto zip = new_zip(folder.file("z.zip"), options);
  ThreadSlots slots(2, 0);
  const std::string large(5000, 'x');
  Result<ZipWriter::Entry> first = zip->open("first", std::nullopt, true, &slots);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(first->write(large).ok());  // streams from here on
  std::thread other([&] {
    Result<ZipWriter::Entry> second = zip->open("second", std::nullopt, true, &slots);
    ASSERT_TRUE(second.ok());
    EXPECT_TRUE(second->write(large).ok());
    EXPECT_TRUE(second->close().ok());
  });
  ThreadSlots::Offer help(slots);
  EXPECT_TRUE(help.take()) << "until the other thread waits";
  slots.give();
  EXPECT_TRUE(first->close().ok());
  other.join();
  EXPECT_FALSE(slots.try_take()) << "both threads work again";
  ASSERT_TRUE(zip->finish().ok());
  EXPECT_EQ(contents_of(folder.file("z.zip"), archive_read_support_format_zip), (Contents{{"first", large}, {"second", large}}));
}

TEST(ZipWriter, IsNotFinishedWhileAnEntryIsOpenNorTwice) {
  const ScratchFolder folder;
  auto zip = new_zip(folder.file("a.zip"));
  {
    const Result<ZipWriter::Entry> entry = zip->open("a", {});
    EXPECT_FALSE(zip->finish().ok());
  }
  EXPECT_TRUE(zip->finish().ok());
  EXPECT_FALSE(zip->finish().ok());
  EXPECT_FALSE(zip->open("b", {}).ok());
}

TEST(ZipWriter, TemporaryIsHiddenAndRemovedWhenNotFinished) {
  const ScratchFolder folder;
  {
    auto zip = new_zip(folder.file("a.zip"));
    add(*zip, "a", "1");
    ASSERT_EQ(folder.file_count(), 1u);
    EXPECT_TRUE(std::filesystem::directory_iterator(folder.path())->path().filename().string().starts_with("."));
    EXPECT_FALSE(std::filesystem::exists(folder.file("a.zip")));
  }
  EXPECT_EQ(folder.file_count(), 0u);
}

TEST(ZipWriter, TargetInAMissingFolderIsAnError) {
  const ScratchFolder folder;
  const auto zip = ZipWriter::create(folder.file("missing/a.zip"));
  ASSERT_FALSE(zip.ok());
  EXPECT_EQ(zip.error().code, ErrorCode::not_found);
  EXPECT_TRUE(zip.error().what.starts_with(folder.file("missing/a.zip") + ": ")) << zip.error().what;
}

TEST(ZipWriter, TargetThatIsAFolderIsAnErrorOfFinish) {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder.file("a.zip/x"));
  auto zip = new_zip(folder.file("a.zip"));
  EXPECT_FALSE(zip->finish().ok());
  zip.reset();
  EXPECT_EQ(folder.file_count(), 1u);
}

TEST(ZipWriter, MoreThan65535EntriesAreReadBackByOtherTools) {
  const ScratchFolder folder;
  auto zip = new_zip(folder.file("a.zip"));
  for (int i = 0; i < 65'600; ++i) {
    Result<ZipWriter::Entry> entry = zip->open(std::to_string(i), {}, false);
    ASSERT_TRUE(entry->close().ok());
  }
  ASSERT_TRUE(zip->finish().ok());
  EXPECT_EQ(contents_of(folder.file("a.zip"), archive_read_support_format_zip_seekable).size(), 65'600u);
  for (const Tool& tool : {Tool{"unzip", "unzip -tqq "}, Tool{"7z", "7z t "}}) {
    if (!has_tool(tool.name)) continue;
    EXPECT_EQ(run_quietly(tool.command + folder.file("a.zip")), 0) << tool.name;
  }
}

/// A zip of one entry over 4 GiB and a small one behind it.
void write_large_zip(const std::string& path, bool compress) {
  ZipOptions options;
  options.compression = Compression::fast;
  auto zip = new_zip(path, options);
  const std::string zeros(16 << 20, '\0');
  const std::uint64_t size = (1ull << 32) + zeros.size();
  {
    Result<ZipWriter::Entry> entry = zip->open("large", {}, compress);
    for (std::uint64_t done = 0; done < size; done += zeros.size()) ASSERT_TRUE(entry->write(zeros).ok());
    ASSERT_TRUE(entry->close().ok());
    EXPECT_EQ(entry->size(), size);
  }
  add(*zip, "behind", "1");
  ASSERT_TRUE(zip->finish().ok());
}

/// Python fails on a size or offset that is wrong; it reads the large entry's local header too.
constexpr char kPythonCheck[] =
    "python3 -c 'import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); a=z.open(\"large\").read(9); "
    "sys.exit(z.read(\"behind\")!=b\"1\" or a!=bytes(9) or z.getinfo(\"large\").file_size!=2**32+2**24)' ";

TEST(ZipWriter, DeflatedEntryOver4GiBIsReadBackByOtherTools) {
  const ScratchFolder folder;
  write_large_zip(folder.file("a.zip"), true);
  if (has_tool("7z")) {
    EXPECT_EQ(run_quietly("7z t " + folder.file("a.zip") + " behind"), 0);
  }
  if (has_tool("unzip")) {
    EXPECT_EQ(run_quietly("unzip -tqq " + folder.file("a.zip") + " behind"), 0);
  }
  if (has_tool("python3")) {
    EXPECT_EQ(run_quietly(kPythonCheck + folder.file("a.zip")), 0);
  }
}

/// Writes 4 GiB to the disk and reads them four times: a minute.
TEST(ZipWriter, DISABLED_StoredEntryOver4GiBAndTheOffsetBehindItAreReadBackByOtherTools) {
  const ScratchFolder folder;
  write_large_zip(folder.file("a.zip"), false);
  if (has_tool("7z")) {
    EXPECT_EQ(run_quietly("7z t " + folder.file("a.zip")), 0);
  }
  if (has_tool("unzip")) {
    EXPECT_EQ(run_quietly("unzip -tqq " + folder.file("a.zip")), 0);
  }
  if (has_tool("python3")) {
    EXPECT_EQ(run_quietly(kPythonCheck + folder.file("a.zip")), 0);
  }
}

}  // namespace
}  // namespace vmtriage
