#include "analyzers/checks/json_text.h"

#include <charconv>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

/// The deepest nesting of brackets outside of strings; stops counting above the limit.
std::size_t nesting_of(std::string_view text) {
  std::size_t depth = 0, deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size() && deepest <= kMaxJsonDepth; ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text) {
  text = trim(text);
  if (text.starts_with("\xEF\xBB\xBF")) text = trim(text.substr(3));
  if (text.empty()) return Error{ErrorCode::corrupt, "empty"};
  if (nesting_of(text) > kMaxJsonDepth) {
    return Error{ErrorCode::corrupt, "JSON nested deeper than " + std::to_string(kMaxJsonDepth) + " levels"};
  }
  nlohmann::json value = is_valid_utf8(text) ? nlohmann::json::parse(text, nullptr, false)
                                             : nlohmann::json::parse(to_valid_utf8(text), nullptr, false);
  if (value.is_discarded()) return Error{ErrorCode::corrupt, "no valid JSON"};
  return value;
}

const nlohmann::json* member(const nlohmann::json& value, const char* name) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(name);
  return found == value.end() ? nullptr : &*found;
}

std::string text_member(const nlohmann::json& value, const char* name) {
  const nlohmann::json* found = member(value, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<int> int_member(const nlohmann::json& value, const char* name) {
  const nlohmann::json* found = member(value, name);
  if (found == nullptr) return std::nullopt;
  std::string digits;
  if (found->is_number_integer()) digits = found->dump();
  if (found->is_string()) digits = trim(found->get_ref<const std::string&>());
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::optional<bool> bool_member(const nlohmann::json& value, const char* name) {
  const nlohmann::json* found = member(value, name);
  if (found == nullptr) return std::nullopt;
  if (found->is_boolean()) return found->get<bool>();
  const std::string word = text_member(value, name);
  if (equal_no_case(word, "true")) return true;
  if (equal_no_case(word, "false")) return false;
  return std::nullopt;
}

}  // namespace vmtriage
