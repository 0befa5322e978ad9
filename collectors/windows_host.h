#pragma once

#include <string>

#include "collectors/environment.h"

namespace vmtriage {

/// Fills the fields that are still empty from the files of a Windows VM: of its disk or a copied tree at `root`, or of the drive
/// that Windows runs from when `root` is empty.
void read_windows_host(const std::string& root, Environment& environment);

}  // namespace vmtriage
