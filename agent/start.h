#pragma once

#include <string>
#include <vector>

namespace vmtriage {

/// Sets this process up for its system: text is UTF-8 in arguments, paths, the console and redirected output, line ends are
/// written as they are, and no library is loaded from anywhere but the system's own folder. Call once, first.
/// Returns the arguments, the program's name first.
std::vector<std::string> start_process(int argc, char** argv);

}  // namespace vmtriage
