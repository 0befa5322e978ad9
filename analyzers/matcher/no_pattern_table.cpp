#include "analyzers/matcher/pattern_table.h"

namespace vmtriage {

std::span<const PatternRow> pattern_table() { return {}; }

}  // namespace vmtriage
