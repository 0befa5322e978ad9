#include "tests/cli/attached_disk.h"

namespace vmtriage {

AttachedDisk::AttachedDisk() : root_(folder_.path() + "/") {}
AttachedDisk::~AttachedDisk() = default;

}  // namespace vmtriage
