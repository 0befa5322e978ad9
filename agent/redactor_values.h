#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace vmtriage::redaction {

bool is_blank(char c);
bool is_line_end(char c);
bool is_digit(char c);
bool is_letter(char c);
/// Letters, digits, `_`, `-` and `.`: what names of settings are made of.
bool is_name(char c);
/// The letters of base64 and base64url, padding included.
bool is_base64(char c);

bool has_at(std::string_view text, std::size_t at, std::string_view word);
/// The same with ASCII case ignored; `word` is lower case.
bool has_at_no_case(std::string_view text, std::size_t at, std::string_view word);
bool ends_no_case(std::string_view text, std::string_view word);

std::size_t skip_blanks(std::string_view text, std::size_t at);
/// Where the line that holds `at` ends, its `\r` or `\n` not counted.
std::size_t line_end(std::string_view text, std::size_t at);
/// Where `word` stands from `at` on, ASCII case ignored, or the end of the line.
std::size_t find_on_line(std::string_view text, std::size_t at, std::string_view word);
/// First byte of the name that reaches to `at`: of `node.session.auth.pass|word`.
std::size_t name_begin(std::string_view text, std::size_t at);
/// Whether only blanks stand between the beginning of the line and `at`.
bool begins_line(std::string_view text, std::size_t at);

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;

  bool empty() const { return begin >= end; }
  std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
};

Span trim_blanks(std::string_view text, Span span);

/// A quotation mark as it looks at the depth where it stands: `"`, `\"` in JSON inside a JSON string, `\\\"` one
/// deeper, `&quot;` in XML,
/// `\u0022` as .NET writes it. Empty: no quotation mark.
struct Quote {
  std::string_view mark;

  explicit operator bool() const { return !mark.empty(); }
  std::size_t backslashes() const { return mark.size() - 1; }
  bool is_entity() const { return mark.size() > 4; }
};

Quote quote_at(std::string_view text, std::size_t at);
/// Whether the quotation mark character at `at` ends a string that `quote` began; `value` is where the string begins.
bool closes(std::string_view text, std::size_t value, std::size_t at, Quote quote);
/// One behind the last byte of a quoted value: the mark that closes it, or the end of the line when none does.
std::size_t quoted_end(std::string_view text, std::size_t value, Quote quote);

enum class Form {
  assign,   ///< `key=value`, `key = "value"`, `key%3Dvalue`
  colon,    ///< `"key" : "value"`, `key: value`
  element,  ///< `<Key>value</Key>`, `<Data Name="Key">value</Data>`
  option,   ///< `--key value`
};

/// How a key is tied to its value.
struct Binding {
  Form form = Form::assign;
  std::size_t name = 0;   ///< first byte of the whole name
  std::size_t value = 0;  ///< first byte of the value, behind its quotation mark
  bool key_quoted = false;
  Quote quote;  ///< of the value
};

/// What binds the name that ends at `name_end` to a value; `word` is any byte of that name.
std::optional<Binding> bind(std::string_view text, std::size_t word, std::size_t name_end);

/// The bytes of the bound value. An unquoted value ends at a blank, at a bracket or a separator that something else
/// follows.
Span value_of(std::string_view text, const Binding& binding);
/// The same for values that are written in base64, also percent-encoded: other bytes end them.
Span base64_value_of(std::string_view text, const Binding& binding);

/// Whether a value hides nothing: empty, masked, a variable, `null`, `required`, already redacted.
bool is_no_secret(std::string_view value, std::string_view name);
/// Whether an unquoted value is code that fetches one: `getpass()`, `params["TargetPassword`.
bool is_code(std::string_view value);

}  // namespace vmtriage::redaction
