#pragma once

#include <boost/filesystem/path.hpp>
#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "agent/base/result.h"

namespace vmtriage {

namespace fs = boost::filesystem;

/// A file that is read at any place.
class InputFile {
 public:
  /// Errors: not_found.
  static Result<InputFile> open(const fs::path& path);

  std::uint64_t size() const { return size_; }
  /// Fewer bytes than were asked for at the end of the file or where it cannot be read.
  std::size_t read_at(std::uint64_t offset, std::span<char> bytes);
  /// Exactly these bytes. Errors: corrupt.
  Result<std::string> read_all(std::uint64_t offset, std::uint64_t count);

 private:
  std::ifstream stream_;
  std::uint64_t size_ = 0;
};

/// An entry as the central directory of a zip file has it.
struct ZipMember {
  std::string name;          ///< the bytes that stand there, whatever their encoding
  std::uint64_t offset = 0;  ///< of its local header
  std::uint64_t size = 0;
};

/// Reads the central directory of a zip file, Zip64 included, in the order in which the entries lie in the file. It
/// needs no locale (libarchive gives no names where there is none), and it takes nothing on trust: bytes before the
/// archive, entries that share bytes and local headers with another name are errors, for then two readers may see two
/// different archives.
///
/// Errors: corrupt; too_large for a directory over 256 MiB.
Result<std::vector<ZipMember>> read_zip_directory(InputFile& file);

}  // namespace vmtriage
