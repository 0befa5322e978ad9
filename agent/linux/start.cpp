#include "agent/start.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace vmtriage {

std::vector<std::string> start_process(int argc, char** argv) { return {argv, argv + argc}; }

void end_process(int exit_code) {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
  std::_Exit(exit_code);
}

}  // namespace vmtriage
