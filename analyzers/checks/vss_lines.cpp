#include "analyzers/checks/vss_lines.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

constexpr std::string_view kNoBreakSpace = "\xC2\xA0";
constexpr std::string_view kBold = "**";  ///< of Markdown
/// No label of any language comes near.
constexpr std::size_t kMaxLabelBytes = 120;

std::string_view strip(std::string_view line) {
  for (;;) {
    const std::size_t before = line.size();
    line = trim(line);
    if (line.starts_with('>')) line.remove_prefix(1);
    if (line.starts_with(kBold)) line.remove_prefix(kBold.size());
    if (line.ends_with(kBold)) line.remove_suffix(kBold.size());
    if (line.starts_with(kNoBreakSpace)) line.remove_prefix(kNoBreakSpace.size());
    if (line.ends_with(kNoBreakSpace)) line.remove_suffix(kNoBreakSpace.size());
    if (line.size() == before) return line;
  }
}

struct Colon {
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::optional<Colon> first_colon(std::string_view line) {
  constexpr std::string_view kFullWidth = "：";
  line = line.substr(0, kMaxLabelBytes + kFullWidth.size());
  const std::size_t half = line.find(':');
  const std::size_t full = line.find(kFullWidth);
  if (half == std::string_view::npos && full == std::string_view::npos) return std::nullopt;
  return half < full ? Colon{half, half + 1} : Colon{full, full + kFullWidth.size()};
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// `d61d61c8-d73a-4eee-8cdd-f6f9786b7124`
bool is_guid(std::string_view text) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return std::equal(text.begin(), text.end(), kShape.begin(), kShape.end(),
                    [](char c, char shape) { return shape == 'x' ? is_hex(c) : c == shape; });
}

/// Removes a quote from both ends; nothing when one of them is missing.
std::optional<std::string_view> unquote(std::string_view text) {
  constexpr std::array<std::string_view, 12> kQuotes = {"'", "\"", "`", "´", "‘", "’", "“", "”", "„", "«", "»", "＇"};
  const auto opens = [&](std::string_view quote) { return text.starts_with(quote); };
  const auto open = std::find_if(kQuotes.begin(), kQuotes.end(), opens);
  if (open == kQuotes.end()) return std::nullopt;
  text.remove_prefix(open->size());
  const auto closes = [&](std::string_view quote) { return text.ends_with(quote); };
  const auto close = std::find_if(kQuotes.begin(), kQuotes.end(), closes);
  if (close == kQuotes.end()) return std::nullopt;
  text.remove_suffix(close->size());
  return strip(text);
}

}  // namespace

std::vector<VssLine> vss_lines(std::string_view text) {
  std::vector<VssLine> lines;
  std::uint64_t number = 0;
  for (std::string_view line : split_lines(text)) {
    ++number;
    line = strip(line);
    if (!line.empty()) lines.push_back({line, number});
  }
  return lines;
}

std::optional<std::string_view> after_label(std::string_view line) {
  const auto colon = first_colon(line);
  if (!colon || colon->begin == 0 || colon->begin > kMaxLabelBytes) return std::nullopt;
  return strip(line.substr(colon->end));
}

std::string_view label_of(std::string_view line) {
  const auto colon = first_colon(line);
  return colon ? strip(line.substr(0, colon->begin)) : std::string_view();
}

std::optional<std::string_view> quoted_value(std::string_view line) {
  const auto value = after_label(line);
  if (!value) return std::nullopt;
  const auto name = unquote(*value);
  return name && !name->empty() ? name : std::nullopt;
}

std::string guid_in(std::string_view line) {
  constexpr std::size_t kGuidChars = 36;
  for (std::size_t at = line.find('{'); at != std::string_view::npos; at = line.find('{', at + 1)) {
    const std::string_view guid = line.substr(at + 1, kGuidChars);
    if (is_guid(guid)) return to_lower(guid);
  }
  return {};
}

std::optional<std::uint32_t> hresult_in(std::string_view text) {
  constexpr std::size_t kDigits = 8;
  constexpr std::uint32_t kFailed = 0x80000000;
  for (std::size_t at = find_no_case(text, "0x"); at != std::string_view::npos;) {
    const std::string_view digits = text.substr(at + 2, kDigits);
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error == std::errc() && end == digits.data() + kDigits && code >= kFailed) return code;
    const std::size_t next = find_no_case(text.substr(at + 2), "0x");
    at = next == std::string_view::npos ? next : at + 2 + next;
  }
  return std::nullopt;
}

std::string hresult_text(std::uint32_t code) {
  std::array<char, 11> text{};
  std::snprintf(text.data(), text.size(), "0x%08X", static_cast<unsigned>(code));
  return text.data();
}

bool is_prompt(std::string_view line) {
  if (line.starts_with("PS ")) line.remove_prefix(3);
  return line.size() > 2 && line[1] == ':' && line[2] == '\\' && line.find('>') != std::string_view::npos;
}

}  // namespace vmtriage
