#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "agent/base/result.h"
#include "collectors/files.h"

namespace vmtriage {

/// From `begin` up to `end`, in bytes.
struct Stretch {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// An open file, as this system reads it.
class FileBytes {
 public:
  virtual ~FileBytes() = default;

  /// So many bytes from `at` on; 0 behind the end.
  virtual Result<std::size_t> read_at(std::uint64_t at, std::span<char> target) = 0;

  /// The next bytes between `at` and `end` that are no hole: `{end, end}` when there are only holes, `{at, end}` where the file
  /// system does not tell.
  virtual Stretch next_data(std::uint64_t at, std::uint64_t end) = 0;
};

/// One pass over an open file, as `open_file` promises it.
OpenedFile read_once(std::unique_ptr<FileBytes> bytes, const FileInfo& info, std::uint64_t skip_bytes, ReadUntil until);

}  // namespace vmtriage
