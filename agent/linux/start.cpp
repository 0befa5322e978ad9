#include "agent/start.h"

namespace vmtriage {

std::vector<std::string> start_process(int argc, char** argv) { return {argv, argv + argc}; }

}  // namespace vmtriage
