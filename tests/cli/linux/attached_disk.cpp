#include "tests/cli/attached_disk.h"

namespace vmtriage {

AttachedDisk::AttachedDisk() : root_(folder_.path() + "/") {}
AttachedDisk::~AttachedDisk() = default;

void AttachedDisk::put(const std::string& name, std::string_view text) const {
  std::filesystem::create_directories(std::filesystem::path(root_ + name).parent_path());
  write_bytes(root_ + name, text);
}

}  // namespace vmtriage
