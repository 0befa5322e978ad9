#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace vmtriage {

/// How deep foreign JSON may nest; status files use six levels.
inline constexpr std::size_t kMaxJsonDepth = 64;

/// Reads JSON that somebody else wrote: a BOM and invalid UTF-8 are tolerated, nesting is limited before anything is
/// built. Errors (corrupt): "empty", "no valid JSON", "nested deeper than 64 levels".
Result<nlohmann::json> parse_json(std::string_view text);

/// The member of an object, or null when `value` is no object or has none of that name.
const nlohmann::json* member(const nlohmann::json& value, const char* name);
/// The text of a member, empty when it is absent or no text.
std::string text_member(const nlohmann::json& value, const char* name);
/// A member that is a number, or a text that holds one: `1`, `"1"`.
std::optional<int> int_member(const nlohmann::json& value, const char* name);
/// A member that is a truth value, or a text that holds one: `true`, `"True"`.
std::optional<bool> bool_member(const nlohmann::json& value, const char* name);

}  // namespace vmtriage
