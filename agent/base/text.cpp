#include "agent/base/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>

namespace vmtriage {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Length of the valid UTF-8 character at the start of `text`, 0 when it is none (overlong forms and surrogates are
/// none).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

std::uint32_t decode_utf8(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(character[i])); };
  switch (character.size()) {
    case 1:
      return byte(0);
    case 2:
      return ((byte(0) & 0x1f) << 6) | (byte(1) & 0x3f);
    case 3:
      return ((byte(0) & 0x0f) << 12) | ((byte(1) & 0x3f) << 6) | (byte(2) & 0x3f);
    default:
      return ((byte(0) & 0x07) << 18) | ((byte(1) & 0x3f) << 12) | ((byte(2) & 0x3f) << 6) | (byte(3) & 0x3f);
  }
}

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// Matches one `[...]` class at the start of `pattern`; gives its length, 0 when it is not closed.
std::size_t match_class(std::string_view pattern, char c, bool& matched) {
  std::size_t i = 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      found = found || (pattern[i] <= c && c <= pattern[i + 2]);
      i += 3;
    } else {
      found = found || pattern[i] == c;
      ++i;
    }
  }
  if (i >= pattern.size()) return 0;
  matched = found != negated;
  return i + 1;
}

/// One path segment against one pattern segment.
bool match_segment(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0;
  std::size_t star = std::string_view::npos, retry = 0;
  while (n < name.size()) {
    std::size_t used = 0;
    bool hit = false;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
      continue;
    }
    if (p < pattern.size()) {
      if (pattern[p] == '[') used = match_class(pattern.substr(p), name[n], hit);
      if (used == 0) {
        used = 1;
        hit = pattern[p] == '?' || pattern[p] == name[n];
      }
    }
    if (hit) {
      p += used;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

/// Takes the first segment of a path off its front; empty when there is none.
std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool match_segments(std::string_view pattern, std::string_view path) {
  for (;;) {
    const std::string_view wanted = next_segment(pattern);
    if (wanted == "**") {
      do {
        if (match_segments(pattern, path)) return true;
      } while (!next_segment(path).empty());
      return false;
    }
    const std::string_view name = next_segment(path);
    if (wanted.empty() || name.empty()) return wanted.empty() && name.empty();
    if (!match_segment(wanted, name)) return false;
  }
}

std::string_view last_segment(std::string_view path) {
  const std::size_t last = path.find_last_not_of('/');
  if (last == std::string_view::npos) return {};
  const std::size_t slash = path.rfind('/', last);
  return path.substr(slash + 1, last - slash);  // npos + 1 is 0
}

/// Whether the path ends with what the pattern's last segment has behind its wildcards. Of hundreds of patterns this
/// rules out nearly all by a byte or two.
bool has_literal_end(std::string_view pattern, std::string_view path) {
  if (path.ends_with('/')) return true;  // a path may end with a slash that a pattern has not
  while (!pattern.empty()) {
    const char c = pattern.back();
    if (c == '/' || c == '*' || c == '?' || c == ']') return true;
    if (!path.ends_with(c)) return false;
    pattern.remove_suffix(1);
    path.remove_suffix(1);
  }
  return true;
}

/// The last segment decides nearly always: most files match nothing.
bool may_match(std::string_view pattern, std::string_view path) {
  if (!has_literal_end(pattern, path)) return false;
  const std::string_view wanted = last_segment(pattern), name = last_segment(path);
  return wanted.empty() || name.empty() || wanted == "**" || match_segment(wanted, name);
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

}  // namespace

std::string fill_in(std::string_view text, const Values& values) {
  std::string out;
  out.reserve(text.size() + 32);
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    const std::size_t close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos) return out.append(text);
    const std::string_view name = text.substr(open + 1, close - open - 1);
    const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    });
    if (!is_name) {
      out.append(text.substr(0, open + 1));
      text.remove_prefix(open + 1);
      continue;
    }
    out.append(text.substr(0, open));
    const auto found =
        std::find_if(values.begin(), values.end(), [&](const auto& value) { return value.first == name; });
    if (found != values.end()) out.append(found->second);
    text.remove_prefix(close + 1);
  }
  return out;
}

LocalText fill_in(const LocalText& text, const Values& values) {
  return {fill_in(text.en, values), fill_in(text.ja, values)};
}

bool starts_with_no_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equal_no_case(text.substr(0, prefix.size()), prefix);
}

bool equal_no_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::size_t find_no_case(std::string_view text, std::string_view needle) {
  if (needle.empty()) return 0;
  const char first = lower(needle[0]);
  const bool has_case = first >= 'a' && first <= 'z';
  for (std::size_t at = 0; at + needle.size() <= text.size(); ++at) {
    if (!has_case) at = text.find(first, at);
    if (at == std::string_view::npos) break;
    if (lower(text[at]) == first && starts_with_no_case(text.substr(at), needle)) return at;
  }
  return std::string_view::npos;
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0;;) {
    const std::size_t next = text.find(separator, at);
    parts.push_back(text.substr(at, next == std::string_view::npos ? next : next - at));
    if (next == std::string_view::npos) return parts;
    at = next + 1;
  }
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (std::string_view& line : lines) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  }
  return lines;
}

std::vector<std::string_view> split_words(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  std::vector<std::string_view> words;
  for (auto at = text.begin(); (at = std::find_if_not(at, text.end(), is_blank)) != text.end();) {
    const auto end = std::find_if(at, text.end(), is_blank);
    words.emplace_back(at, end);
    at = end;
  }
  return words;
}

void append_flat(std::string_view text, std::string& out) {
  const std::size_t begin = out.size();
  out.resize(begin + text.size());
  char* end = out.data() + begin;
  const char* const start = end;
  bool blank = false;
  for (const char c : text) {
    if (is_blank(c)) {
      blank = true;
      continue;
    }
    if (blank && end != start) *end++ = ' ';
    blank = false;
    *end++ = c;
  }
  out.resize(static_cast<std::size_t>(end - out.data()));
}

namespace {

/// Whether the words of a text stand one blank apart already; without a branch in a run, for compilers to make vectors of it.
bool is_flat(std::string_view text) {
  constexpr std::size_t kRun = 64;
  if (text.empty() || is_blank(text.front()) || is_blank(text.back())) return text.empty();
  std::size_t at = 0;
  const auto is_loose = [&](std::size_t i) -> std::uint8_t {
    return static_cast<std::uint8_t>((static_cast<unsigned char>(text[i]) < ' ') | ((text[i] == ' ') & (text[i + 1] == ' ')));
  };
  for (; at + kRun < text.size(); at += kRun) {
    std::uint8_t loose = 0;
    for (std::size_t i = 0; i < kRun; ++i) loose = static_cast<std::uint8_t>(loose | is_loose(at + i));
    if (loose != 0) return false;
  }
  while (at + 1 < text.size() && is_loose(at) == 0) ++at;
  return at + 1 >= text.size();
}

}  // namespace

std::string flatten(std::string_view text) {
  if (is_flat(text)) return std::string(text);
  std::string flat;
  flat.reserve(text.size());
  append_flat(text, flat);
  return flat;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

namespace {

/// How many bytes at the front are printable ASCII, as nearly all of a log is.
std::size_t plain_length(std::string_view bytes) {
  std::size_t length = 0;
  while (length < bytes.size() && bytes[length] >= ' ' && bytes[length] <= '~') ++length;
  return length;
}

}  // namespace

std::string printable(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    if (const std::size_t plain = plain_length(bytes.substr(i)); plain > 0) {
      out.append(bytes, i, plain);
      i += plain;
      continue;
    }
    const std::size_t length = utf8_length(bytes.substr(i));
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte == '\n') {
      out += "\\n";
    } else if (length == 0 || (byte < 0x20 && byte != '\t') || byte == 0x7f) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\x%02X", byte);
      out += code.data();
    } else {
      out.append(bytes.substr(i, length));
    }
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string shorten(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  std::size_t end = max_bytes > 3 ? max_bytes - 3 : 0;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    out.append(length == 0 ? kReplacement : text.substr(i, length));
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string utf16_to_utf8(std::string_view bytes, bool big_endian) {
  const auto unit = [&](std::size_t i) {
    const auto a = static_cast<unsigned char>(bytes[i]), b = static_cast<unsigned char>(bytes[i + 1]);
    return static_cast<std::uint32_t>(big_endian ? (a << 8) | b : (b << 8) | a);
  };
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    std::uint32_t code = unit(i);
    if (code >= 0xd800 && code < 0xdc00 && i + 3 < bytes.size() && (unit(i + 2) & 0xfc00) == 0xdc00) {
      code = 0x10000 + ((code - 0xd800) << 10) + (unit(i + 2) - 0xdc00);
      i += 2;
    } else if (code >= 0xd800 && code < 0xe000) {
      code = 0xfffd;
    }
    append_utf8(out, code);
  }
  return out;
}

std::string utf8_to_utf16(std::string_view text, bool big_endian) {
  std::string out;
  out.reserve(text.size() * 2);
  const auto put = [&](std::uint32_t unit) {
    const char low = static_cast<char>(unit & 0xff), high = static_cast<char>(unit >> 8);
    out += big_endian ? high : low;
    out += big_endian ? low : high;
  };
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    const std::uint32_t code = length == 0 ? 0xfffd : decode_utf8(text.substr(i, length));
    if (code >= 0x10000) {
      put(0xd800 + ((code - 0x10000) >> 10));
      put(0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
      put(code);
    }
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

bool glob_match(std::string_view pattern, std::string_view path) {
  return may_match(pattern, path) && match_segments(pattern, path);
}

bool glob_match_tail(std::string_view pattern, std::string_view path) {
  if (!may_match(pattern, path)) return false;
  for (std::string_view rest = path; !next_segment(rest).empty(); path = rest) {
    if (match_segments(pattern, path)) return true;
  }
  return false;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    if (c == ' ' || c == '\r' || c == '\n') continue;
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>((bits >> held) & 0xff);
    }
  }
  return out;
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text.data();
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t value = 0;
  std::size_t i = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    if (value > (UINT64_MAX - 9) / 10) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(text[i] - '0');
  }
  if (i == 0) return std::nullopt;
  const std::string unit = to_lower(trim(text.substr(i)));
  constexpr std::string_view kSteps = "kmgt";
  unsigned shift = 0;
  if (!unit.empty() && unit != "b") {
    const std::size_t step = kSteps.find(unit[0]);
    if (step == std::string_view::npos) return std::nullopt;
    const std::string_view rest = std::string_view(unit).substr(1);
    if (!rest.empty() && rest != "b" && rest != "ib") return std::nullopt;
    shift = 10 * (static_cast<unsigned>(step) + 1);
  }
  if (shift != 0 && (value >> (64 - shift)) != 0) return std::nullopt;
  return value << shift;
}

std::string to_hex(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace vmtriage
