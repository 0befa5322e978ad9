#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <clocale>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/agent/scratch_folder.h"

namespace vmtriage {

struct ZipEntry {
  std::string name, bytes;
  bool deflated = false;  ///< `bytes` are deflated, and what they unpack to is kept secret
};

/// What an archive holds, in its order; read by libarchive, not by the program's own code.
inline std::vector<ZipEntry> read_zip(const std::string& path) {
  // Without a locale libarchive has no names beyond ASCII. On Windows it has them as wide characters.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  const std::string bytes = read_bytes(path);
  const std::unique_ptr<archive, int (*)(archive*)> zip(archive_read_new(), archive_read_free);
  archive_read_support_format_zip_seekable(zip.get());
  archive_read_set_options(zip.get(), "hdrcharset=UTF-8");
  EXPECT_EQ(archive_read_open_memory(zip.get(), bytes.data(), bytes.size()), ARCHIVE_OK) << path;
  std::vector<ZipEntry> entries;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(zip.get(), &entry) == ARCHIVE_OK) {
    const char* name = archive_entry_pathname_utf8(entry);
    const wchar_t* wide = name == nullptr ? archive_entry_pathname_w(entry) : L"";
    EXPECT_NE(wide, nullptr) << path;
    ZipEntry& added = entries.emplace_back(
        ZipEntry{name != nullptr ? std::string(name) : std::filesystem::path(wide).string(), "", false});
    std::string block(1 << 20, '\0');
    la_ssize_t got = 0;
    while ((got = archive_read_data(zip.get(), block.data(), block.size())) > 0) {
      added.bytes.append(block, 0, static_cast<std::size_t>(got));
    }
    EXPECT_EQ(got, 0) << path << ": " << added.name << ": " << archive_error_string(zip.get());
  }
  return entries;
}

inline std::string little_endian(std::uint64_t number, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(number >> (8 * i));
  return text;
}

/// A zip as `entries` say.
inline std::string zip_of(const std::vector<ZipEntry>& entries) {
  std::string zip, directory;
  for (const auto& [name, bytes, packed] : entries) {
    const auto sum = crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
    // Version, UTF-8 names, deflated or stored, the first day of 1980.
    const std::string facts = little_endian(20, 2) + little_endian(0x800, 2) + little_endian(packed ? 8 : 0, 2) +
                              little_endian(0, 2) + little_endian(33, 2) + little_endian(packed ? 0 : sum, 4) +
                              little_endian(bytes.size(), 4) + little_endian(packed ? 100 : bytes.size(), 4) +
                              little_endian(name.size(), 2) + little_endian(0, 2);
    directory += "PK\1\2" + little_endian(20, 2) + facts + std::string(10, '\0') + little_endian(zip.size(), 4) + name;
    zip += "PK\3\4" + facts + name + bytes;
  }
  return zip + directory + "PK\5\6" + little_endian(0, 4) + little_endian(entries.size(), 2) +
         little_endian(entries.size(), 2) + little_endian(directory.size(), 4) + little_endian(zip.size(), 4) +
         little_endian(0, 2);
}

/// Deflated as zlib's `window_bits` say: 31 with gzip's header, -15 without any. `flush` says how it ends.
inline std::string deflated(std::string_view text, int window_bits, int flush = Z_FINISH) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(text.size() + text.size() / 1000 + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, flush), flush == Z_FINISH ? Z_STREAM_END : Z_OK);
  packed.resize(stream.total_out);
  // The memory of the tests at a program's start counts as that program's.
  packed.shrink_to_fit();
  deflateEnd(&stream);
  return packed;
}

inline std::string gzipped(std::string_view text) { return deflated(text, 31); }

}  // namespace vmtriage
