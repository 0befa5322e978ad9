#pragma once

#include <string>
#include <string_view>

#include "tests/agent/scratch_folder.h"

namespace vmtriage {

/// An empty folder that stands for the disk of another VM, as this system shows an attached disk: a drive with a letter
/// of its own on Windows, where VMTRIAGE_SPARE_DRIVE (`W:\`) names one that may be emptied; without it a letter is
/// given to a folder.
class AttachedDisk {
 public:
  AttachedDisk();
  AttachedDisk(const AttachedDisk&) = delete;
  AttachedDisk& operator=(const AttachedDisk&) = delete;
  ~AttachedDisk();

  /// `E:\`, `/tmp/x/`; empty where there is no letter.
  const std::string& root() const { return root_; }
  /// Writes a file with the folders above it, however long its path is; `name` has `/`.
  void put(const std::string& name, std::string_view text) const;

 private:
  ScratchFolder folder_;
  std::string root_;
  void* turn_ = nullptr;
};

}  // namespace vmtriage
