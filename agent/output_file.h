#pragma once

#include <boost/filesystem/path.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/base/time.h"

namespace vmtriage {

namespace fs = boost::filesystem;

/// A file that is not seen under its name before it is whole. Until then it is a temporary beside its target, with a
/// temporary_name() and readable by its owner only (mode 0600; a protected ACL on Windows), which the destructor
/// removes. A run that is killed leaves it behind, for a later one's remove_abandoned().
class OutputFile {
 public:
  /// Errors: not_found, access_denied, io.
  static Result<OutputFile> create(const fs::path& target);

  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;
  ~OutputFile();

  /// Errors: io ("out.zip: No space left on device"). Some of the bytes may have been written then.
  Status write_at(std::uint64_t offset, std::string_view bytes);
  /// Cuts the file to `size` bytes, which gives a full disk its room back.
  Status truncate(std::uint64_t size);
  /// Brings the bytes to the disk and gives the file its name, in place of a file that already has it.
  Status publish();

  /// The target as error messages name it.
  const std::string& name() const;

 private:
  struct State;
  explicit OutputFile(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// Removes the temporaries in a folder that were not written to since `before`, belong to this account and are open in
/// no process. What cannot be removed stays: it is no failure of this run. Where the locks of another machine are not
/// seen, on a share, only their age tells.
void remove_abandoned(const fs::path& folder, Time before);

/// What each system does for one of them, whatever its age.
void remove_if_abandoned(const fs::path& path);

}  // namespace vmtriage
