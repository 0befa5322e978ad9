#include "analyzers/checks/state_blocks.h"

#include <algorithm>

namespace vmtriage {

const StateBlock::Field* StateBlock::find(std::string_view name) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [name](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

std::string_view StateBlock::get(std::string_view name) const {
  const Field* field = find(name);
  return field == nullptr ? std::string_view() : field->value;
}

std::vector<StateBlock> parse_state_blocks(std::string_view text) {
  std::vector<StateBlock> blocks;
  each_line(Block{text, false}, 1, [&](const Line& line) {
    const std::string_view words = trim(line.text);
    if (words.empty()) return;
    if (line.text.front() != ' ') {
      blocks.push_back({words, line, {}});
      return;
    }
    const std::size_t colon = words.find(": ");
    if (blocks.empty() || colon == std::string_view::npos) return;
    blocks.back().fields.push_back({words.substr(0, colon), words.substr(colon + 2), line});
  });
  return blocks;
}

}  // namespace vmtriage
