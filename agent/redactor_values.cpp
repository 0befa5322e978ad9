#include "agent/redactor_values.h"

#include <algorithm>
#include <array>

namespace vmtriage::redaction {
namespace {

// Every look ahead and look back is bounded, so that a line of a megabyte full of keys takes linear time.
constexpr std::size_t kMaxName = 96;
constexpr std::size_t kMaxBlanks = 64;
constexpr std::size_t kMaxTag = 256;
constexpr std::size_t kMaxRestOfLine = 512;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

char at_or_end(std::string_view text, std::size_t at) { return at < text.size() ? text[at] : '\n'; }

bool is_quote_character(char c) { return c == '"' || c == '\''; }

/// Whether `name =` or `name:` begins at `at`: then the byte before it is a separator and no part of a value.
bool begins_pair(std::string_view text, std::size_t at, bool blanks_in_name) {
  at = skip_blanks(text, at);
  const std::size_t begin = at;
  while (at < text.size() && at - begin < 40 && (is_name(text[at]) || (blanks_in_name && text[at] == ' '))) ++at;
  return at > begin && is_letter(text[begin]) && (at_or_end(text, at) == '=' || at_or_end(text, at) == ':');
}

bool ends_word_at(std::string_view text, std::size_t at) {
  const char c = at_or_end(text, at);
  return is_blank(c) || is_line_end(c) || std::string_view(",;)]}").find(c) != std::string_view::npos;
}

/// `&`, `;`, a quotation mark or a blank as percent encoding has them, once or twice encoded.
bool is_encoded_separator(std::string_view text, std::size_t at) {
  if (has_at(text, at, "%25")) at += 2;
  for (const std::string_view code : {"26", "3b", "22", "20"}) {
    if (has_at_no_case(text, at + 1, code)) return true;
  }
  return false;
}

/// Whether the value ends before the byte at `at`, which is not blank.
bool separates(std::string_view text, std::size_t at) {
  switch (text[at]) {
    case ',':
    case ';':
    case '|':
      return ends_word_at(text, at + 1) || is_quote_character(at_or_end(text, at + 1)) ||
             begins_pair(text, at + 1, true);
    case '&':
      for (const std::string_view entity : {"&amp;", "&quot;", "&lt;", "&gt;", "&apos;", "&#"}) {
        if (has_at_no_case(text, at, entity)) return true;
      }
      return begins_pair(text, at + 1, false);
    case '<':
      return at_or_end(text, at + 1) == '/' || is_letter(at_or_end(text, at + 1));
    case '"':
    case '\'':
    case '>':
    case '`':
      return ends_word_at(text, at + 1) || at_or_end(text, at + 1) == '>' || at_or_end(text, at + 1) == ':';
    case '\\': {
      const char next = at_or_end(text, at + 1);
      return is_quote_character(next) || next == 'n' || next == 'r' || has_at_no_case(text, at, "\\u0026") ||
             has_at_no_case(text, at, "\\u0022") || has_at_no_case(text, at, "\\u003c");
    }
    default:
      return false;
  }
}

std::size_t unquoted_end(std::string_view text, std::size_t value) {
  std::size_t end = value;
  while (end < text.size() && !is_blank(text[end]) && !is_line_end(text[end]) && !separates(text, end)) ++end;
  // A bracket that closes one from before the value is no part of it: `(password=x)`, but `${DB_PASSWORD}`.
  const bool brackets = text.substr(value, end - value).find_first_of("([{") != std::string_view::npos;
  const std::string_view trailing = brackets ? ",;" : ")]},;";
  while (end > value && trailing.find(text[end - 1]) != std::string_view::npos) --end;
  return end;
}

/// A value with blanks in it: `Password=my own;Server=db` goes to the separator, `password = my own` alone on its line
/// to its end.
std::size_t end_with_blanks(std::string_view text, const Binding& binding, std::size_t end) {
  if (binding.form != Form::assign || !is_blank(at_or_end(text, end))) return end;
  const std::size_t line =
      line_end(text.substr(0, std::min(text.size(), binding.value + kMaxRestOfLine)), binding.value);
  const std::string_view rest = text.substr(end, line - end);
  const std::size_t equals = rest.find('=');
  const std::size_t before_key = binding.name == 0 ? binding.name : binding.name - 1;
  if (text[before_key] == ';') {
    const std::size_t semicolon = rest.find(';');
    if (semicolon < equals && begins_pair(text, end + semicolon + 1, true)) return end + semicolon;
  }
  if (begins_line(text, binding.name) && equals == std::string_view::npos && is_line_end(at_or_end(text, line))) {
    return trim_blanks(text, {binding.value, line}).end;
  }
  return end;
}

/// Reads `=`, `:`, `=>`, `:=`, `%3D`, `\u003d` at `at`; gives the byte behind it, or nothing.
std::optional<std::size_t> separator_end(std::string_view text, std::size_t at, Form& form) {
  const char c = at_or_end(text, at);
  for (const std::string_view encoded : {"%3d", "%253d", "\\u003d", "&#61;"}) {
    if (c == encoded[0] && has_at_no_case(text, at, encoded)) {
      form = Form::assign;
      return at + encoded.size();
    }
  }
  const char next = at_or_end(text, at + 1);
  if (c == '=') {
    form = Form::assign;
    if (next == '=' || next == '~') return std::nullopt;
    return at + (next == '>' ? 2 : 1);
  }
  if (c == ':') {
    form = Form::colon;
    if (next == ':' || next == '/') return std::nullopt;
    return at + (next == '=' ? 2 : 1);
  }
  return std::nullopt;
}

/// Whether `<` or `<prefix:` stands before the name.
bool opens_element(std::string_view text, std::size_t name) {
  if (name == 0) return false;
  if (text[name - 1] == '<') return true;
  if (text[name - 1] != ':') return false;
  const std::size_t prefix = name_begin(text, name - 1);
  return prefix > 0 && text[prefix - 1] == '<';
}

/// The first byte behind the `>` of the tag whose name ends at `name_end`.
std::optional<std::size_t> element_text(std::string_view text, const Binding& binding, std::size_t at) {
  const bool tag = opens_element(text, binding.name);
  if (!tag && !binding.key_quoted) return std::nullopt;
  if (tag && is_blank(at_or_end(text, at))) {
    const std::string_view attributes =
        text.substr(at, std::min(kMaxTag, line_end(text.substr(0, std::min(text.size(), at + kMaxTag)), at) - at));
    const std::size_t close = attributes.find_first_of("<>");
    if (close == std::string_view::npos || attributes[close] == '<' || attributes[close - 1] == '/')
      return std::nullopt;
    at += close;
  }
  if (at_or_end(text, at) != '>') return std::nullopt;
  ++at;
  for (const std::string_view wrapper : {"<value>", "<![cdata["}) {
    if (has_at_no_case(text, at, wrapper)) at += wrapper.size();
  }
  return at;
}

/// `"key" value="…"` as .NET configuration files have it, `"--key", "…"` as lists of arguments.
std::optional<std::size_t> quoted_key_separator(std::string_view text, const Binding& binding, std::size_t at) {
  if (has_at_no_case(text, at, "value")) {
    at = skip_blanks(text, at + 5);
    return at_or_end(text, at) == '=' ? std::optional(at + 1) : std::nullopt;
  }
  if (at_or_end(text, at) == ',' && at_or_end(text, binding.name) == '-') return at + 1;
  return std::nullopt;
}

bool is_option(std::string_view text, std::size_t name) {
  if (at_or_end(text, name) != '-') return false;
  return name == 0 || is_blank(text[name - 1]) || is_line_end(text[name - 1]) || is_quote_character(text[name - 1]);
}

std::size_t quote_at_end(std::string_view text, std::size_t at) {
  return skip_blanks(text, at + quote_at(text, at).mark.size());
}

/// `"adminPassword": {"value": "…"}` of an ARM template, `ConvertTo-SecureString "…"` of PowerShell.
void unwrap(std::string_view text, Binding& binding) {
  std::size_t at = binding.value;
  if (at_or_end(text, at) == '{' || at_or_end(text, at) == '(') at = skip_blanks(text, at + 1);
  const Quote quote = quote_at(text, at);
  if (binding.key_quoted && quote && has_at_no_case(text, at + quote.mark.size(), "value")) {
    at = quote_at_end(text, at + quote.mark.size() + 5);
    if (at_or_end(text, at) == ':') binding.value = skip_blanks(text, at + 1);
  }
  constexpr std::string_view kCmdlet = "convertto-securestring";
  if (!has_at_no_case(text, at, kCmdlet)) return;
  at = skip_blanks(text, at + kCmdlet.size());
  if (has_at_no_case(text, at, "-string")) at = skip_blanks(text, at + 7);
  if (quote_at(text, at)) binding.value = at;
}

void enter_quote(std::string_view text, Binding& binding) {
  const char prefix = at_or_end(text, binding.value);
  if ((prefix == 'u' || prefix == 'b') && quote_at(text, binding.value + 1)) ++binding.value;
  binding.quote = quote_at(text, binding.value);
  binding.value += binding.quote.mark.size();
}

constexpr std::array kHarmlessWords{
    "null",    "none",  "nil",        "(null)",     "(none)",     "true",     "false",   "yes",       "no",
    "not",     "n/a",   "required",   "expired",    "redacted",   "masked",   "hidden",  "undefined", "empty",
    "set",     "unset", "unknown",    "incorrect",  "invalid",    "wrong",    "failed",  "pass:",     "files",
    "compat",  "sss",   "ldap",       "systemd",    "winbind",    "prompt",   "changed", "missing",   "disabled",
    "enabled", "never", "[redacted]", "(redacted)", "<redacted>", "<hidden>", "<null>",  "<none>"};

bool is_mask(std::string_view value) {
  if (value.size() < 3 &&
      std::none_of(value.begin(), value.end(), [](char c) { return is_name(c) && c != '-' && c != '.'; }))
    return true;
  return value.size() >= 3 && std::string_view("*xX.-#").find(value[0]) != std::string_view::npos &&
         value.find_first_not_of(value[0]) == std::string_view::npos;
}

/// `$TargetPassword`, `${pw}`, `$(cat file)`, `%(password)s`, `{0}`, `args.password`: the place of a value, not the
/// value.
bool is_place(std::string_view value, std::string_view name) {
  if (value.size() < 2) return false;
  const char last = value.back();
  if (value[0] == '<' && last == '>') return true;
  if ((value[0] == '{' || value.starts_with("${")) && last == '}' &&
      value.find_first_of(" \"':,") == std::string_view::npos)
    return true;
  if (value.starts_with("$(") || (value.starts_with("%(") && value.ends_with(")s")) || value == "%s" || value == "%d")
    return true;
  const std::size_t bare_name = name.find_last_of(".-") + 1;
  const std::string_view bare = name.substr(bare_name);
  const std::string_view stripped = value[0] == '$' ? value.substr(1) : value.substr(value.find_last_of('.') + 1);
  return stripped.size() < value.size() && stripped.size() == bare.size() && ends_no_case(stripped, bare);
}

}  // namespace

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_line_end(char c) { return c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_name(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; }
bool is_base64(char c) {
  return is_letter(c) || is_digit(c) || c == '+' || c == '/' || c == '=' || c == '_' || c == '-';
}

bool has_at(std::string_view text, std::size_t at, std::string_view word) {
  return at <= text.size() && text.substr(at).starts_with(word);
}

bool has_at_no_case(std::string_view text, std::size_t at, std::string_view word) {
  if (at > text.size() || text.size() - at < word.size()) return false;
  return std::equal(word.begin(), word.end(), text.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char a, char b) { return lower(a) == lower(b); });
}

bool ends_no_case(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && has_at_no_case(text, text.size() - word.size(), word);
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  const std::size_t limit = std::min(text.size(), at + kMaxBlanks);
  while (at < limit && is_blank(text[at])) ++at;
  return at;
}

std::size_t line_end(std::string_view text, std::size_t at) {
  while (at < text.size() && !is_line_end(text[at])) ++at;
  return at;
}

std::size_t name_begin(std::string_view text, std::size_t at) {
  const std::size_t limit = at > kMaxName ? at - kMaxName : 0;
  while (at > limit && is_name(text[at - 1])) --at;
  return at;
}

bool begins_line(std::string_view text, std::size_t at) {
  const std::size_t limit = at > kMaxBlanks ? at - kMaxBlanks : 0;
  while (at > limit && is_blank(text[at - 1])) --at;
  return at == 0 || is_line_end(text[at - 1]);
}

Span trim_blanks(std::string_view text, Span span) {
  while (!span.empty() && is_blank(text[span.begin])) ++span.begin;
  while (!span.empty() && (is_blank(text[span.end - 1]) || is_line_end(text[span.end - 1]))) --span.end;
  return span;
}

Quote quote_at(std::string_view text, std::size_t at) {
  const char first = at_or_end(text, at);
  if (!is_quote_character(first) && first != '\\' && first != '&') return {};
  for (const std::string_view entity : {"&quot;", "&#34;", "\\u0022"}) {
    if (has_at_no_case(text, at, entity)) return {text.substr(at, entity.size())};
  }
  std::size_t mark = at;
  while (mark < text.size() && mark - at < 3 && text[mark] == '\\') ++mark;
  if (mark == text.size() || !is_quote_character(text[mark])) return {};
  return {text.substr(at, mark + 1 - at)};
}

bool closes(std::string_view text, std::size_t value, std::size_t at, Quote quote) {
  std::size_t backslashes = 0;
  while (at - backslashes > value && text[at - backslashes - 1] == '\\') ++backslashes;
  // Each level of nesting doubles the backslashes and adds one, so a mark of this level has `own` more than a multiple
  // of twice that.
  const std::size_t own = quote.backslashes();
  return backslashes < own || backslashes % (2 * (own + 1)) == own;
}

std::size_t find_on_line(std::string_view text, std::size_t at, std::string_view word) {
  while (at < text.size() && !is_line_end(text[at]) && !has_at_no_case(text, at, word)) ++at;
  return at;
}

std::size_t quoted_end(std::string_view text, std::size_t value, Quote quote) {
  if (quote.is_entity()) return find_on_line(text, value, quote.mark);
  const std::string_view mark = quote.mark.substr(quote.backslashes());
  std::size_t at = find_on_line(text, value, mark);
  while (has_at(text, at, mark) && !closes(text, value, at, quote)) at = find_on_line(text, at + 1, mark);
  if (!has_at(text, at, mark)) return at;
  std::size_t end = at;
  while (end > value && at - end < quote.backslashes() && text[end - 1] == '\\') --end;
  return end;
}

std::optional<Binding> bind(std::string_view text, std::size_t word, std::size_t name_end) {
  Binding binding;
  binding.name = name_begin(text, word);
  if (text.substr(0, binding.name).ends_with("[redacted:")) return std::nullopt;
  const Quote key_quote = quote_at(text, name_end);
  binding.key_quoted = static_cast<bool>(key_quote);
  std::size_t at = name_end + key_quote.mark.size();
  if (const auto value = element_text(text, binding, at)) {
    binding.form = Form::element;
    binding.value = *value;
    return binding;
  }
  const std::size_t separator = skip_blanks(text, at);
  auto value = separator_end(text, separator, binding.form);
  if (!value && binding.key_quoted) value = quoted_key_separator(text, binding, separator);
  if (!value && separator > at && !binding.key_quoted && is_option(text, binding.name)) {
    binding.form = Form::option;
    value = separator;
  }
  if (!value) return std::nullopt;
  binding.value = skip_blanks(text, *value);
  unwrap(text, binding);
  enter_quote(text, binding);
  if (binding.form == Form::option && !binding.quote && at_or_end(text, binding.value) == '-') return std::nullopt;
  return binding;
}

Span value_of(std::string_view text, const Binding& binding) {
  if (binding.quote) return {binding.value, quoted_end(text, binding.value, binding.quote)};
  if (binding.form == Form::element) {
    const bool character_data = has_at(text, binding.value - 1, "[");
    return trim_blanks(text, {binding.value, find_on_line(text, binding.value, character_data ? "]]>" : "<")});
  }
  return {binding.value, end_with_blanks(text, binding, unquoted_end(text, binding.value))};
}

Span base64_value_of(std::string_view text, const Binding& binding) {
  std::size_t end = binding.value;
  while (end < text.size() && (is_base64(text[end]) || text[end] == '%' || text[end] == '\\')) {
    // `\/` is how some JSON writers put a slash; any other escape is the end.
    if (text[end] == '\\' && at_or_end(text, end + 1) != '/') break;
    if (text[end] == '%' && is_encoded_separator(text, end)) break;
    ++end;
  }
  return {binding.value, end};
}

bool is_no_secret(std::string_view value, std::string_view name) {
  if (value.empty() || value.find("[redacted:") != std::string_view::npos || is_mask(value)) return true;
  for (const std::string_view word : kHarmlessWords) {
    if (value.size() == word.size() && ends_no_case(value, word)) return true;
  }
  return is_place(value, name);
}

bool is_code(std::string_view value) {
  const std::size_t bracket = value.find_first_of("([");
  if (bracket == 0 || bracket == std::string_view::npos || bracket + 1 > value.size() || !is_letter(value[0]))
    return false;
  if (!std::all_of(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(bracket), is_name)) return false;
  const char next = at_or_end(value, bracket + 1);
  return bracket + 1 == value.size() || is_quote_character(next) || next == ')';
}

}  // namespace vmtriage::redaction
