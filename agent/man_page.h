#pragma once

#include <string>
#include <vector>

#include "agent/options.h"

namespace vmtriage {

/// The manual page vmtriage(1), in the language of groff's man macros.
std::string man_page(const std::vector<CommandInfo>& commands);

}  // namespace vmtriage
