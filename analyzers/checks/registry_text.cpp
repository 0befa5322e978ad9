#include "analyzers/checks/registry_text.h"

#include <algorithm>
#include <charconv>

namespace vmtriage {
namespace {

constexpr std::size_t kMaxValues = 100'000;

std::optional<std::uint64_t> number_of(std::string_view digits, int base) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
  return number;
}

/// Takes `"a \"b\" \\c"` off the front of `text`; nothing when it does not begin with a quote.
std::optional<std::string> take_quoted(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  std::string plain;
  std::size_t i = 1;
  for (; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  text.remove_prefix(std::min(i + 1, text.size()));
  return plain;
}

/// `25,00,73,00` as the texts of UTF-16 that they are.
std::string utf16_of(std::string_view bytes) {
  std::string raw;
  for (const std::string_view byte : split(bytes, ',')) {
    const auto value = number_of(trim(byte), 16);
    if (!value || *value > 255) break;
    raw += static_cast<char>(*value);
  }
  std::string text = utf16_to_utf8(raw);
  while (text.ends_with('\0')) text.pop_back();
  std::replace(text.begin(), text.end(), '\0', '\n');
  return text;
}

/// `"TRUE"`, `dword:00000003`, `expand:"…"`, `multi:"a","b"`, `hex(2):25,00`, `hex:01,02`.
void read_data(std::string_view text, RegistryValue& value) {
  const std::size_t colon = text.starts_with('"') ? std::string_view::npos : text.find(':');
  const std::string_view kind = colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  std::string_view rest = colon == std::string_view::npos ? text : text.substr(colon + 1);
  if (kind == "dword" || kind == "qword") {
    value.number = number_of(trim(rest), 16);
    value.data = value.number ? std::to_string(*value.number) : std::string(rest);
  } else if (kind == "hex(1)" || kind == "hex(2)" || kind == "hex(7)") {
    value.data = utf16_of(rest);
  } else if (rest.starts_with('"')) {
    while (auto one = take_quoted(rest)) {
      value.data += (value.data.empty() ? "" : "\n") + *one;
      if (rest.starts_with(',')) rest.remove_prefix(1);
    }
  } else {
    value.data = text;
  }
}

class Reader {
 public:
  RegistryText read(std::string_view text) {
    each_line(Block{text, false}, 1, [this](const Line& line) { take(line); });
    return std::move(result_);
  }

 private:
  void take(const Line& line) {
    const std::string_view words = trim(line.text);
    if (std::exchange(is_continued_, false)) return continue_hex(words);
    if (words.empty() || words.starts_with(';')) return;
    if (words.starts_with('[')) return begin_key(words.substr(1, words.find_last_of(']') - 1), line);
    if (starts_with_no_case(words, "HKEY_")) return begin_key(words, line);
    if (key_.empty() || result_.values.size() >= kMaxValues) return;
    if (words.starts_with('"') || words.starts_with("@=")) return take_file_value(words, line);
    take_query_value(words, line);
  }

  void begin_key(std::string_view key, const Line& line) {
    key_ = key;
    if (result_.keys.size() < kMaxValues) result_.keys.emplace_back(key_, line);
  }

  void take_file_value(std::string_view words, const Line& line) {
    RegistryValue value{key_, {}, {}, {}, line};
    if (auto name = take_quoted(words)) {
      value.name = std::move(*name);
    } else {
      words.remove_prefix(1);
    }
    if (!words.starts_with('=')) return;
    words.remove_prefix(1);
    pending_ = words;
    is_continued_ = pending_.ends_with('\\') && pending_.starts_with("hex");
    if (is_continued_) pending_.pop_back();
    read_data(pending_, value);
    result_.values.push_back(std::move(value));
  }

  /// The next line of a value of bytes that goes on.
  void continue_hex(std::string_view words) {
    constexpr std::size_t kMaxPending = 64 << 10;
    is_continued_ = words.ends_with('\\') && pending_.size() < kMaxPending;
    if (words.ends_with('\\')) words.remove_suffix(1);
    pending_ += words;
    if (is_continued_) return;
    RegistryValue& value = result_.values.back();
    value.data.clear();
    read_data(pending_, value);
  }

  /// `USEVSSCOPYBACKUP    REG_SZ    TRUE`
  void take_query_value(std::string_view words, const Line& line) {
    const std::size_t type = words.find("    REG_");
    if (type == std::string_view::npos) return;
    const std::size_t name_end = std::min(words.find("    ", type + 4), words.size());
    const std::string_view type_name = words.substr(type + 4, name_end - type - 4);
    RegistryValue value{key_, std::string(words.substr(0, type)), std::string(trim(words.substr(name_end))), {}, line};
    if (type_name == "REG_DWORD" || type_name == "REG_QWORD") {
      value.number = number_of(value.data.starts_with("0x") ? value.data.substr(2) : value.data, 16);
      if (value.number) value.data = std::to_string(*value.number);
    }
    result_.values.push_back(std::move(value));
  }

  RegistryText result_;
  std::string key_;
  std::string pending_;  ///< the data of a value whose bytes go on in the next line
  bool is_continued_ = false;
};

bool ends_with_no_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && equal_no_case(text.substr(text.size() - end.size()), end);
}

}  // namespace

const RegistryValue* RegistryText::find(std::string_view key_end, std::string_view name) const {
  const auto found = std::find_if(values.begin(), values.end(), [&](const RegistryValue& value) {
    return equal_no_case(value.name, name) && ends_with_no_case(value.key, key_end);
  });
  return found == values.end() ? nullptr : &*found;
}

RegistryText parse_registry_text(std::string_view text) { return Reader().read(text); }

}  // namespace vmtriage
