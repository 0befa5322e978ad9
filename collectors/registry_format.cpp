#include "collectors/registry_format.h"

#include <algorithm>
#include <array>
#include <vector>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

enum Type : std::uint32_t { kText = 1, kExpandable = 2, kNumber = 4, kLink = 6, kTexts = 7, kLongNumber = 11 };

constexpr std::size_t kMaxTextBytes = 4096;
constexpr std::size_t kMaxBinaryBytes = 64;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : shorten(text, kMaxTextBytes)) {
    if (c == '\n') out += "\\n";
    if (c == '\r') out += "\\r";
    if (c == '\n' || c == '\r' || c == '\0') continue;
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

/// The texts of UTF-16 data that each end at a zero; the zero of the last one may be missing.
std::vector<std::string> texts_of(std::string_view data) {
  const std::string all = utf16_to_utf8(data);
  std::vector<std::string> texts;
  for (const std::string_view text : split(all, '\0')) texts.emplace_back(text);
  while (!texts.empty() && texts.back().empty()) texts.pop_back();
  return texts;
}

std::string text_of(std::string_view data) {
  const auto texts = texts_of(data);
  return quoted(texts.empty() ? "" : texts.front());
}

/// A little-endian number as hex digits, as many as its size has.
std::string number_of(std::string_view data) {
  std::string digits;
  for (auto byte = data.rbegin(); byte != data.rend(); ++byte) {
    const auto value = static_cast<unsigned char>(*byte);
    digits += to_hex({&value, 1});
  }
  return digits;
}

std::string bytes_of(std::string_view data) {
  std::vector<std::string> bytes;
  for (const char c : data.substr(0, kMaxBinaryBytes)) {
    const auto value = static_cast<unsigned char>(c);
    bytes.push_back(to_hex({&value, 1}));
  }
  const std::string rest = data.size() > kMaxBinaryBytes ? ",… (" + std::to_string(data.size()) + " bytes)" : "";
  return join(bytes, ",") + rest;
}

std::string data_of(std::uint32_t type, std::string_view data) {
  switch (type) {
    case kText: return text_of(data);
    case kExpandable: return "expand:" + text_of(data);
    case kLink: return "link:" + quoted(utf16_to_utf8(data));
    case kTexts: {
      std::vector<std::string> texts = texts_of(data);
      std::transform(texts.begin(), texts.end(), texts.begin(), [](const std::string& text) { return quoted(text); });
      return "multi:" + join(texts, ",");
    }
    case kNumber:
      if (data.size() == 4) return "dword:" + number_of(data);
      break;
    case kLongNumber:
      if (data.size() == 8) return "qword:" + number_of(data);
      break;
    default: break;
  }
  return "hex:" + bytes_of(data);
}

}  // namespace

std::string registry_line(std::string_view name, std::uint32_t type, std::string_view data) {
  return (name.empty() ? "@" : quoted(name)) + "=" + data_of(type, data);
}

}  // namespace vmtriage
