#pragma once

#include <memory>
#include <vector>

#include "analyzers/analyzer.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// The analyzers that need code because no single line says what they know. `rules` has their words and outlives them.
std::vector<std::unique_ptr<Analyzer>> make_checks(const RuleBase& rules);

}  // namespace vmtriage
