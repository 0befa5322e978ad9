#include "collectors/system_query.h"

#include "collectors/reachability.h"

namespace vmtriage {

// Everything else has a file or a command on Linux.
Question find_question(std::string_view name) { return name == "reachability" ? ask_reachability : nullptr; }

}  // namespace vmtriage
