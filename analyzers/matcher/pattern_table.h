#pragma once

#include <span>

#include "analyzers/matcher/literals.h"

namespace vmtriage {

/// What was found of the built-in patterns while the program was built (write_pattern_table.cpp), in the order of their keys: asking
/// RE2 takes a tenth of a millisecond each. Empty in a program that was built without it, which is as right, and slower to start.
std::span<const PatternRow> pattern_table();

}  // namespace vmtriage
