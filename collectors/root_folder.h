#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "collectors/files.h"

namespace vmtriage {

/// A folder that stands for the root of a system: `/` itself, or a mounted disk of a VM. Paths are looked up as that
/// system would do it: an absolute link starts again at this folder and `..` ends here, so nothing outside can be
/// reached, whatever the disk holds. Only folders and regular files are opened, never pipes, sockets or devices.
class RootFolder {
 public:
  /// Errors: not_found, access_denied, io.
  static Result<RootFolder> open(const std::string& path, Names names = Names::as_spelled);

  /// The start of a file, or its end, at most `max_bytes`. Errors: not_found, access_denied, unsupported, io.
  Result<std::string> read_start(std::string_view path, std::size_t max_bytes) const;
  Result<std::string> read_tail(std::string_view path, std::size_t max_bytes) const;
  /// All of a file. Errors: also too_large, beyond `max_bytes`.
  Result<std::string> read_file(std::string_view path, std::size_t max_bytes) const;
  /// The names in a folder, sorted. Errors: not_found, access_denied, too_large, io.
  Result<std::vector<std::string>> list(std::string_view path) const;
  bool exists(std::string_view path) const;

 private:
  RootFolder(std::string root, Names names) : root_(std::move(root)), names_(names) {}
  /// The path of this machine that a path below the root leads to.
  Result<std::string> look_up(std::string_view path) const;
  Result<std::string> read_part(std::string_view path, std::uint64_t skip_bytes, std::size_t max_bytes) const;

  std::string root_;
  Names names_;
};

}  // namespace vmtriage
