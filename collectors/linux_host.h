#pragma once

#include <string>

#include "collectors/environment.h"

namespace vmtriage {

/// Fills the fields that are still empty from the files of a Linux VM: of its disk or a copied tree at `root`, or of this
/// machine when `root` is empty.
void read_linux_host(const std::string& root, Environment& environment);

}  // namespace vmtriage
