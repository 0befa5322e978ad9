#include "agent/entry_name.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "agent/base/text.h"
#include "agent/sha256.h"

namespace vmtriage {
namespace {

constexpr std::size_t kHashDigits = 16;
constexpr std::size_t kMaxExtensionBytes = 16;
constexpr std::string_view kForbidden = "<>:\"|?*\\";
constexpr std::array<std::string_view, 6> kDevices = {"con", "prn", "aux", "nul", "conin$", "conout$"};
/// Digits behind COM and LPT; Windows takes the superscripts as well.
constexpr std::array<std::string_view, 13> kPorts = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³"};

/// Bytes of the UTF-8 character at the start of `text`, 0 when it is none.
std::size_t character_length(std::string_view text) {
  for (std::size_t length = 1; length <= std::min<std::size_t>(4, text.size()); ++length) {
    if (is_valid_utf8(text.substr(0, length))) return length;
  }
  return 0;
}

/// Characters that are not seen but change how a name is shown or split into lines.
bool is_invisible(std::string_view character) {
  if (character.size() == 1) {
    const auto byte = static_cast<unsigned char>(character[0]);
    return byte < 0x20 || byte == 0x7f;
  }
  return (character >= "\u0080" && character <= "\u009f") || (character >= "\u200e" && character <= "\u200f") ||
         (character >= "\u2028" && character <= "\u202e") || (character >= "\u2066" && character <= "\u2069") ||
         character == "\ufeff";
}

void append_encoded(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) {
    std::array<char, 4> code{};
    std::snprintf(code.data(), code.size(), "%%%02X", static_cast<unsigned char>(byte));
    out += code.data();
  }
}

std::string encode_characters(std::string_view segment) {
  std::string out;
  for (std::size_t i = 0; i < segment.size();) {
    const std::size_t length = character_length(segment.substr(i));
    const std::string_view character = segment.substr(i, std::max<std::size_t>(length, 1));
    const bool forbidden = length == 1 && kForbidden.find(character) != std::string_view::npos;
    if (length == 0 || forbidden || is_invisible(character)) {
      append_encoded(out, character);
    } else {
      out += character;
    }
    i += character.size();
  }
  return out;
}

bool is_device(std::string_view segment) {
  const std::string stem = to_lower(trim(segment.substr(0, segment.find('.'))));
  if (std::find(kDevices.begin(), kDevices.end(), stem) != kDevices.end()) return true;
  if (!stem.starts_with("com") && !stem.starts_with("lpt")) return false;
  return std::find(kPorts.begin(), kPorts.end(), std::string_view(stem).substr(3)) != kPorts.end();
}

std::string hash_of(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return "~" + hash.finish().substr(0, kHashDigits);
}

std::string_view extension_of(std::string_view segment) {
  const std::size_t dot = segment.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || segment.size() - dot > kMaxExtensionBytes) return {};
  return segment.substr(dot);
}

std::string shorten_segment(const std::string& segment) {
  if (segment.size() <= kMaxSegmentBytes) return segment;
  const std::string_view extension = extension_of(segment);
  std::size_t end = kMaxSegmentBytes - extension.size() - kHashDigits - 1;
  while (end > 0 && (static_cast<unsigned char>(segment[end]) & 0xc0) == 0x80) --end;
  return segment.substr(0, end) + hash_of(segment) + std::string(extension);
}

std::string safe_segment(std::string_view segment) {
  if (segment == "..") return "%2E%2E";
  std::string out = encode_characters(segment);
  if (out.back() == '.' || out.back() == ' ') {
    const char last = out.back();
    out.pop_back();
    append_encoded(out, std::string_view(&last, 1));
  }
  if (is_device(out)) {
    std::string encoded;
    append_encoded(encoded, std::string_view(out).substr(0, 1));
    out.replace(0, 1, encoded);
  }
  return shorten_segment(out);
}

/// Cuts at separators and turns a drive letter into a segment.
std::vector<std::string> safe_segments(std::string_view origin) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool posix = origin.starts_with('/');
  if (origin.starts_with("\\\\?\\") || origin.starts_with("\\\\.\\")) origin.remove_prefix(4);
  std::string text(origin);
  if (!posix) std::replace(text.begin(), text.end(), '\\', '/');
  if (text.size() >= 2 && text[1] == ':' && is_letter(text[0])) text[1] = '/';
  std::vector<std::string> segments;
  for (const std::string_view segment : split(text, '/')) {
    if (!segment.empty() && segment != ".") segments.push_back(safe_segment(segment));
  }
  return segments;
}

/// Leaves out segments in the middle until the rest fits; their hash stands for them.
std::string join_shortened(const std::vector<std::string>& segments) {
  const std::string whole = join(segments, "/");
  if (whole.size() <= kMaxEntryNameBytes) return whole;
  const std::string tail = hash_of(whole) + "/" + segments.back();
  std::string out;
  for (const std::string& segment : segments) {
    if (out.size() + segment.size() + 1 + tail.size() > kMaxEntryNameBytes) break;
    out += segment + "/";
  }
  return out + tail;
}

}  // namespace

std::string safe_entry_name(std::string_view origin) {
  const std::vector<std::string> segments = safe_segments(origin);
  return segments.empty() ? "_" : join_shortened(segments);
}

std::string numbered_entry_name(std::string_view name, int number) {
  const std::size_t slash = name.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? name : name.substr(slash + 1);
  const std::string_view extension = extension_of(last);
  std::string out(name.substr(0, name.size() - extension.size()));
  return safe_entry_name(out + "~" + std::to_string(number) + std::string(extension));
}

}  // namespace vmtriage
