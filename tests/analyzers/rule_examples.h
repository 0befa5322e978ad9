#pragma once

#include "analyzers/rules.h"

namespace vmtriage {

/// The built-in rules as they stand in the source, with the examples that the program comes without.
const RuleBase& rules_with_examples();

}  // namespace vmtriage
