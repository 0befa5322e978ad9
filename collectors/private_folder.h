#pragma once

#include <string>
#include <utility>

#include "agent/base/result.h"

namespace vmtriage {

/// A new folder that only this account, administrators and the system may enter, for files that live for a moment:
/// `.vmtriage-<16 hex>.part` in `parent`. The destructor removes it when it is empty.
class PrivateFolder {
 public:
  /// Errors: not_found, access_denied, io.
  static Result<PrivateFolder> create(const std::string& parent);

  PrivateFolder(PrivateFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PrivateFolder& operator=(PrivateFolder&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~PrivateFolder();

  const std::string& path() const { return path_; }

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// Takes the name away from a file of our own; who has it open still reads it.
void remove_own_file(const std::string& path);

/// What each system does for it: a new folder with these rights, and the end of an empty one.
Status make_private_folder(const std::string& path);
void remove_own_folder(const std::string& path);

}  // namespace vmtriage
