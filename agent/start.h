#pragma once

#include <string>
#include <vector>

namespace vmtriage {

/// Sets this process up for its system: text is UTF-8 in arguments, paths, the console and redirected output, line ends are
/// written as they are, and no library is loaded from anywhere but the system's own folder. Call once, first.
/// Returns the arguments, the program's name first.
std::vector<std::string> start_process(int argc, char** argv);

/// Writes out what was printed and ends the process at once: what threads that were left behind use must not be taken apart
/// under them.
[[noreturn]] void end_process(int exit_code);

}  // namespace vmtriage
