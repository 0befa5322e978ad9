#include "analyzers/codes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <pugixml.hpp>

namespace vmtriage {
namespace {

constexpr std::size_t kMaxAnswers = 5;
/// No code is longer; a pasted log line may be. What is beyond is not looked at.
constexpr std::size_t kMaxQueryBytes = 4096;
constexpr std::size_t kMaxSearchTerms = 96;
/// A word of a pasted line counts as a code from this length on: "success" and "error_12" are also plain words.
constexpr std::size_t kMinPastedCodeBytes = 9;

constexpr std::array<std::string_view, 4> kTraceNames = {"guest", "partial", "portal", "event"};

bool is_ascii_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

// ---- reading the XML ----------------------------------------------------------------------------------------------

bool is_japanese(const pugi::xml_node& node) { return std::string_view(node.attribute("xml:lang").value()) == "ja"; }

LocalText read_local_text(const pugi::xml_node& parent, const char* tag) {
  LocalText text;
  for (const pugi::xml_node& node : parent.children(tag)) {
    (is_japanese(node) ? text.ja : text.en) = flatten(node.text().get());
  }
  return text;
}

std::vector<std::string> read_texts(const pugi::xml_node& parent, const char* tag) {
  std::vector<std::string> texts;
  for (const pugi::xml_node& node : parent.children(tag)) texts.push_back(flatten(node.text().get()));
  return texts;
}

std::optional<CodeTrace> parse_trace(std::string_view name) {
  const auto found = std::find(kTraceNames.begin(), kTraceNames.end(), name);
  if (found == kTraceNames.end()) return std::nullopt;
  return static_cast<CodeTrace>(found - kTraceNames.begin());
}

Error corrupt_at(std::size_t file, std::ptrdiff_t offset, const std::string& reason) {
  return {ErrorCode::corrupt,
          "codes file " + std::to_string(file + 1) + ": offset " + std::to_string(offset) + ": " + reason};
}

/// The reason why `code` cannot be used, or nothing.
std::string missing_part(const Code& code) {
  if (code.name.empty()) return "code has no name";
  if (code.owner.empty()) return printable(code.name) + " has no owner";
  if (code.meaning.en.empty()) return printable(code.name) + " has no meaning";
  if (code.action.en.empty()) return printable(code.name) + " has no action";
  return {};
}

Result<Code> read_code(const pugi::xml_node& node, const LocalText& family, std::size_t file) {
  const std::optional<CodeTrace> where = parse_trace(node.attribute("where").value());
  if (!where) return corrupt_at(file, node.offset_debug(), "where is not one of guest, partial, portal, event");
  Code code;
  code.name = node.attribute("name").value();
  code.number = node.attribute("number").value();
  code.family = family;
  code.where = *where;
  code.owner = node.attribute("owner").value();
  code.aliases = read_texts(node, "alias");
  for (const pugi::xml_node& message : node.children("message")) {
    code.messages.push_back({is_japanese(message) ? Language::ja : Language::en, flatten(message.text().get())});
  }
  code.meaning = read_local_text(node, "meaning");
  code.shows = read_local_text(node, "shows");
  code.action = read_local_text(node, "action");
  code.references = read_texts(node, "reference");
  if (const std::string reason = missing_part(code); !reason.empty()) {
    return corrupt_at(file, node.offset_debug(), reason);
  }
  return code;
}

Result<std::vector<Code>> read_file_of_codes(std::string_view xml, std::size_t file) {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(xml.data(), xml.size());
  if (!parsed) return corrupt_at(file, parsed.offset, parsed.description());
  const pugi::xml_node root = document.child("codes");
  if (!root) return corrupt_at(file, 0, "the root element is not <codes>");
  const LocalText family{root.attribute("family").value(), root.attribute("family-ja").value()};
  std::vector<Code> codes;
  for (const pugi::xml_node& node : root.children("code")) {
    Result<Code> code = read_code(node, family, file);
    if (!code) return code.error();
    codes.push_back(std::move(*code));
  }
  return codes;
}

// ---- one key for every spelling of a code -------------------------------------------------------------------------

/// Words that people and portals put before a code.
bool is_filler(std::string_view word) {
  static constexpr std::array<std::string_view, 12> kFillers = {
      "code", "codes", "error", "errorcode", "event", "eventid", "id", "hresult", "hr", "エラー", "コード", "イベント"};
  return std::find(kFillers.begin(), kFillers.end(), word) != kFillers.end();
}

bool is_separator(char c) { return is_ascii(c) && !is_ascii_alnum(c); }

/// The punctuation of Japanese text, as blanks: portals write `エラー コード：X`.
std::string blank_japanese_punctuation(std::string_view text) {
  static constexpr std::array<std::string_view, 10> kMarks = {"：", "　", "、", "。", "，",
                                                              "．", "「", "」", "（", "）"};
  std::string blanked(text);
  for (const std::string_view mark : kMarks) {
    for (std::size_t at = blanked.find(mark); at != std::string::npos; at = blanked.find(mark, at)) {
      blanked.replace(at, mark.size(), " ");
    }
  }
  return blanked;
}

/// Lower-case words of a code: `StatusCode.X,` → statuscode x; `VSS event 8229` → vss event 8229.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (!is_separator(c)) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(to_lower(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(to_lower(word));
  return words;
}

/// Letters and digits only, without a leading `StatusCode.` and without fillers if something is left then.
std::string text_key(std::string_view text) {
  std::vector<std::string> words = words_of(text);
  if (words.size() > 1 && words.front() == "statuscode") words.erase(words.begin());
  const bool only_fillers = std::all_of(words.begin(), words.end(), is_filler);
  std::string key;
  for (const std::string& word : words) {
    if (only_fillers || !is_filler(word)) key += word;
  }
  return key;
}

template <typename Number>
std::optional<Number> parse_number(std::string_view digits, int base) {
  Number number{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) return std::nullopt;
  return number;
}

/// A 32-bit number: `121`, `-1`, `-2147212300`, `0x800423F4`.
std::optional<std::uint32_t> parse_code_number(std::string_view text) {
  if (starts_with_no_case(text, "0x")) return parse_number<std::uint32_t>(text.substr(2), 16);
  if (starts_with_no_case(text, "-")) {
    const std::optional<std::int32_t> number = parse_number<std::int32_t>(text, 10);
    return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
  }
  return parse_number<std::uint32_t>(text, 10);
}

/// `#` keeps a number's key apart from the keys of texts.
std::string number_key(std::uint32_t number) { return "#" + std::to_string(number); }

std::string_view strip_decoration(std::string_view text) {
  while (!text.empty() && is_separator(text.front()) && text.front() != '-') text.remove_prefix(1);
  while (!text.empty() && is_separator(text.back())) text.remove_suffix(1);
  return text;
}

/// The number a query consists of, after words such as `error code:`; nothing when other words are there.
std::string_view lone_number(std::string_view query) {
  std::string_view number;
  for (const std::string_view word : split_words(query)) {
    const std::string_view bare = strip_decoration(word);
    if (bare.empty() || is_filler(to_lower(bare))) continue;
    if (!number.empty()) return {};
    number = bare;
  }
  return number;
}

std::vector<std::string> query_keys(std::string_view query) {
  std::vector<std::string> keys;
  const std::string_view number = lone_number(query);
  if (const auto value = parse_code_number(number)) keys.push_back(number_key(*value));
  // Eight digits may be a HRESULT without its 0x as well as a decimal number (80042306): both are meant.
  if (number.size() == 8) {
    if (const auto value = parse_number<std::uint32_t>(number, 16)) keys.push_back(number_key(*value));
  }
  if (std::string key = text_key(query); !key.empty()) keys.push_back(std::move(key));
  return keys;
}

// ---- words --------------------------------------------------------------------------------------------------------

bool is_stop_word(std::string_view word) {
  static constexpr std::array<std::string_view, 22> kStopWords = {
      "the", "and",  "for",  "was",  "with", "that", "this", "not", "has", "have", "are",
      "you", "your", "from", "into", "due",  "can",  "is",   "to",  "in",  "of",   "on"};
  return std::find(kStopWords.begin(), kStopWords.end(), word) != kStopWords.end();
}

std::size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  if (byte < 0xC0) return 1;
  return byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Japanese writes without blanks: its words are looked for as pairs of neighbouring characters.
void append_pairs(std::string_view run, std::vector<std::string>& terms) {
  std::size_t at = 0;
  while (at < run.size()) {
    const std::size_t first = utf8_length(run[at]);
    const std::size_t second_at = at + first;
    if (second_at >= run.size()) break;
    terms.emplace_back(run.substr(at, first + utf8_length(run[second_at])));
    at = second_at;
  }
}

void append_ascii_word(std::string_view run, std::vector<std::string>& terms) {
  if (run.size() >= 2 && !is_stop_word(run)) terms.emplace_back(run);
}

std::vector<std::string> search_terms(std::string_view words) {
  const std::string text = to_lower(blank_japanese_punctuation(to_valid_utf8(words.substr(0, kMaxQueryBytes))));
  std::vector<std::string> terms;
  for (std::size_t at = 0; at < text.size() && terms.size() < kMaxSearchTerms;) {
    std::size_t end = at;
    if (!is_ascii(text[at])) {
      while (end < text.size() && !is_ascii(text[end])) ++end;
      append_pairs(std::string_view(text).substr(at, end - at), terms);
    } else if (is_ascii_alnum(text[at])) {
      while (end < text.size() && is_ascii_alnum(text[end])) ++end;
      append_ascii_word(std::string_view(text).substr(at, end - at), terms);
    } else {
      ++end;
    }
    at = end;
  }
  std::sort(terms.begin(), terms.end());
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  return terms;
}

/// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

/// How far `spelling` is from what was typed; nothing when they have too little in common to be worth a suggestion.
std::optional<std::size_t> distance_between(std::string_view typed, std::string_view spelling) {
  constexpr std::size_t kMinCommonPart = 5;
  if (typed.size() >= kMinCommonPart && spelling.find(typed) != std::string_view::npos) return 1;
  const std::size_t allowed = std::max<std::size_t>(1, typed.size() / 3);
  const std::size_t gap =
      typed.size() > spelling.size() ? typed.size() - spelling.size() : spelling.size() - typed.size();
  if (gap > allowed) return std::nullopt;
  const std::size_t distance = edit_distance(typed, spelling);
  return distance <= allowed ? std::optional(distance) : std::nullopt;
}

}  // namespace

std::string_view name_of(CodeTrace trace) { return kTraceNames[static_cast<std::size_t>(trace)]; }

Result<Codes> Codes::parse(std::span<const std::string_view> xml_files) {
  Codes codes;
  for (std::size_t file = 0; file < xml_files.size(); ++file) {
    Result<std::vector<Code>> read = read_file_of_codes(xml_files[file], file);
    if (!read) return read.error();
    std::move(read->begin(), read->end(), std::back_inserter(codes.codes_));
  }
  codes.build_indexes();
  return codes;
}

void Codes::build_indexes() {
  // Entries of one key stay in the order of insertion: a code's own name and number go before the aliases of others.
  for (std::size_t i = 0; i < codes_.size(); ++i) {
    index_spelling(codes_[i].name, i);
    index_spelling(codes_[i].number, i);
  }
  for (std::size_t i = 0; i < codes_.size(); ++i) {
    const Code& code = codes_[i];
    Searchable text{code.name, code.meaning.en + "\n" + code.meaning.ja};
    for (const std::string& alias : code.aliases) {
      index_spelling(alias, i);
      text.labels += "\n" + alias;
    }
    for (const CodeMessage& message : code.messages) text.labels += "\n" + message.text;
    searchable_.push_back({to_lower(text.labels), to_lower(text.meaning)});
  }
}

void Codes::index_spelling(std::string_view spelling, std::size_t code) {
  const auto number = parse_code_number(spelling);
  const std::string key = number ? number_key(*number) : text_key(spelling);
  if (!key.empty()) by_key_.emplace(key, code);
}

void Codes::append_matches(std::string_view query, std::vector<const Code*>& found) const {
  for (const std::string& key : query_keys(query)) {
    const auto [first, last] = by_key_.equal_range(key);
    for (auto match = first; match != last; ++match) {
      const Code* code = &codes_[match->second];
      if (std::find(found.begin(), found.end(), code) == found.end()) found.push_back(code);
    }
  }
}

std::vector<const Code*> Codes::lookup(std::string_view text) const {
  const std::string query = blank_japanese_punctuation(text.substr(0, kMaxQueryBytes));
  std::vector<const Code*> found;
  append_matches(query, found);
  if (!found.empty()) return found;
  for (const std::string& word : words_of(query)) {
    if (word.size() >= kMinPastedCodeBytes && word.find_first_not_of("0123456789") != std::string::npos) {
      append_matches(word, found);
    }
  }
  return found;
}

std::vector<const Code*> Codes::search(std::string_view words) const {
  constexpr std::size_t kLabelWeight = 3;
  const std::vector<std::string> terms = search_terms(words);
  struct Hit {
    std::size_t score;
    const Code* code;
  };
  std::vector<Hit> hits;
  for (std::size_t i = 0; i < codes_.size(); ++i) {
    std::size_t matched = 0;
    std::size_t score = 0;
    for (const std::string& term : terms) {
      const bool in_labels = searchable_[i].labels.find(term) != std::string::npos;
      if (!in_labels && searchable_[i].meaning.find(term) == std::string::npos) continue;
      ++matched;
      score += in_labels ? kLabelWeight : 1;
    }
    // Fewer than two words in three are a likeness by chance.
    if (matched > 0 && matched * 3 >= terms.size() * 2) hits.push_back({score, &codes_[i]});
  }
  std::stable_sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.score > b.score; });
  std::vector<const Code*> best;
  for (const Hit& hit : hits) {
    if (best.size() < kMaxAnswers) best.push_back(hit.code);
  }
  return best;
}

std::vector<std::string> Codes::nearest(std::string_view query) const {
  constexpr std::size_t kMaxNameBytes = 128;
  const std::string typed = text_key(query.substr(0, kMaxQueryBytes));
  if (typed.empty() || typed.size() > kMaxNameBytes) return {};
  std::multimap<std::size_t, const Code*> by_distance;
  for (const auto& [key, code] : by_key_) {
    const std::string_view spelling = std::string_view(key).substr(key.front() == '#' ? 1 : 0);
    if (const auto distance = distance_between(typed, spelling)) by_distance.emplace(*distance, &codes_[code]);
  }
  std::vector<std::string> names;
  for (const auto& [distance, code] : by_distance) {
    if (names.size() == kMaxAnswers) break;
    if (std::find(names.begin(), names.end(), code->name) == names.end()) names.push_back(code->name);
  }
  return names;
}

}  // namespace vmtriage
