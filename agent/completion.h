#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/options.h"

namespace vmtriage {

/// The script that completes commands, options and their values in a shell: bash, zsh, fish or powershell. ASCII,
/// because Windows PowerShell takes a script for the system's code page.
std::string completion_script(std::string_view shell, const std::vector<CommandInfo>& commands);

}  // namespace vmtriage
