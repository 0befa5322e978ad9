#include "agent/redactor_rules.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>

namespace vmtriage::redaction {
namespace {

using Found = std::optional<Secret>;

constexpr std::size_t kLookBack = 512;
constexpr std::size_t kMaxCommandLine = 2048;
constexpr std::size_t kMaxUserInfo = 256;
constexpr std::size_t kMaxSqlUser = 128;

bool all_of(std::string_view text, bool (*is)(char)) { return std::all_of(text.begin(), text.end(), is); }
bool any_of(std::string_view text, bool (*is)(char)) { return std::any_of(text.begin(), text.end(), is); }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

std::string_view whole_name(std::string_view text, const Binding& binding, const AnchorHit& hit) {
  return text.substr(binding.name, hit.end - binding.name);
}

/// `Shared_Access-Key` → `sharedaccesskey`.
std::string normalized(std::string_view name) {
  std::string bare;
  for (const char c : name) {
    if (c != '_' && c != '-' && c != '.') bare += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  }
  return bare;
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

/// Whether `word` stands within the last bytes of the line before `at`.
bool stands_before(std::string_view text, std::size_t at, std::string_view word) {
  const std::size_t window = at > kLookBack ? at - kLookBack : 0;
  const std::string_view before = text.substr(window, at - window);
  const std::string_view line = before.substr(before.find_last_of('\n') + 1);
  return find_on_line(line, 0, word) < line.size();
}

Follow follow(Follow::Mode mode, Kind kind) {
  Follow next;
  next.mode = mode;
  next.kind = kind;
  return next;
}

Found secret(Span span, Kind kind) { return span.empty() ? Found{} : Secret{span, kind, {}}; }

Found plain_secret(std::string_view text, Span span, Kind kind, std::string_view name) {
  return is_no_secret(span.of(text), name) ? Found{} : secret(span, kind);
}

// --- passwords ---

/// `password: hunter2` at the end of a line is a secret, `wrong password: user is locked` is prose.
bool reads_as_prose(std::string_view text, const Binding& binding, std::size_t word, Span value) {
  if (binding.form != Form::colon || binding.quote) return false;
  if (binding.key_quoted) return !is_digit(text[value.begin]);
  if (binding.name > 0 && (text[binding.name - 1] == '/' || text[binding.name - 1] == '\\') && binding.name > 1 &&
      is_name(text[binding.name - 2])) {
    return true;  // /etc/passwd: No such file
  }
  const std::size_t next = skip_blanks(text, value.end);
  if (next > value.end && next < text.size() && !is_line_end(text[next])) {
    std::size_t end = next;
    while (end < text.size() && end - next < 40 && is_name(text[end])) ++end;
    if (end == next || end == text.size() || (text[end] != '=' && text[end] != ':')) return true;
  }
  const bool own_line = begins_line(text, binding.name) || binding.name < word;
  return !own_line && all_of(value.of(text), is_lower);
}

/// sudo and the environment call the working directory PWD.
bool is_directory(std::string_view text, const Binding& binding, std::string_view value) {
  if (binding.name > 0 && text[binding.name - 1] == ';') return false;
  if (value.starts_with('/') || value.starts_with('~') || value.starts_with("%2F")) return true;
  return value.size() > 2 && is_letter(value[0]) && value[1] == ':' && (value[2] == '\\' || value[2] == '/');
}

/// Whether `ALTER USER name ` or `CREATE USER name ` stands before `at`.
bool follows_sql_user(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(at > kMaxSqlUser ? at - kMaxSqlUser : 0, std::min(at, kMaxSqlUser));
  const std::string_view with_name = before.substr(0, before.find_last_not_of(' ') + 1);
  const std::string_view command = with_name.substr(0, with_name.find_last_of(" \n") + 1);
  return ends_no_case(command, "alter user ") || ends_no_case(command, "create user ");
}

/// `ALTER USER system PASSWORD "…"`.
Found sql_password(std::string_view text, const AnchorHit& hit) {
  const std::size_t at = skip_blanks(text, hit.end);
  if (at == hit.end || !follows_sql_user(text, hit.begin)) return {};
  Binding binding;
  binding.form = Form::option;
  binding.name = hit.begin;
  binding.quote = quote_at(text, at);
  binding.value = at + binding.quote.mark.size();
  return plain_secret(text, value_of(text, binding), Kind::password, "password");
}

/// `Password= User=x`: the value is empty and the next setting follows.
bool is_next_pair(std::string_view text, Span value) {
  std::size_t at = value.begin;
  while (at > 0 && is_blank(text[at - 1])) --at;
  if (at == value.begin || at < 2 || text[at - 1] != '=' || is_blank(text[at - 2])) return false;
  const std::string_view shown = value.of(text);
  const std::size_t equals = shown.find('=');
  return equals != std::string_view::npos && equals + 1 < shown.size() && all_of(shown.substr(0, equals), is_name);
}

/// What may stand between `password` and the sign that binds it: `password_in`, `Password2`.
std::size_t suffix_end(std::string_view text, std::size_t at) {
  if (has_at_no_case(text, at, "_in") && !(at + 3 < text.size() && is_name(text[at + 3]))) return at + 3;
  return at < text.size() && is_digit(text[at]) ? at + 1 : at;
}

Found on_password(std::string_view text, const AnchorHit& hit) {
  const auto binding = bind(text, hit.begin, suffix_end(text, hit.end));
  if (!binding) return sql_password(text, hit);
  const Span value = value_of(text, *binding);
  const std::string_view name = whole_name(text, *binding, hit);
  if (value.empty() && binding->form == Form::element)
    return Secret{{}, Kind::password, follow(Follow::Mode::element, Kind::password)};
  if (value.empty() || reads_as_prose(text, *binding, hit.begin, value)) return {};
  if (!binding->quote && (is_code(value.of(text)) || is_next_pair(text, value))) return {};
  if (hit.anchor == Anchor::pwd && is_directory(text, *binding, value.of(text))) return {};
  return plain_secret(text, value, Kind::password, name);
}

/// `credString` of workload.conf: everything behind the sign is the credential.
Found on_cred_string(std::string_view text, const AnchorHit& hit) {
  const auto binding = bind(text, hit.begin, hit.end);
  if (!binding) return {};
  Span value = value_of(text, *binding);
  if (!binding->quote && binding->form != Form::element)
    value = trim_blanks(text, {binding->value, line_end(text, binding->value)});
  return plain_secret(text, value, Kind::password, "credstring");
}

bool ends_user_info(char c) { return std::string_view(" \t\r\n/\"'<>=").find(c) != std::string_view::npos; }
bool ends_host(char c) { return ends_user_info(c) || std::string_view("?#\\,;").find(c) != std::string_view::npos; }

/// Whether the text before `at` is `http://`, also `http:\/\/` as some JSON writers put it.
bool follows_scheme(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(at > 4 ? at - 4 : 0, std::min<std::size_t>(at, 4));
  return before.ends_with("//") || before.ends_with("/\\/");
}

/// Whether the value at `at` is that of a setting like `HttpProxy.Host=` or `https_proxy="`.
bool follows_proxy_key(std::string_view text, std::size_t at) {
  if (at > 0 && (text[at - 1] == '"' || text[at - 1] == '\'')) --at;
  if (at == 0 || text[at - 1] != '=') return false;
  const std::size_t name = name_begin(text, at - 1);
  return normalized(text.substr(name, at - 1 - name)).find("proxy") != std::string::npos;
}

/// `http://user:password@host`, `https_proxy=user:password@host`.
Found on_at_sign(std::string_view text, const AnchorHit& hit) {
  for (std::size_t at = hit.end; at < text.size() && at - hit.end < kMaxUserInfo && !ends_host(text[at]); ++at) {
    if (text[at] == '@') return {};  // a password with an @ in it: the last one counts
  }
  const std::size_t limit = hit.begin > kMaxUserInfo ? hit.begin - kMaxUserInfo : 0;
  std::size_t begin = hit.begin;
  std::size_t password = hit.begin;
  while (begin > limit && !ends_user_info(text[begin - 1])) {
    if (text[--begin] == ':') password = begin + 1;
  }
  if (password == hit.begin || !(follows_scheme(text, begin) || follows_proxy_key(text, begin))) return {};
  return plain_secret(text, {password, hit.begin}, Kind::password, "");
}

// --- SAP HANA command lines ---

struct Word {
  Span span;  ///< without its quotation marks
  std::size_t next = 0;
};

Word next_word(std::string_view text, std::size_t at) {
  at = skip_blanks(text, at);
  while (at < text.size() && (text[at] == ',' || (text[at] == '[' && !has_at(text, at, "[redacted:"))))
    at = skip_blanks(text, at + 1);
  if (const Quote quote = quote_at(text, at)) {
    const std::size_t begin = at + quote.mark.size();
    const std::size_t end = quoted_end(text, begin, quote);
    return {{begin, end}, has_at(text, end, quote.mark) ? end + quote.mark.size() : end};
  }
  const std::size_t begin = at;
  while (at < text.size() && !is_blank(text[at]) && !is_line_end(text[at])) ++at;
  std::size_t end = at;
  while (end > begin && std::string_view("\"',])").find(text[end - 1]) != std::string_view::npos) --end;
  return {{begin, end}, at};
}

/// The words behind a command, up to the end of the command.
template <typename Visit>
void for_words(std::string_view text, std::size_t at, const Visit& visit) {
  const std::string_view line = text.substr(0, std::min(text.size(), at + kMaxCommandLine));
  if (at < line.size() && (line[at] == '"' || line[at] == '\'')) ++at;
  while (at < line.size() && !is_line_end(line[at])) {
    const Word word = next_word(line, at);
    const std::string_view shown = word.span.of(line);
    if (shown == "|" || shown == "&&" || shown == ";" || word.next == at) return;
    if (!visit(word.span, shown)) return;
    at = word.next;
  }
}

/// `hdbsql -u SYSTEM -p Secret`, `hdbsql -pSecret`, `hdbsql -u SYSTEM,Secret`.
Found on_hdbsql(std::string_view text, const AnchorHit& hit) {
  Found found;
  std::string_view option;
  for_words(text, hit.end, [&](Span span, std::string_view word) {
    if (option == "-p") {
      found = plain_secret(text, span, Kind::password, "");
    } else if (option == "-u" && word.find(',') != std::string_view::npos) {
      found = plain_secret(text, {span.begin + word.find(',') + 1, span.end}, Kind::password, "");
    } else if (option.empty() && word.starts_with("-p") && word.size() > 2) {
      found = plain_secret(text, {span.begin + 2, span.end}, Kind::password, "");
    }
    option = word == "-p" || word == "-u" ? word : std::string_view{};
    return !found;
  });
  return found;
}

/// `hdbuserstore Set KEY host:30015@DB USER Secret`.
Found on_hdbuserstore(std::string_view text, const AnchorHit& hit) {
  Found found;
  int position = 0;
  bool environment = false;
  for_words(text, hit.end, [&](Span span, std::string_view word) {
    if (position == 0) {
      position = word.size() == 3 && ends_no_case(word, "set") ? 1 : 0;
      return true;
    }
    if (position == 2) environment = word.find(':') != std::string_view::npos;
    if (position == 4 && environment) found = plain_secret(text, span, Kind::password, "");
    return ++position <= 4;
  });
  return found;
}

// --- signatures and keys ---

/// The percent signs and escapes in which a `&`, `?` or `;` before `sig` may be written.
bool follows_query_separator(std::string_view text, std::size_t sig) {
  const std::string_view before = text.substr(sig > 6 ? sig - 6 : 0, std::min<std::size_t>(sig, 6));
  for (const std::string_view separator :
       {"?", "&", ";", "%26", "%3f", "%3b", "%2526", "%253f", "\\u0026", "\\u003f"}) {
    if (ends_no_case(before, separator)) return true;
  }
  return false;
}

Found on_shared_access_signature(std::string_view text, const AnchorHit& hit) {
  const std::size_t end = hit.end + std::string_view("nature").size();
  const auto binding = bind(text, hit.begin, end);
  if (!binding || !normalized(text.substr(binding->name, end - binding->name)).ends_with("accesssignature")) return {};
  const Span value = value_of(text, *binding);
  const std::string_view shown = value.of(text);
  // In a whole SAS only sig= is secret, and that is an anchor of its own.
  if (shown.size() < 8 ||
      find_on_line(shown.substr(0, kMaxCommandLine), 0, "sig=") < std::min(shown.size(), kMaxCommandLine) ||
      find_on_line(shown.substr(0, kMaxCommandLine), 0, "sig%3d") < std::min(shown.size(), kMaxCommandLine)) {
    return {};
  }
  return plain_secret(text, value, Kind::sas_signature, "signature");
}

Found on_sig(std::string_view text, const AnchorHit& hit) {
  if (has_at_no_case(text, hit.end, "nature")) return on_shared_access_signature(text, hit);
  const bool query = follows_query_separator(text, hit.begin);
  if (!query && hit.begin > 0 && is_name(text[hit.begin - 1])) return {};
  const auto binding = bind(text, hit.begin, hit.end);
  if (!binding || binding->form == Form::element || binding->form == Form::option) return {};
  const Span value = base64_value_of(text, *binding);
  // Without a separator before it, sig may be the signal of an audit record: only the length of an HMAC tells.
  const std::size_t least = query && text[hit.begin - 1] != ';' ? 1 : query ? 8 : 40;
  if (value.end - value.begin < least) return {};
  return plain_secret(text, value, Kind::sas_signature, "sig");
}

bool is_account_key(std::string_view value) {
  return value.size() == 88 && value.ends_with("==") && all_of(value, is_base64);
}

/// `-----BEGIN RSA PRIVATE KEY-----`, with or without the key on the same line.
Found on_private_key(std::string_view text, const AnchorHit& hit) {
  constexpr std::string_view kDashes = "-----";
  std::size_t at = hit.end + (has_at(text, hit.end, " BLOCK") ? 6 : 0);
  if (!has_at(text, at, kDashes)) return {};
  const std::size_t window = hit.begin > 40 ? hit.begin - 40 : 0;
  const std::string_view before = text.substr(window, hit.begin - window);
  const std::size_t mark = before.rfind("-----BEGIN ");
  if (mark == std::string_view::npos || !before.ends_with("PRIVATE ") || before.find_last_of("\n") + 1 > mark)
    return {};
  at += kDashes.size();
  std::size_t key = at;
  while (key < text.size() && std::string_view(" \t\"',+\\").find(text[key]) != std::string_view::npos) {
    key += has_at(text, key, "\\n") || has_at(text, key, "\\r") ? 2 : 1;
  }
  if (key >= text.size() || is_line_end(text[key]))
    return Secret{{}, Kind::private_key, follow(Follow::Mode::key_lines, Kind::private_key)};
  std::size_t run = key;
  while (run < text.size() && is_base64(text[run]) && run - key < 16) ++run;
  if (run - key < 16 && !has_at(text, key, "Proc-Type")) return {};
  std::size_t end = key;
  while (end < text.size() && !is_line_end(text[end]) && !has_at(text, end, "-----END") && text[end] != '"' &&
         text[end] != '<')
    ++end;
  return secret({at, end}, Kind::private_key);
}

constexpr std::size_t kShortestKey = 8;

/// The shortest value that is taken for a key of that name; 0: the name is not one of a key.
std::size_t least_key_length(std::string_view name) {
  if (ends_with_any(name, {"accountkey", "accesskey", "storagekey", "sharedkey", "secretkey", "sharedaccesskey"}))
    return kShortestKey;
  if (ends_with_any(
          name, {"primarykey", "secondarykey", "apikey", "encryptionkey", "privatekey", "workspacekey", "vaultkey"}))
    return 20;
  return 0;
}

Found on_key(std::string_view text, const AnchorHit& hit) {
  if (hit.begin > 0 && text[hit.begin - 1] == ' ' && has_at(text, hit.begin, "KEY")) {
    if (const Found key = on_private_key(text, hit)) return key;
  }
  const std::size_t end = hit.end < text.size() && is_digit(text[hit.end]) ? hit.end + 1 : hit.end;
  const auto binding = bind(text, hit.begin, end);
  if (!binding) return {};
  const Span value = base64_value_of(text, *binding);
  const std::string_view shown = value.of(text);
  if (shown.size() < kShortestKey) return {};
  const std::string name = normalized(whole_name(text, *binding, hit));
  if (is_account_key(shown)) return secret(value, Kind::storage_key);
  if (name.ends_with("productkey") && shown.size() == 29 && std::count(shown.begin(), shown.end(), '-') == 4) {
    return secret(value, Kind::product_key);
  }
  const std::size_t least = least_key_length(name);
  if (least == 0 || shown.size() < least || !any_of(shown, is_digit) ||
      (shown.starts_with('/') && !shown.ends_with('=')))
    return {};
  return plain_secret(text, value, Kind::storage_key, name);
}

Found on_secret(std::string_view text, const AnchorHit& hit) {
  std::size_t end = hit.end;
  for (const std::string_view suffix : {"key", "_key", "-key"}) {
    if (has_at_no_case(text, hit.end, suffix)) end = hit.end + suffix.size();
  }
  const auto binding = bind(text, hit.begin, end);
  if (!binding) return {};
  Span value = value_of(text, *binding);
  if (!binding->quote) value.end = std::min(value.end, find_on_line(text, value.begin, " "));
  const std::string_view shown = value.of(text);
  if (shown.size() < 6 || shown.find("://") != std::string_view::npos || shown.find(' ') != std::string_view::npos)
    return {};
  if (reads_as_prose(text, *binding, hit.begin, value) || (!binding->quote && is_code(shown))) return {};
  return plain_secret(text, value, Kind::secret, "secret");
}

// --- tokens ---

bool is_token_letter(char c) { return is_base64(c) || c == '.' || c == '~' || c == '%' || c == ':'; }

Span token_at(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  while (end < text.size() && is_token_letter(text[end])) ++end;
  while (end > begin && (text[end - 1] == '.' || text[end - 1] == ':')) --end;
  return {begin, end};
}

/// `token=` is a word of many programs; only what looks random is taken for a secret.
bool looks_random(std::string_view value) {
  return value.size() >= 20 && all_of(value, is_token_letter) && any_of(value, is_digit) && any_of(value, is_letter);
}

Found on_token(std::string_view text, const AnchorHit& hit) {
  const auto binding = bind(text, hit.begin, hit.end);
  if (!binding) return {};
  const std::string name = normalized(whole_name(text, *binding, hit));
  const Span value = value_of(text, *binding);
  const std::string_view shown = value.of(text);
  if (name.ends_with("publickeytoken") || shown.find(' ') != std::string_view::npos ||
      (!binding->quote && is_code(shown)))
    return {};
  const bool snapshot = name.ends_with("tasktoken") || stands_before(text, hit.begin, "snapshotidentifier");
  const bool named = ends_with_any(
      name, {"accesstoken", "refreshtoken", "idtoken", "sastoken", "authtoken", "bearertoken", "sessiontoken"});
  const bool quoted = binding->key_quoted && binding->quote && name == "token";
  const bool query = binding->name > 0 && (text[binding->name - 1] == '?' || text[binding->name - 1] == '&');
  const bool option = binding->form == Form::option || text[binding->name] == '-';
  if (!snapshot && !((named || quoted || query || option) && shown.size() >= 8) && !looks_random(shown)) return {};
  return plain_secret(text, value, Kind::token, "token");
}

/// `Bearer <token>`; `bearer authentication` is prose.
Found on_bearer(std::string_view text, const AnchorHit& hit) {
  const std::size_t at = skip_blanks(text, hit.end);
  if (at == hit.end || (hit.begin > 0 && is_name(text[hit.begin - 1]))) return {};
  const Span value = token_at(text, at);
  const std::string_view shown = value.of(text);
  if (shown.size() < 16 || !(any_of(shown, is_digit) || shown.size() >= 40)) return {};
  return plain_secret(text, value, Kind::token, "");
}

Found on_authorization(std::string_view text, const AnchorHit& hit) {
  auto binding = bind(text, hit.begin, hit.end);
  if (!binding && quote_at(text, hit.end)) {  // ("Authorization", "Bearer …")
    const std::size_t comma = skip_blanks(text, hit.end + quote_at(text, hit.end).mark.size());
    if (!has_at(text, comma, ",")) return {};
    binding.emplace();
    binding->name = hit.begin;
    binding->value = skip_blanks(text, comma + 1);
    binding->quote = quote_at(text, binding->value);
    binding->value += binding->quote.mark.size();
  }
  if (!binding || binding->form == Form::option) return {};
  for (const std::string_view scheme : {"bearer", "basic", "sharedkeylite", "sharedkey", "digest", "negotiate", "ntlm",
                                        "sharedaccesssignature", "apikey", "token"}) {
    const std::size_t behind = binding->value + scheme.size();
    if (!has_at_no_case(text, binding->value, scheme) || skip_blanks(text, behind) == behind) continue;
    const std::size_t begin = skip_blanks(text, behind);
    if (scheme == "sharedaccesssignature" &&
        find_on_line(text.substr(0, std::min(text.size(), begin + kMaxCommandLine)), begin, "sig=") <
            std::min(text.size(), begin + kMaxCommandLine))
      return {};
    const Span value = scheme == "digest" ? Span{begin, line_end(text, begin)} : token_at(text, begin);
    return value.of(text).size() < 6 ? Found{} : plain_secret(text, value, Kind::token, "");
  }
  const Span value = token_at(text, binding->value);
  return looks_random(value.of(text)) ? plain_secret(text, value, Kind::token, "") : Found{};
}

bool is_base64url(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; }

/// A JSON web token, or a base64 text that begins with `{"`: VMSnapshot's objectStr, a list of disk SAS, is one.
Found on_jwt(std::string_view text, const AnchorHit& hit) {
  if (!has_at(text, hit.begin, "eyJ") ||
      (hit.begin > 0 && is_base64(text[hit.begin - 1]) && text[hit.begin - 1] != '='))
    return {};
  std::size_t end = hit.end;
  int parts = 1;
  while (end < text.size() && (is_base64url(text[end]) || (text[end] == '.' && parts < 5 && end + 1 < text.size() &&
                                                           is_base64url(text[end + 1])))) {
    if (text[end] == '.') ++parts;
    ++end;
  }
  if (parts >= 2 && end - hit.begin >= 24) return plain_secret(text, {hit.begin, end}, Kind::token, "");
  end = hit.end;
  while (end < text.size() && is_base64(text[end])) ++end;
  return end - hit.begin < 64 ? Found{} : plain_secret(text, {hit.begin, end}, Kind::token, "");
}

// --- blobs ---

bool is_blob_letter(char c) { return is_base64(c) || c == '\\'; }

Found blob_of(std::string_view text, const Binding& binding, Kind kind, std::size_t least, bool base64_only) {
  const Span value = value_of(text, binding);
  const std::string_view shown = value.of(text);
  const bool to_line_end = value.end == text.size() || is_line_end(text[value.end]);
  const bool goes_on =
      binding.form == Form::element && (to_line_end || skip_blanks(text, value.end) == line_end(text, value.end));
  if (shown.empty() && goes_on) return Secret{{}, kind, follow(Follow::Mode::base64_lines, kind)};
  const bool base64 = all_of(shown, is_blob_letter);
  if (shown.size() < least || (base64_only && !base64)) return {};
  auto found = plain_secret(text, value, kind, "");
  if (found && goes_on && base64) found->follow = follow(Follow::Mode::base64_lines, kind);
  return found;
}

/// Custom data of the VM: `<CustomData>`, `"customData":`. `Provisioning.DecodeCustomData=n` is a setting, no data.
Found on_custom_data(std::string_view text, const AnchorHit& hit) {
  const auto binding = bind(text, hit.begin, hit.end);
  if (!binding || (binding->form != Form::element && !binding->quote)) return {};
  const Span value = value_of(text, *binding);
  if (is_directory(text, *binding, value.of(text))) return {};
  return blob_of(text, *binding, Kind::custom_data, 16, false);
}

/// `objectStr` of a snapshot command: base64 of the disks' SAS addresses.
Found on_object_str(std::string_view text, const AnchorHit& hit) {
  const auto binding = bind(text, hit.begin, hit.end);
  return binding ? blob_of(text, *binding, Kind::sas_signature, 16, true) : Found{};
}

/// Base64 of an ASN.1 sequence begins with MII: PFX files, CMS envelopes, keys.
Found on_der_blob(std::string_view text, const AnchorHit& hit) {
  if (!has_at(text, hit.begin, "MII")) return {};
  const char before = hit.begin == 0 ? '\n' : text[hit.begin - 1];
  if (is_base64(before) && before != '=') return {};
  if (before == '>') {
    Binding binding;
    binding.form = Form::element;
    binding.value = hit.begin;
    return blob_of(text, binding, Kind::certificate, 40, true);
  }
  std::size_t end = hit.end;
  while (end < text.size() && is_base64(text[end])) ++end;
  return end - hit.begin < 100 ? Found{} : plain_secret(text, {hit.begin, end}, Kind::certificate, "");
}

/// Reads braces up to the one that closes the object, or to the end of the line; gives the byte behind it.
std::size_t object_end(std::string_view text, std::size_t at, Follow& state) {
  const std::string mark = std::string(state.backslashes, '\\') + '"';
  for (; at < text.size() && !is_line_end(text[at]); ++at) {
    if (text[at] == '"') {
      if (closes(text, 0, at, Quote{mark})) state.in_string = !state.in_string;
    } else if (!state.in_string && text[at] == '{') {
      ++state.depth;
    } else if (!state.in_string && text[at] == '}' && --state.depth == 0) {
      state.mode = Follow::Mode::none;
      return at + 1;
    }
  }
  return at;
}

Found on_protected_settings(std::string_view text, const AnchorHit& hit) {
  const auto binding = bind(text, hit.begin, hit.end);
  if (!binding) return {};
  if (!binding->quote && has_at(text, binding->value, "{")) {
    if (has_at(text, skip_blanks(text, binding->value + 1), "}") || has_at(text, binding->value, "{[redacted:"))
      return {};
    Follow state = follow(Follow::Mode::object, Kind::protected_settings);
    const Quote key_quote = quote_at(text, hit.end);
    state.backslashes = key_quote && !key_quote.is_entity() ? static_cast<std::uint8_t>(key_quote.backslashes()) : 0;
    const std::size_t end = object_end(text, binding->value, state);
    return Secret{{binding->value, end}, Kind::protected_settings, state};
  }
  if (binding->form == Form::element) return blob_of(text, *binding, Kind::protected_settings, 1, false);
  const Span value = binding->quote ? value_of(text, *binding) : base64_value_of(text, *binding);
  if (!binding->quote && value.of(text).size() < 40) return {};
  return plain_secret(text, value, Kind::protected_settings, "");
}

// --- secrets that go on over lines ---

/// Quotation marks, commas and literal `\n` around a line of a key in source code or YAML.
Span trim_line(std::string_view text, Span line) {
  line = trim_blanks(text, line);
  while (!line.empty() && std::string_view("\"'|> \t").find(text[line.begin]) != std::string_view::npos) ++line.begin;
  for (bool trimmed = true; trimmed && !line.empty();) {
    trimmed =
        std::string_view("\"',+\\ \t").find(text[line.end - 1]) != std::string_view::npos && text[line.end - 1] != '+';
    if (trimmed) --line.end;
    if (line.end - line.begin >= 2 && (has_at(text, line.end - 2, "\\n") || has_at(text, line.end - 2, "\\r"))) {
      line.end -= 2;
      trimmed = true;
    }
  }
  return line;
}

Continuation continue_key(std::string_view text, Span line, Follow& state) {
  constexpr std::uint32_t kMaxKeyLines = 400;
  const std::size_t mark = std::min(text.substr(0, line.end).find("-----END", line.begin), line.end);
  const Span body = trim_line(text, {line.begin, mark});
  const std::string_view shown = body.of(text);
  if (!body.empty()) ++state.lines;
  const bool last = mark < line.end || state.lines > kMaxKeyLines;
  if (last) state.mode = Follow::Mode::none;
  // What follows a bare mention of the mark is no key: a real one begins with a full line.
  const bool too_short = state.lines == 1 && !body.empty() && shown.size() < 32;
  if (all_of(shown, is_base64) && !too_short) return {body, mark};
  for (const std::string_view header :
       {"Proc-Type:", "DEK-Info:", "Version:", "Comment:", "Charset:", "Hash:", "[redacted:"}) {
    if (shown.starts_with(header)) return {{}, mark};
  }
  const Span word{body.begin + shown.find_last_of(" \t:>") + 1, body.end};
  const bool whole_line = word.end - word.begin >= 40;
  if (!last && (whole_line || state.prefixed) && !word.empty() && all_of(word.of(text), is_base64)) {
    state.prefixed = whole_line;
    if (!whole_line) state.mode = Follow::Mode::none;
    return {word, mark};
  }
  state.mode = Follow::Mode::none;
  return {{}, last ? mark : line.begin};
}

Continuation continue_base64(std::string_view text, Span line, Follow& state) {
  const std::size_t mark = std::min(text.substr(0, line.end).find('<', line.begin), line.end);
  const Span body = trim_blanks(text, {line.begin, mark});
  if (mark < line.end) state.mode = Follow::Mode::none;
  if (all_of(body.of(text), is_base64)) return {body, mark};
  if (body.of(text).starts_with("[redacted:")) return {{}, mark};
  state.mode = Follow::Mode::none;
  return {{}, line.begin};
}

Continuation continue_element(std::string_view text, Span line, Follow& state) {
  constexpr std::uint32_t kMaxEmptyLines = 4;
  std::size_t begin = trim_blanks(text, line).begin;
  if (begin >= line.end && ++state.lines <= kMaxEmptyLines) return {{}, line.end};
  state.mode = Follow::Mode::none;
  if (has_at_no_case(text, begin, "<value>")) begin += 7;
  const Span body = trim_blanks(text, {begin, std::min(line.end, find_on_line(text, begin, "<"))});
  if (is_no_secret(body.of(text), "")) return {{}, body.end};
  return {body, body.end};
}

Continuation continue_object(std::string_view text, Span line, Follow& state) {
  constexpr std::uint32_t kMaxObjectLines = 5000;
  const std::size_t end = object_end(text.substr(0, line.end), line.begin, state);
  if (++state.lines > kMaxObjectLines) state.mode = Follow::Mode::none;
  const Span body = trim_blanks(text, {line.begin, end});
  if (body.of(text).starts_with("[redacted:")) return {{}, end};
  return {body, end};
}

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::password:
      return "password";
    case Kind::sas_signature:
      return "sas-signature";
    case Kind::storage_key:
      return "storage-key";
    case Kind::token:
      return "token";
    case Kind::secret:
      return "secret";
    case Kind::protected_settings:
      return "protected-settings";
    case Kind::private_key:
      return "private-key";
    case Kind::certificate:
      return "certificate";
    case Kind::custom_data:
      return "custom-data";
    case Kind::product_key:
      return "product-key";
  }
  return "secret";
}

std::optional<Secret> find_secret(std::string_view text, const AnchorHit& hit) {
  switch (hit.anchor) {
    case Anchor::password:
    case Anchor::pwd:
      return on_password(text, hit);
    case Anchor::sig:
      return on_sig(text, hit);
    case Anchor::jwt:
      return on_jwt(text, hit);
    case Anchor::at_sign:
      return on_at_sign(text, hit);
    case Anchor::key:
      return on_key(text, hit);
    case Anchor::token:
      return on_token(text, hit);
    case Anchor::authorization:
      return on_authorization(text, hit);
    case Anchor::bearer:
      return on_bearer(text, hit);
    case Anchor::protected_settings:
      return on_protected_settings(text, hit);
    case Anchor::cred_string:
      return on_cred_string(text, hit);
    case Anchor::secret:
      return on_secret(text, hit);
    case Anchor::hdbsql:
      return on_hdbsql(text, hit);
    case Anchor::hdbuserstore:
      return on_hdbuserstore(text, hit);
    case Anchor::custom_data:
    case Anchor::user_data:
      return on_custom_data(text, hit);
    case Anchor::object_str:
      return on_object_str(text, hit);
    case Anchor::der_blob:
      return on_der_blob(text, hit);
  }
  return {};
}

Continuation continue_secret(std::string_view text, std::size_t begin, Follow& follow) {
  const Span line{begin, line_end(text, begin)};
  switch (follow.mode) {
    case Follow::Mode::key_lines:
      return continue_key(text, line, follow);
    case Follow::Mode::base64_lines:
      return continue_base64(text, line, follow);
    case Follow::Mode::element:
      return continue_element(text, line, follow);
    case Follow::Mode::object:
      return continue_object(text, line, follow);
    case Follow::Mode::word: {
      std::size_t end = begin;
      while (end < line.end && !is_blank(text[end]) &&
             std::string_view("\"'<").find(text[end]) == std::string_view::npos)
        ++end;
      if (end < text.size()) follow.mode = Follow::Mode::none;
      return {{begin, end}, end};
    }
    case Follow::Mode::none:
      break;
  }
  return {{}, begin};
}

}  // namespace vmtriage::redaction
