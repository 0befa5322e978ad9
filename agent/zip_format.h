#pragma once

#include <cstdint>
#include <string>

#include "agent/base/time.h"

namespace vmtriage {

inline constexpr std::uint16_t kZipStored = 0;
inline constexpr std::uint16_t kZipDeflated = 8;

/// What a zip file says about one of its entries.
struct ZipRecord {
  std::string name;  ///< UTF-8
  Time modified;     ///< written as UTC, exact in the "UT" field
  std::uint16_t method = kZipDeflated;
  std::uint32_t crc = 0;
  std::uint64_t compressed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  ///< of the local header

  bool operator==(const ZipRecord&) const = default;
};

/// The header before an entry's bytes. With `keep_room` it holds room for 64-bit sizes even where they are not needed,
/// so that a header written before the sizes are known can be written over; it always has the same length then.
std::string zip_local_header(const ZipRecord& record, bool keep_room);

/// The entry's line in the central directory.
std::string zip_central_record(const ZipRecord& record);

/// What ends a zip file; with Zip64 records where a number does not fit otherwise.
std::string zip_end_of_directory(std::uint64_t entries, std::uint64_t directory_offset, std::uint64_t directory_size);

}  // namespace vmtriage
