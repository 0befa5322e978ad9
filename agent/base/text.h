#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vmtriage {

enum class Language { en, ja };

/// A sentence in every language the product speaks. `ja` may be empty: English is shown then.
struct LocalText {
  std::string en;
  std::string ja;

  const std::string& in(Language language) const { return language == Language::ja && !ja.empty() ? ja : en; }
  bool operator==(const LocalText&) const = default;
};

/// Named values for the `{name}` places of a text.
using Values = std::vector<std::pair<std::string, std::string>>;

/// Puts values into `{name}` places; an unknown place becomes the empty string, `{{` stays as it is written.
std::string fill_in(std::string_view text, const Values& values);
LocalText fill_in(const LocalText& text, const Values& values);

bool starts_with_no_case(std::string_view text, std::string_view prefix);
bool equal_no_case(std::string_view a, std::string_view b);
/// Position of `needle` in `text` with ASCII case ignored, or npos.
std::size_t find_no_case(std::string_view text, std::string_view needle);
std::string to_lower(std::string_view text);
std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
std::vector<std::string_view> split_lines(std::string_view text);
/// The newlines in a text.
std::uint64_t count_lines(std::string_view text);
/// The words between blanks.
std::vector<std::string_view> split_words(std::string_view text);
/// What stands between the words of a text: blanks, tabs, line ends, and the NULs that values of Windows may hold.
constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }
/// Appends the words of a text with one blank between them.
void append_flat(std::string_view text, std::string& out);
/// The words of a text with one blank between them: whitespace, also that between lines, tells nothing.
std::string flatten(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// The same text with every byte that is not valid UTF-8 shown as `\xNN` and every control character but tab as `\xNN`
/// (a newline as `\n`): fit for a terminal, JSON and an error message, whatever a file was named.
std::string printable(std::string_view bytes);
/// At most `max_bytes` of `text`, cut between characters, with `…` where something was cut.
std::string shorten(std::string_view text, std::size_t max_bytes);
bool is_valid_utf8(std::string_view text);
/// Replaces every invalid UTF-8 sequence by U+FFFD.
std::string to_valid_utf8(std::string_view text);

/// UTF-16 code units to UTF-8; an unpaired surrogate becomes U+FFFD. An odd last byte is left out.
std::string utf16_to_utf8(std::string_view bytes, bool big_endian = false);
/// UTF-8 to UTF-16 bytes; invalid sequences become U+FFFD.
std::string utf8_to_utf16(std::string_view text, bool big_endian = false);

/// `name` against a shell pattern: `*` and `?` inside one path segment, `[a-z]`, and `**` for any number of segments.
bool glob_match(std::string_view pattern, std::string_view path);
/// Whether the last segments of `path` match `pattern`, which is taken as absolute: `/var/log/waagent.log*` matches
/// `copied/disk/var/log/waagent.log.1`.
bool glob_match_tail(std::string_view pattern, std::string_view path);

/// Decodes base64 (blanks and missing padding allowed); nothing when another character is met.
std::optional<std::string> decode_base64(std::string_view text);

/// `1.5 MiB`, `812 bytes`.
std::string format_size(std::uint64_t bytes);
/// Reads `64M`, `1GiB`, `500000`; nothing when it is no size.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string to_hex(std::span<const unsigned char> bytes);

}  // namespace vmtriage
