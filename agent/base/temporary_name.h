#pragma once

#include <string>
#include <string_view>

namespace vmtriage {

/// A new name for what stands beside its target until it is whole, or for a moment only: `.vmtriage-<16 hex>.part`.
std::string temporary_name();

/// Whether a file or a folder has such a name: this program's own, and no evidence.
bool is_temporary_name(std::string_view name);

}  // namespace vmtriage
