#pragma once

#include <string_view>
#include <vector>

#include "analyzers/analyzer.h"

namespace vmtriage {

/// A block of what this program writes when it asks a system itself; the heading stands at the line's beginning:
///
///     service VSS
///         state: stopped
///         start type: manual
struct StateBlock {
  struct Field {
    std::string_view name;
    std::string_view value;
    Line line;
  };
  std::string_view heading;
  Line line;
  std::vector<Field> fields;

  /// The first field of that name; null when there is none.
  const Field* find(std::string_view name) const;
  /// Its value; empty when there is none.
  std::string_view get(std::string_view name) const;
};

/// The blocks of a text, as views of it.
std::vector<StateBlock> parse_state_blocks(std::string_view text);

}  // namespace vmtriage
