#include "agent/event_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "agent/base/text.h"
#include "analyzers/evtx/value.h"

namespace vmtriage {
namespace {

/// The longest escape of one byte: `\u001f`.
constexpr std::size_t kLongestEscape = 6;
constexpr std::ptrdiff_t kBlock = 8;

constexpr auto kNeedsEscape = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = true;
  table['"'] = table['\\'] = true;
  return table;
}();

template <std::size_t N>
char* put(char* out, const char (&text)[N]) {
  std::memcpy(out, text, N - 1);
  return out + N - 1;
}

char* put_number(char* out, std::uint64_t value) { return std::to_chars(out, out + 20, value).ptr; }

char* put_escape(char* out, unsigned char c) {
  switch (c) {
    case '"':
      return put(out, "\\\"");
    case '\\':
      return put(out, "\\\\");
    case '\n':
      return put(out, "\\n");
    case '\r':
      return put(out, "\\r");
    case '\t':
      return put(out, "\\t");
    default:
      break;
  }
  constexpr char kHex[] = "0123456789abcdef";
  out = put(out, "\\u00");
  *out++ = kHex[c >> 4];
  *out++ = kHex[c & 15];
  return out;
}

constexpr std::uint64_t repeat(unsigned char c) { return 0x0101010101010101u * c; }

/// Whether none of eight bytes needs an escape. Source: S. E. Anderson, "Bit twiddling hacks", "has zero byte".
bool is_clean(std::uint64_t word) {
  const auto has_zero = [](std::uint64_t x) { return (x - repeat(1)) & ~x; };
  const std::uint64_t bad =
      ((word - repeat(0x20)) & ~word) | has_zero(word ^ repeat('"')) | has_zero(word ^ repeat('\\'));
  return (bad & repeat(0x80)) == 0;
}

std::uint64_t load(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Copies the last bytes of a text, fewer than a block, if none needs an escape: with a load that overlaps what stands
/// before them, which has been copied as it is when it is clean. Returns the new end, or nullptr.
char* put_clean_tail(char* out, const char* in, std::ptrdiff_t size, bool has_block_before) {
  if (has_block_before) {
    const std::uint64_t word = load(in + size - kBlock);
    if (!is_clean(word)) return nullptr;
    std::memcpy(out + size - kBlock, &word, kBlock);
    return out + size;
  }
  if (size < kBlock / 2) return nullptr;
  std::uint32_t first, last;
  std::memcpy(&first, in, sizeof first);
  std::memcpy(&last, in + size - kBlock / 2, sizeof last);
  if (!is_clean(first | std::uint64_t{last} << 32)) return nullptr;
  std::memcpy(out, &first, sizeof first);
  std::memcpy(out + size - kBlock / 2, &last, sizeof last);
  return out + size;
}

/// Writes a JSON string without its quotes. `out` has room for six times the text.
char* put_escaped(char* out, std::string_view text) {
  const char* in = text.data();
  const char* const end = in + text.size();
  while (in != end) {
    for (; end - in >= kBlock; in += kBlock, out += kBlock) {
      const std::uint64_t word = load(in);
      if (!is_clean(word)) break;
      std::memcpy(out, &word, sizeof word);
    }
    const std::ptrdiff_t size = std::min(kBlock, end - in);
    if (size < kBlock) {
      char* const copied = put_clean_tail(out, in, size, in - text.data() >= kBlock);
      if (copied) return copied;
    }
    for (const char* const stop = in + size; in != stop; ++in) {
      const auto c = static_cast<unsigned char>(*in);
      if (kNeedsEscape[c]) {
        out = put_escape(out, c);
      } else {
        *out++ = *in;
      }
    }
  }
  return out;
}

char* put_string(char* out, std::string_view text) {
  *out++ = '"';
  out = put_escaped(out, text);
  *out++ = '"';
  return out;
}

/// An event without a record id has the empty string there: 0 would be a number.
char* put_record_id(char* out, const Event& event) {
  return event.record_id == 0 && !event.has_record_id ? put(out, "\"\"") : put_number(out, event.record_id);
}

std::size_t room_for(std::string_view text) { return kLongestEscape * text.size() + 16; }

constexpr std::string_view kLevels[] = {"LogAlways", "Critical", "Error", "Warning", "Information", "Verbose"};

std::string level_name(std::uint8_t level) {
  if (level == Event::kNoLevel) return "-";
  return level < std::size(kLevels) ? std::string(kLevels[level]) : "level " + std::to_string(level);
}

void append_value_text(OutputText& out, std::string_view name, std::string_view text) {
  out.append("    " + printable(name) + ":");
  const std::string_view shown = trim(text);
  const bool several = shown.find('\n') != std::string_view::npos;
  for (const std::string_view line : split_lines(shown)) {
    out.append((several ? "\n        " : " ") + printable(line));
  }
  out.append("\n");
}

}  // namespace

void OutputText::grow(std::size_t size) {
  const std::size_t capacity = std::max<std::size_t>({64 << 10, 2 * capacity_, size_ + size});
  std::unique_ptr<char[]> data(new char[capacity]);
  if (size_ > 0) std::memcpy(data.get(), data_.get(), size_);
  data_ = std::move(data);
  capacity_ = capacity;
}

void OutputText::append(std::string_view text) {
  char* at = reserve(text.size());
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  size_ += text.size();
}

void append_event_json(OutputText& out, const Event& event) {
  char* at = out.reserve(256 + room_for(event.provider) + room_for(event.channel) + room_for(event.computer));
  at = put_record_id(put(at, "{\"record_id\":"), event);
  at = write_time(put(at, ",\"time\":\""), event.time_created);
  at = put_string(put(at, "\",\"provider\":"), event.provider);
  at = put_number(put(at, ",\"event_id\":"), event.event_id);
  at = put(at, ",\"level\":");
  at = event.level == Event::kNoLevel ? put(at, "\"\"") : put_number(at, event.level);
  at = put_string(put(at, ",\"channel\":"), event.channel);
  at = put_string(put(at, ",\"computer\":"), event.computer);
  at = put(at, ",\"data\":[");
  out.commit(at);
  bool first = true;
  for (const auto& [name, text] : event.data) {
    at = out.reserve(room_for(name) + room_for(text));
    if (!first) *at++ = ',';
    first = false;
    *at++ = '[';
    at = put_string(at, name);
    *at++ = ',';
    at = put_string(at, text);
    *at++ = ']';
    out.commit(at);
  }
  at = out.reserve(64 + room_for(event.message));
  *at++ = ']';
  if (!event.message.empty()) at = put_string(put(at, ",\"message\":"), event.message);
  if (event.recovered) at = put(at, ",\"recovered\":true");
  out.commit(put(at, "}\n"));
}

void append_event_text(OutputText& out, const Event& event) {
  char* at = out.reserve(32);
  out.commit(write_time(at, event.time_created));
  out.append(" " + level_name(event.level) + " " + printable(event.provider) + " " + std::to_string(event.event_id) +
             " (" + printable(event.channel) + ", " + printable(event.computer) + ", record " +
             std::to_string(event.record_id) + (event.recovered ? ", recovered)\n" : ")\n"));
  if (!event.message.empty()) append_value_text(out, "message", event.message);
  for (const auto& [name, text] : event.data) {
    if (!text.empty()) append_value_text(out, name, text);
  }
}

}  // namespace vmtriage
