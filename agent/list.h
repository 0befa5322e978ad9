#pragma once

#include <string>

#include "analyzers/rules.h"
#include "collectors/catalog.h"
#include "collectors/plan.h"

namespace vmtriage {

/// What `vmtriage list WHAT` prints; WHAT is artifacts, rules, profiles or codes. With `patterns`, of the rules only their regular
/// expressions, one a line.
std::string render_list(const std::string& what, const RuleBase& rules, const Catalog& catalog, bool patterns, Language language);

/// What `--dry-run` prints: every item with its size, and what is left out and why.
std::string render_plan(const Plan& plan);

}  // namespace vmtriage
