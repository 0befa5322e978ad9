#include "analyzers/event_export.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <pugixml.hpp>
#include <unordered_map>

#include "agent/base/text.h"
#include "analyzers/rules.h"

namespace vmtriage {
namespace {

constexpr std::size_t kMaxMessageBytes = 32 << 10;
constexpr std::size_t kMaxMessageLines = 400;
constexpr std::size_t kMaxBareLines = 40;
constexpr std::size_t kMaxHeadLines = 40;
constexpr std::size_t kMaxXmlBytes = 256 << 10;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// `12/6/2010`, `3:39:15` or `AM`.
bool is_part_of_time(std::string_view word) {
  return word == "AM" || word == "PM" ||
         (is_digit(word.front()) && word.find_first_of("/:-.") != std::string_view::npos);
}

std::optional<std::uint32_t> to_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc()) return std::nullopt;
  return number;
}

std::uint8_t level_of(std::string_view name) {
  constexpr std::pair<std::string_view, std::uint8_t> kNames[] = {
      {"critical", 1}, {"重大", 1},          {"kritisch", 1},    {"critique", 1}, {"error", 2},
      {"エラー", 2},   {"fehler", 2},        {"erreur", 2},      {"warning", 3},  {"警告", 3},
      {"warnung", 3},  {"avertissement", 3}, {"information", 4}, {"情報", 4},     {"informationen", 4}};
  const std::string lower = to_lower(trim(name));
  for (const auto& [known, level] : kNames) {
    if (lower == known) return level;
  }
  const auto number = to_number(lower);
  return number && *number <= 5 ? static_cast<std::uint8_t>(*number) : Event::kNoLevel;
}

/// `C0060019`, `2d20436f` or `2d 20 43`: a line of an event's binary part as Event Viewer dumps it; words are little
/// endian.
bool append_dump(std::string_view line, std::string& bytes) {
  const std::size_t colon = line.find(':');
  if (colon < 4 || colon > 8) return false;
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  if (!std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), is_hex)) return false;
  std::string added;
  for (std::string_view word : split_words(line.substr(colon + 1))) {
    if ((word.size() != 2 && word.size() != 8) || !std::all_of(word.begin(), word.end(), is_hex)) break;
    std::uint32_t number = 0;
    std::from_chars(word.data(), word.data() + word.size(), number, 16);
    for (std::size_t i = 0; i < word.size() / 2; ++i) added += static_cast<char>(number >> (8 * i));
  }
  if (added.empty()) return false;
  bytes += added;
  return true;
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    std::uint8_t byte = 0;
    const auto parsed = std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16);
    if (parsed.ptr != digits.data() + i + 2) break;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

/// The fields of one record; quotes are taken off, doubled ones become one.
std::vector<std::string> split_record(std::string_view record, char separator) {
  constexpr std::size_t kMaxFields = 128;
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < record.size(); ++i) {
    const char c = record[i];
    if (c == '"' && quoted && i + 1 < record.size() && record[i + 1] == '"') {
      fields.back() += record[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == separator && !quoted && fields.size() < kMaxFields) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

bool has_open_quote(std::string_view record) { return std::count(record.begin(), record.end(), '"') % 2 != 0; }

constexpr std::string_view kIdLabels[] = {"event id",          "eventid",           "イベント id",
                                          "イベントid",        "ereignis-id",       "ereigniskennung",
                                          "id de l’événement", "id de l'événement", "id événement"};

/// Whether the last line of a message ends a sentence, or is empty.
bool ends_sentence(std::string_view message) {
  const std::size_t newline = message.rfind('\n');
  const std::string_view last = trim(newline == std::string_view::npos ? message : message.substr(newline + 1));
  return last.empty() || last.ends_with('.') || last.ends_with(']') || last.ends_with("。");
}

bool is_id_label(std::string_view label) {
  return std::find(std::begin(kIdLabels), std::end(kIdLabels), label) != std::end(kIdLabels);
}

}  // namespace

Event ExportedEvent::view() const {
  Event event;
  event.channel = channel;
  event.provider = provider;
  event.event_id = id.value_or(0);
  event.level = level;
  event.record_id = record_id;
  event.time_created = time.value_or(Time{});
  event.computer = computer;
  for (const auto& [name, value] : data) event.data.emplace_back(name, value);
  event.binary = binary;
  event.message = message;
  return event;
}

std::optional<ExportedTime> parse_event_time(std::string_view text) {
  constexpr std::size_t kMaxNumbers = 7;
  std::array<int, kMaxNumbers> numbers{};
  std::size_t count = 0;
  char date_separator = 0;
  std::size_t first_digits = 0;
  std::size_t i = 0;
  while (i < text.size() && count < kMaxNumbers) {
    if (!is_digit(text[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && is_digit(text[end]) && end - i < 7) ++end;
    std::from_chars(text.data() + i, text.data() + end, numbers[count]);
    if (count == 0) first_digits = end - i;
    if (count == 0 && end < text.size()) date_separator = text[end];
    ++count;
    i = end;
    while (i < text.size() && is_digit(text[i])) ++i;
  }
  if (count < 5) return std::nullopt;
  int year = numbers[0], month = numbers[1], day = numbers[2];
  ExportedTime result;
  if (first_digits != 4) {
    year = numbers[2];
    const bool day_first = date_separator == '.' || numbers[0] > 12;
    month = day_first ? numbers[1] : numbers[0];
    day = day_first ? numbers[0] : numbers[1];
    if (date_separator == '/' && numbers[0] <= 12 && numbers[1] <= 12) result.clock = Clock::assumed;
  }
  if (year < 100) year += 2000;
  int hour = numbers[3];
  const bool pm = find_no_case(text, "PM") != std::string_view::npos || text.find("午後") != std::string_view::npos;
  const bool am = find_no_case(text, "AM") != std::string_view::npos || text.find("午前") != std::string_view::npos;
  if (pm && hour < 12) hour += 12;
  if (am && hour == 12) hour = 0;
  const auto time = make_time(year, month, day, hour, numbers[4], count > 5 ? numbers[5] : 0);
  if (!time) return std::nullopt;
  result.time = *time;
  if (trim(text).ends_with('Z')) result.clock = Clock::utc;
  return result;
}

Result<ExportedEvent> parse_event_xml(std::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return Error{ErrorCode::corrupt, "event: not well-formed XML"};
  const pugi::xml_node root = document.child("Event");
  const pugi::xml_node system = root.child("System");
  if (!system) return Error{ErrorCode::corrupt, "event: <System> is missing"};
  ExportedEvent event;
  event.provider = system.child("Provider").attribute("Name").value();
  event.id = to_number(system.child("EventID").text().get());
  if (event.provider.empty() || !event.id) return Error{ErrorCode::corrupt, "event: provider or id is missing"};
  event.channel = system.child("Channel").text().get();
  event.computer = system.child("Computer").text().get();
  event.level = level_of(system.child("Level").text().get());
  event.record_id = system.child("EventRecordID").text().as_ullong();
  if (const auto time = parse_event_time(system.child("TimeCreated").attribute("SystemTime").value())) {
    event.time = time->time;
    event.clock = Clock::utc;
  }
  std::size_t unnamed = 0;
  for (const pugi::xml_node data : root.child("EventData").children()) {
    const std::string name = data.attribute("Name").value();
    if (std::string_view(data.name()) == "Binary") event.binary = from_hex(data.text().get());
    if (std::string_view(data.name()) != "Data") continue;
    event.data.emplace_back(name.empty() ? "#" + std::to_string(++unnamed) : name, data.text().get());
  }
  for (const pugi::xml_node group : root.child("UserData").children()) {
    for (const pugi::xml_node data : group.children()) event.data.emplace_back(data.name(), data.text().get());
  }
  event.message = root.child("RenderingInfo").child("Message").text().get();
  return event;
}

EventExportReader::EventExportReader(Knows knows, Take take) : knows_(std::move(knows)), take_(std::move(take)) {}

std::optional<EventExportReader::Field> EventExportReader::field_of(std::string_view label) {
  struct Known {
    Field field;
    std::string_view labels;  ///< `|` before and behind each
  };
  static constexpr Known kKnown[] = {
      {Field::channel, "|log name|logname|log|ログの名前|protokollname|nom du journal|"},
      {Field::provider,
       "|source|event source|providername|provider name|provider|source name|sourcename|ソース|イベント ソース|quelle|"
       "ereignisquelle|"},
      {Field::date,
       "|date|date and time|timecreated|time created|timegenerated|time generated|event date|日付|日付と時刻|datum|"
       "datum und uhrzeit|date et heure|"},
      {Field::time, "|time|時刻|uhrzeit|heure|"},
      {Field::id, "|id|instanceid|"},
      {Field::level,
       "|level|leveldisplayname|entrytype|event type|レベル|種類|イベントの種類|ebene|ereignistyp|niveau|"},
      {Field::computer, "|computer|machinename|コンピューター|コンピュータ|ordinateur|"},
      {Field::record, "|recordid|index|eventrecordid|"},
      {Field::message, "|message|description|event description|説明|メッセージ|beschreibung|"},
      {Field::other,
       "|task category|task|category|event category|categorynumber|opcode|opcode:|keywords|keyword|user|user name|"
       "userid|タスクのカテゴリ|分類|キーワード|ユーザー|オペコード|aufgabenkategorie|schlüsselwörter|benutzer|"
       "catégorie de la tâche|mots clés|utilisateur|data|replacementstrings|version|qualifiers|processid|threadid|"
       "relatedactivityid|activityid|containerlog|matchedqueryids|bookmark|opcodedisplayname|taskdisplayname|"
       "keywordsdisplaynames|properties|site|container|timewritten|"},
  };
  static const std::unordered_map<std::string_view, Field> kFields = [] {
    std::unordered_map<std::string_view, Field> fields;
    for (const Known& known : kKnown) {
      for (std::string_view name : split(known.labels, '|')) fields.emplace(name, known.field);
    }
    for (std::string_view name : kIdLabels) fields.emplace(name, Field::id);
    fields.erase("");
    return fields;
  }();
  if (const auto found = kFields.find(to_lower(label)); found != kFields.end()) return found->second;
  return std::nullopt;
}

/// Labels that stand first in a format and seldom in a message.
bool EventExportReader::is_start(std::string_view label) {
  constexpr std::string_view kStarts =
      "|log name|ログの名前|protokollname|nom du journal|event type|種類|ereignistyp|event source|ソース|"
      "providername|timecreated|source|quelle|";
  const std::string lower = to_lower(label);
  return is_id_label(lower) || kStarts.find("|" + lower + "|") != std::string_view::npos;
}

std::optional<EventExportReader::HeadLine> EventExportReader::head_line(std::string_view text) {
  constexpr std::size_t kMaxLabelBytes = 40;
  const std::string_view line = trim(text);
  std::size_t mark = line.substr(0, kMaxLabelBytes).find_first_of(":=");
  std::size_t width = 1;
  if (const std::size_t wide = line.substr(0, kMaxLabelBytes).find("："); wide < mark) {
    mark = wide;
    width = 3;
  }
  if (mark == std::string_view::npos || mark == 0) return std::nullopt;
  const std::string_view label = trim(line.substr(0, mark));
  const auto field = field_of(label);
  if (!field) return std::nullopt;
  return HeadLine{*field, trim(line.substr(mark + width)), line.substr(0, mark + width), is_start(label),
                  line[mark - 1] == ' '};
}

/// "Event ID: 8229, Source: VSS", "Event Type: Error Event Source: VolSnap Event ID: 5": more than one field in a line.
bool EventExportReader::is_crowded(const HeadLine& head) {
  if (head.field == Field::id) return head.value.find_first_not_of("0123456789") != std::string_view::npos;
  if (head.field != Field::provider && head.field != Field::level && head.field != Field::channel) return false;
  const std::string lower = to_lower(head.value);
  return std::any_of(std::begin(kIdLabels), std::end(kIdLabels),
                     [&](std::string_view label) { return lower.find(label) != std::string::npos; });
}

/// "Source: Microsoft SQL Server Native Client 11.0" is a line of SQLWRITER's messages.
bool EventExportReader::is_database_driver(const HeadLine& head) const {
  return head.field == Field::provider && head.value.find("SQL Server") != std::string_view::npos &&
         !knows_(plain_provider(head.value));
}

/// The provider that a text begins with; its name may have blanks.
std::string_view EventExportReader::leading_provider(std::string_view text) const {
  constexpr std::size_t kMaxWords = 4;
  std::string_view found;
  std::size_t end = 0;
  for (std::size_t words = 0; words < kMaxWords && end < text.size(); ++words) {
    end = std::min(text.find_first_of(" ,;\t", end + (words > 0)), text.size());
    if (knows_(plain_provider(text.substr(0, end)))) found = text.substr(0, end);
  }
  return found;
}

void EventExportReader::line(const Line& whole) {
  Line line = whole;
  if (line.text.starts_with("\xef\xbb\xbf")) line.text.remove_prefix(3);
  const std::string_view text = line.text;
  const bool message_starts = std::exchange(message_next_, false);
  if (mode_ == Mode::xml) return take_xml(line);
  if (mode_ == Mode::csv) return take_csv(line);
  const std::string_view bare = trim(text);
  if (bare.starts_with("<Event ") || bare.starts_with("<Event>") || bare.starts_with("<Events>")) {
    end();
    mode_ = Mode::xml;
    return take_xml(line);
  }
  if (bare.starts_with("Event[") && bare.ends_with(':')) {
    end();
    begin(line.number);
    return;
  }
  if (const auto head = head_line(text)) {
    const bool in_message = mode_ == Mode::message || mode_ == Mode::bare;
    const bool quoted = in_message && event_.id && is_database_driver(*head);
    const bool belongs = !quoted && (!in_message || head->starts || (aligned_ && head->aligned));
    if (is_crowded(*head) && try_inline(line)) return;
    if (belongs && (mode_ != Mode::outside || head->starts || head->field == Field::level || head->aligned)) {
      return take_head(*head, line);
    }
  }
  if ((mode_ == Mode::outside || mode_ == Mode::bare || mode_ == Mode::message) && try_other_shapes(line)) return;
  const bool nameless = !event_.id && event_.provider.empty();
  // Mail and terminals wrap messages: a sentence that goes on is no new one.
  const bool goes_on = mode_ == Mode::bare && !event_.message.empty() && !ends_sentence(event_.message);
  if (message_starts && nameless && !goes_on) {
    end();
    begin(line.number);
    mode_ = Mode::bare;
  }
  if (mode_ == Mode::bare && message_lines_ > 0 && find_stamp(text, Time{})) return end();  // a log's next line
  if (mode_ != Mode::outside) take_message_line(text);
}

void EventExportReader::start_message() { message_next_ = true; }

void EventExportReader::finish() {
  if (mode_ == Mode::csv && !held_.empty()) take_csv_record(held_, held_line_);
  if (mode_ == Mode::xml) drop_held();
  end();
}

bool EventExportReader::try_other_shapes(const Line& line) {
  return try_csv_header(line.text) || try_table_row(line) || try_inline(line);
}

bool EventExportReader::try_csv_header(std::string_view text) {
  for (const char separator : {',', '\t', ';'}) {
    if (text.size() > 4096 || text.find(separator) == std::string_view::npos) continue;
    Columns columns{separator, {}};
    for (const std::string& name : split_record(text, separator)) {
      columns.fields.push_back(field_of(trim(name)).value_or(Field::other));
    }
    const auto has_field = [&](Field field) {
      return std::find(columns.fields.begin(), columns.fields.end(), field) != columns.fields.end();
    };
    if (!has_field(Field::id) || !has_field(Field::provider)) continue;
    end();
    columns_ = std::move(columns);
    mode_ = Mode::csv;
    return true;
  }
  return false;
}

/// Rows of `Get-WinEvent` below its "ProviderName: VSS", of `Get-EventLog` and of Event Viewer's list:
///
///     2021/03/05 10:11:12           8193 Error            Volume Shadow Copy Service error: …
///        1234 Nov 20 13:42  Error       VSS                    8193 Volume Shadow Copy Service error: …
///     Error    12/6/2010 3:39:15 AM    SQLVDI    1    None    SQLVDI: Loc=SignalAbort. …
bool EventExportReader::try_table_row(const Line& line) {
  const auto words = split_words(line.text);
  for (std::size_t i = 0; i + 1 < words.size() && i < 12; ++i) {
    const bool level_before = level_of(words[i]) != Event::kNoLevel && !is_digit(words[i][0]);
    if (!level_before) continue;
    const auto rest_from = [&](std::size_t index) {
      return line.text.substr(static_cast<std::size_t>(words[index].data() - line.text.data()));
    };
    const auto id_before = i == 0 ? std::nullopt : to_number(words[i - 1]);
    if (id_before && !table_provider_.empty() &&
        words[i - 1].find_first_not_of("0123456789") == std::string_view::npos) {
      end();
      begin(line.number);
      event_.provider = table_provider_;
      event_.id = *id_before & 0xffff;
      set(event_, Field::date, line.text.substr(0, static_cast<std::size_t>(words[i - 1].data() - line.text.data())));
      event_.level = level_of(words[i]);
      mode_ = Mode::message;
      // The next table begins with its provider.
      seen_ = {Field::provider};
      take_message_line(rest_from(i + 1));
      return true;
    }
    std::size_t source = i + 1;
    while (source < words.size() && is_part_of_time(words[source])) ++source;
    if (i == 0 && source == 1) continue;  // "Error" begins many a sentence
    for (std::size_t k = source + 1; k < words.size() && k < source + 7; ++k) {
      const auto id = to_number(words[k]);
      if (!id || words[k].find_first_not_of("0123456789") != std::string_view::npos) continue;
      const std::string_view provider =
          trim(line.text.substr(static_cast<std::size_t>(words[source].data() - line.text.data()),
                                static_cast<std::size_t>(words[k].data() - words[source].data())));
      if (!knows_(plain_provider(provider))) continue;
      end();
      begin(line.number);
      event_.provider = provider;
      event_.id = *id & 0xffff;
      event_.level = level_of(words[i]);
      mode_ = Mode::message;
      // As it stands there: who looks for the line finds it.
      take_message_line(k + 1 < words.size() ? line.text : std::string_view());
      return true;
    }
  }
  return false;
}

/// A heading that people write: ".NET Runtime - 1026", "VSS Error 12/7/2018 8:23:12 AM EventID: 8193 Volume Shadow …",
/// "Event 8193, VSS", "Event ID: 137 ntfs Error".
bool EventExportReader::try_inline(const Line& line) {
  constexpr std::size_t kMaxHeadingBytes = 60;
  const std::string_view text = trim(line.text);
  std::string provider;
  std::optional<std::uint32_t> id;
  std::string_view rest;
  if (const std::size_t dash = text.rfind(" - "); dash != std::string_view::npos && text.size() < kMaxHeadingBytes) {
    const std::string_view number = text.substr(dash + 3);
    if (!number.empty() && number.size() < 6 && number.find_first_not_of("0123456789") == std::string_view::npos &&
        knows_(plain_provider(text.substr(0, dash)))) {
      provider = text.substr(0, dash);
      id = to_number(number);
    }
  }
  constexpr std::string_view kSeparators = " ,;:-\t";
  const std::string lower = id ? std::string() : to_lower(text.substr(0, 200));
  if (lower.starts_with("event ") && lower.size() > 6 && is_digit(lower[6])) {
    const std::size_t after = std::min(lower.find_first_not_of("0123456789", 6), text.size());
    const std::size_t source = text.find_first_not_of(kSeparators, after);
    if (source != std::string_view::npos) provider = leading_provider(text.substr(source));
    if (!provider.empty()) {
      id = to_number(text.substr(6, after - 6));
      rest = text.substr(source + provider.size());
    }
  }
  for (std::string_view label : kIdLabels) {
    const std::size_t at = id ? std::string::npos : lower.find(label);
    if (at == std::string::npos) continue;
    const std::size_t digits = lower.find_first_not_of(" :#=", at + label.size());
    if (digits == std::string::npos || !is_digit(lower[digits])) continue;
    const std::size_t after = std::min(lower.find_first_not_of("0123456789", digits), text.size());
    // The source stands behind "source", or it is the first word, or it follows the number.
    const auto provider_behind = [&](std::size_t place, std::string_view marks) {
      const std::size_t begin = place < text.size() ? text.find_first_not_of(marks, place) : std::string_view::npos;
      return begin == std::string_view::npos ? std::string_view() : leading_provider(text.substr(begin));
    };
    std::string_view named;
    if (const std::size_t source = lower.find("source"); source != std::string::npos) {
      named = provider_behind(source + 6, " :=");
    } else {
      named = leading_provider(text.substr(0, at));
      if (named.empty() && at == 0) named = provider_behind(after, kSeparators);
    }
    if (named.empty()) continue;
    provider = named;
    id = to_number(text.substr(digits, after - digits));
    rest = text.substr(after);
  }
  if (!id) return false;
  end();
  begin(line.number);
  event_.provider = provider;
  event_.id = id;
  if (const auto stamp = parse_event_time(text.substr(0, 120))) {
    event_.time = stamp->time;
    event_.clock = stamp->clock;
  }
  mode_ = Mode::message;
  take_message_line(trim(rest).empty() ? rest : text);
  return true;
}

void EventExportReader::take_head(const HeadLine& head, const Line& line) {
  if (mode_ == Mode::outside || mode_ == Mode::bare || (has(head.field) && head.field != Field::other)) {
    end();
    begin(line.number);
  }
  if (++head_lines_ > kMaxHeadLines) return end();
  mode_ = Mode::head;
  aligned_ = aligned_ || head.aligned;
  seen_.push_back(head.field);
  table_provider_.clear();
  if (head.field == Field::message) mode_ = Mode::message;
  if (head.field == Field::message && !head.value.empty()) event_.label = head.label;
  value_below_ = head.value.empty() ? std::optional(head.field) : std::nullopt;
  set(event_, head.field, head.value);
}

void EventExportReader::take_message_line(std::string_view text) {
  const std::string_view line = trim(text);
  if (mode_ == Mode::head) {
    if (line.empty() || take_value_below(line)) return;
    // "TimeCreated   Id LevelDisplayName Message": the head was that of a table.
    if (!event_.id && line.starts_with("TimeCreated")) {
      table_provider_ = event_.provider;
      mode_ = Mode::outside;
      seen_.clear();
      event_ = {};
      return;
    }
    mode_ = Mode::message;
  }
  if (append_dump(line, event_.binary)) return;
  const std::size_t limit = mode_ == Mode::bare ? kMaxBareLines : kMaxMessageLines;
  if (++message_lines_ > limit || event_.message.size() > kMaxMessageBytes) return end();
  if (!event_.message.empty()) event_.message += '\n';
  event_.message += text.substr(0, kMaxMessageBytes);
}

/// "Source:" and below it "SQLWRITER", as tables are copied from web pages.
bool EventExportReader::take_value_below(std::string_view line) {
  const auto field = std::exchange(value_below_, std::nullopt);
  if (!field) return false;
  const bool fits =
      (*field == Field::provider && knows_(plain_provider(line))) ||
      (*field == Field::id && line.size() < 6 && line.find_first_not_of("0123456789") == std::string_view::npos) ||
      (*field == Field::level && level_of(line) != Event::kNoLevel);
  if (fits) set(event_, *field, line);
  return fits;
}

void EventExportReader::take_xml(const Line& line) {
  std::string_view rest = line.text;
  constexpr std::string_view kEnd = "</Event>";
  while (!rest.empty()) {
    if (held_.empty()) {
      std::size_t start = rest.find("<Event");
      while (start != std::string_view::npos && rest.substr(start).starts_with("<Events"))
        start = rest.find("<Event", start + 7);
      if (start == std::string_view::npos) {
        if (line.text.find("<Events") == std::string_view::npos && !trim(rest).empty()) mode_ = Mode::outside;
        return;
      }
      rest.remove_prefix(start);
      held_line_ = line.number;
    }
    const std::size_t end_mark = rest.find(kEnd);
    const std::size_t size = end_mark == std::string_view::npos ? rest.size() : end_mark + kEnd.size();
    held_.append(rest.substr(0, size)) += '\n';
    rest.remove_prefix(size);
    if (end_mark != std::string_view::npos) {
      if (auto event = parse_event_xml(held_)) {
        event->line = held_line_;
        take_(*event);
        held_.clear();
      }
      drop_held();
    } else if (held_.size() > kMaxXmlBytes) {
      drop_held();
      mode_ = Mode::outside;
    }
  }
}

/// Lets go of XML that makes no event.
void EventExportReader::drop_held() {
  if (held_.empty()) return;
  if (!broken_) broken_ = Broken{0, held_line_};
  ++broken_->count;
  held_.clear();
}

void EventExportReader::take_csv(const Line& line) {
  if (held_.empty()) held_line_ = line.number;
  if (!held_.empty()) held_ += '\n';
  held_ += line.text;
  if (has_open_quote(held_) && held_.size() < kMaxMessageBytes) return;
  const std::string record = std::exchange(held_, {});
  take_csv_record(record, held_line_);
}

void EventExportReader::take_csv_record(std::string_view record, std::uint64_t line) {
  const auto values = split_record(record, columns_.separator);
  ExportedEvent event;
  event.line = line;
  date_.clear();
  time_.clear();
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Event Viewer writes the message as one field more than its header has.
    const Field field = i < columns_.fields.size() ? columns_.fields[i] : Field::message;
    set(event, field, field == Field::message ? std::string_view(values[i]) : trim(values[i]));
  }
  if (values.size() > 2) take_(event);
}

void EventExportReader::set(ExportedEvent& event, Field field, std::string_view value) {
  switch (field) {
    case Field::channel:
      event.channel = value;
      break;
    case Field::provider:
      event.provider = value;
      break;
    case Field::id:
      if (const auto id = to_number(value)) event.id = *id & 0xffff;
      break;
    case Field::level:
      event.level = level_of(value);
      break;
    case Field::computer:
      event.computer = value;
      break;
    case Field::record:
      event.record_id = to_number(value).value_or(0);
      break;
    case Field::message:
      event.message = value.substr(0, kMaxMessageBytes);
      break;
    case Field::date:
      date_ = value;
      break;
    case Field::time:
      time_ = value;
      break;
    case Field::other:
      break;
  }
  if (field != Field::date && field != Field::time) return;
  if (const auto parsed = parse_event_time(date_ + " " + time_)) {
    event.time = parsed->time;
    event.clock = parsed->clock;
  }
}

bool EventExportReader::has(Field field) const { return std::find(seen_.begin(), seen_.end(), field) != seen_.end(); }

void EventExportReader::begin(std::uint64_t line) {
  event_ = {};
  event_.line = line;
  mode_ = Mode::head;
}

/// Hands over what was read, if it is an event at all.
void EventExportReader::end() {
  const bool bare = mode_ == Mode::bare;
  const bool has_head = event_.id.has_value() || (!event_.provider.empty() && !event_.message.empty());
  const bool read = mode_ == Mode::head || mode_ == Mode::message || bare;
  mode_ = Mode::outside;
  ExportedEvent event = std::exchange(event_, {});
  seen_.clear();
  head_lines_ = message_lines_ = 0;
  aligned_ = false;
  value_below_.reset();
  date_.clear();
  time_.clear();
  held_.clear();
  if (read && (bare || has_head)) take_(event);
}

}  // namespace vmtriage
