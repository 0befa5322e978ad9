#pragma once

#include <string_view>

namespace vmtriage {

/// Whether version `a` comes before `b`, number by number: `1.0.918.0` before `1.0.9225.0`.
bool version_less(std::string_view a, std::string_view b);

}  // namespace vmtriage
