#include "agent/start.h"

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace vmtriage {

std::vector<std::string> start_process(int argc, char** argv) {
  // For libarchive, which has no names beyond ASCII in the locale that services and sudo start programs in.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  return {argv, argv + argc};
}

void end_process(int exit_code) {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
  std::_Exit(exit_code);
}

}  // namespace vmtriage
