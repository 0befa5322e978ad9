#pragma once

#include <string_view>

#include "agent/base/result.h"

namespace vmtriage {

/// The Error for an `errno` value: `os_error("/etc/os-release", EACCES)` reads "/etc/os-release: Permission denied".
Error os_error(std::string_view thing, int number);

}  // namespace vmtriage
