#pragma once

#include "tests/cli/bad_input.h"

namespace vmtriage {

/// A copied VM with what only a Linux file system has.
class LinuxVmTest : public BadInput {
 protected:
  void link(std::string_view target, std::string_view name) const {
    std::filesystem::create_directories(std::filesystem::path(vm_path(name)).parent_path());
    std::filesystem::create_symlink(target, vm_path(name));
  }
  Unpacked unpack_collected(const Arguments& more = {}) const { return unpack(collect(more)); }
};

}  // namespace vmtriage
