#include "analyzers/event_details.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <span>

#include "agent/base/text.h"
#include "analyzers/rules.h"
#include "analyzers/vss_writers.h"

namespace vmtriage {
namespace {

using Labels = std::initializer_list<std::string_view>;

const Labels kOperation = {"Operation", "操作", "Vorgang", "Opération"};
const Labels kContext = {"Context", "コンテキスト", "Kontext", "Contexte"};
const Labels kDetails = {"Error-specific details", "エラー固有の詳細", "Fehlerspezifische Details"};
const Labels kExecution = {"Execution Context", "実行コンテキスト", "Ausführungskontext", "Contexte d’exécution",
                           "Contexte d'exécution"};
const Labels kWriterName = {"Writer Name", "ライター名", "Generatorname", "Nom du rédacteur"};
const Labels kWriterClass = {"Writer Class Id", "ライター クラス ID", "Generatorklassen-ID",
                             "ID de classe du rédacteur"};
const Labels kWriterInstance = {"Writer Instance ID", "ライター インスタンス ID", "Generatorinstanz-ID",
                                "ID d’instance du rédacteur", "ID d'instance du rédacteur"};
const Labels kCommandLine = {"Command Line", "コマンド ライン", "Befehlszeile", "Ligne de commande"};
const Labels kProcessId = {"Process ID", "プロセス ID", "Prozess-ID"};
const Labels kProviderId = {"Provider ID", "プロバイダー ID", "Anbieter-ID"};
const Labels kVolume = {"Volume Name", "ボリューム名", "Volumename", "Nom du volume"};
const Labels kOthers = {"Provider Name",    "Provider Version", "Class ID",        "Snapshot Context",
                        "Current State",    "Snapshot ID",      "Snapshot set ID", "User",
                        "Old snapshot set", "Old operation",    "Old state",       "Old failure"};
const Labels kSections[] = {kOperation,      kContext,     kDetails,   kExecution,  kWriterName, kWriterClass,
                            kWriterInstance, kCommandLine, kProcessId, kProviderId, kVolume,     kOthers};

constexpr std::size_t kGuidLength = 36;

bool is_guid(std::string_view text) {
  if (text.size() != kGuidLength) return false;
  for (std::size_t i = 0; i < kGuidLength; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}

std::string guid_in(std::string_view text) {
  for (std::size_t at = text.find('-'); at != std::string_view::npos; at = text.find('-', at + 1)) {
    if (at >= 8 && is_guid(text.substr(at - 8, kGuidLength))) return to_lower(text.substr(at - 8, kGuidLength));
  }
  return {};
}

/// Where a label stands and where its value begins.
struct LabelPlace {
  std::size_t begin = std::string_view::npos;
  std::size_t value = 0;
};

bool is_inside_word(std::string_view text, std::size_t at) {
  return at > 0 && (std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0 || text[at - 1] == '-');
}

/// The first of the labels with a colon behind it, from `from` on.
LabelPlace find_label(std::string_view text, Labels labels, std::size_t from) {
  LabelPlace first;
  for (std::string_view label : labels) {
    std::size_t at = from;
    while (at < text.size()) {
      const std::size_t found = find_no_case(text.substr(at), label);
      if (found == std::string_view::npos) break;
      at += found;
      const std::size_t colon = text.find_first_not_of(' ', at + label.size());
      const std::string_view rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
      const std::size_t width = rest.starts_with(':') ? 1 : rest.starts_with("：") ? std::strlen("：") : 0;
      // "実行コンテキスト" holds "コンテキスト", which is a section's label.
      const bool part_of_label = at >= 6 && text.substr(at - 6, 6) == "実行";
      if (width > 0 && !is_inside_word(text, at) && !(part_of_label && label == "コンテキスト")) {
        if (at < first.begin) first = {at, colon + width};
        break;
      }
      at += label.size();
    }
  }
  return first;
}

/// Where a value ends: at the line's end, or at the next label where the line ends were lost.
std::size_t value_end(std::string_view text, std::size_t begin) {
  std::size_t end = std::min(text.find('\n', begin), text.size());
  const std::string_view line = text.substr(0, end);
  for (const Labels& labels : kSections) end = std::min(end, find_label(line, labels, begin).begin);
  return end;
}

std::vector<std::string> values_of(std::string_view text, Labels labels) {
  constexpr std::size_t kMaxValues = 16;
  std::vector<std::string> values;
  std::size_t from = 0;
  while (values.size() < kMaxValues) {
    const LabelPlace label = find_label(text, labels, from);
    if (label.begin == std::string_view::npos) break;
    from = value_end(text, label.value);
    values.emplace_back(trim(text.substr(label.value, from - label.value)));
  }
  return values;
}

std::string first_value(std::string_view text, Labels labels) {
  auto values = values_of(text, labels);
  return values.empty() ? std::string() : std::move(values.front());
}

/// Operations stand on lines of their own below the label, until an empty line or the next section.
std::vector<std::string> operations_in(std::string_view text) {
  std::vector<std::string> operations;
  const LabelPlace label = find_label(text, kOperation, 0);
  if (label.begin == std::string_view::npos) return operations;
  const std::size_t end = std::min(find_label(text, kContext, label.value).begin, text.size());
  for (std::string_view line : split_lines(text.substr(label.value, end - label.value))) {
    if (!trim(line).empty()) operations.emplace_back(trim(line));
    if (trim(line).empty() && !operations.empty()) break;
  }
  return operations;
}

/// A known writer whose class id stands anywhere: texts in other languages, and messages that name the writer in
/// brackets.
const VssWriter* writer_by_id(std::string_view text) {
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    const std::string_view id = text.substr(at + 1, kGuidLength);
    if (!is_guid(id)) continue;
    if (const VssWriter* writer = find_vss_writer(id)) return writer;
  }
  return nullptr;
}

template <typename Number>
std::optional<Number> little_endian_at(std::string_view bytes, std::size_t at) {
  if (bytes.size() < at + sizeof(Number)) return std::nullopt;
  Number number = 0;
  for (std::size_t i = sizeof(Number); i-- > 0;) {
    number = static_cast<Number>((number << 8) | static_cast<unsigned char>(bytes[at + i]));
  }
  return number;
}

std::optional<Time> system_time_at(std::string_view bytes, std::size_t at) {
  constexpr std::size_t kSystemTimeBytes = 16;
  if (bytes.size() < at + kSystemTimeBytes) return std::nullopt;
  const auto field = [&](std::size_t index) { return int{*little_endian_at<std::uint16_t>(bytes, at + 2 * index)}; };
  return make_time(field(0), field(1), field(3), field(4), field(5), field(6), std::int64_t{field(7)} * 10'000);
}

std::string field_of(std::string_view text, std::string_view label, std::string_view end_mark) {
  const std::size_t at = text.find(label);
  if (at == std::string_view::npos) return {};
  std::string_view value = text.substr(at + label.size());
  value = value.substr(0, value.find(end_mark));
  while (!value.empty() && value.back() == '\0') value.remove_suffix(1);
  return std::string(trim(value));
}

std::uint32_t to_number(std::string_view text) {
  std::uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// `C:`, `\\?\Volume{…}\` or a shadow copy's device among the words of a text.
std::string volume_in(std::string_view text) {
  for (std::string_view word : split_words(text)) {
    while (!word.empty() && (word.back() == '.' || word.back() == ',')) word.remove_suffix(1);
    const bool drive = (word.size() == 2 || (word.size() == 3 && word[2] == '\\')) && word[1] == ':' &&
                       std::isalpha(static_cast<unsigned char>(word[0])) != 0;
    if (drive || find_no_case(word, "\\Volume{") != std::string_view::npos) return std::string(word);
  }
  return {};
}

void read_service(const Event& event, EventDetails& details) {
  const auto state = parse_service_state(event.binary);
  const std::string_view named = event.value("param1");
  const WatchedService* known = state ? find_service(state->key) : nullptr;
  // 7009 and 7011 have a number of milliseconds first.
  const bool counts_first = event.event_id == 7009 || event.event_id == 7011;
  const std::string_view shown = counts_first ? event.value("param2") : named;
  if (known == nullptr && !shown.empty()) known = find_service(shown);
  if (known == nullptr && event.data.empty()) known = service_in(event.message);
  if (state) details.service = state->key;
  if (known != nullptr) details.service = known->key;
  details.service_name = !shown.empty()     ? std::string(shown)
                         : known != nullptr ? display_name(*known)
                                            : details.service;
}

}  // namespace

VssContext parse_vss_context(std::string_view text) {
  VssContext context;
  context.operations = operations_in(text);
  context.execution_contexts = values_of(text, kExecution);
  context.writer_name = first_value(text, kWriterName);
  context.writer_class_id = guid_in(first_value(text, kWriterClass));
  context.writer_instance_id = guid_in(first_value(text, kWriterInstance));
  context.command_line = first_value(text, kCommandLine);
  context.process_id = first_value(text, kProcessId);
  context.provider_id = guid_in(first_value(text, kProviderId));
  context.volume = first_value(text, kVolume);
  const VssWriter* known = find_vss_writer(context.writer_class_id);
  if (known == nullptr && context.writer_class_id.empty() && context.writer_name.empty()) known = writer_by_id(text);
  if (known != nullptr) {
    context.writer_class_id = known->class_id;
    // Instances of AD LDS and Exchange have names of their own.
    if (context.writer_name.empty()) context.writer_name = known->name;
  }
  return context;
}

std::optional<VssBinary> parse_vss_binary(std::string_view binary) {
  if (binary.find("- Code:") == std::string_view::npos) return std::nullopt;
  VssBinary parsed;
  parsed.code = field_of(binary, "- Code:", "- ");
  parsed.call = field_of(binary, "- Call:", "- ");
  parsed.process_id = to_number(field_of(binary, "- PID:", "- "));
  parsed.thread_id = to_number(field_of(binary, "- TID:", "- "));
  parsed.command_line = field_of(binary, "- CMD:", "- User:");
  parsed.user = field_of(binary, "- User:", "\n");
  return parsed;
}

std::optional<std::uint32_t> final_status(std::string_view binary) {
  constexpr std::size_t kOffset = 20;
  return little_endian_at<std::uint32_t>(binary, kOffset);
}

std::optional<ServiceState> parse_service_state(std::string_view binary) {
  if (binary.size() < 4 || binary.size() % 2 != 0 || binary[1] != '\0') return std::nullopt;
  std::string text = utf16_to_utf8(binary);
  while (!text.empty() && text.back() == '\0') text.pop_back();
  if (text.empty() || text.find_first_of("\r\n") != std::string::npos) return std::nullopt;
  ServiceState service;
  const std::size_t slash = text.rfind('/');
  service.key = text.substr(0, slash);
  if (slash != std::string::npos) service.state = to_number(std::string_view(text).substr(slash + 1));
  return service;
}

std::optional<UnexpectedShutdown> parse_unexpected_shutdown(std::string_view binary) {
  const auto local = system_time_at(binary, 0);
  const auto utc = system_time_at(binary, 16);
  if (!local || !utc) return std::nullopt;
  return UnexpectedShutdown{*local, *utc};
}

std::vector<std::uint32_t> find_hresults(std::string_view text) {
  constexpr std::size_t kDigits = 8;
  constexpr std::size_t kMaxCodes = 32;
  std::vector<std::uint32_t> codes;
  for (std::size_t at = find_no_case(text, "0x"); at != std::string_view::npos && codes.size() < kMaxCodes;) {
    const std::string_view digits = text.substr(at + 2, kDigits);
    std::uint32_t code = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    const bool whole = parsed.ptr == digits.data() + kDigits;
    const bool longer =
        text.size() > at + 2 + kDigits && std::isxdigit(static_cast<unsigned char>(text[at + 2 + kDigits])) != 0;
    if (whole && !longer && std::find(codes.begin(), codes.end(), code) == codes.end()) codes.push_back(code);
    const std::size_t next = find_no_case(text.substr(at + 2), "0x");
    at = next == std::string_view::npos ? next : at + 2 + next;
  }
  return codes;
}

std::string format_hresult(std::uint32_t code) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[(code >> shift) & 0xf];
  return text;
}

std::string flatten(std::string_view text) {
  std::string flat;
  flat.reserve(text.size());
  for (const char c : text) {
    const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0 || c == '\0';
    if (!blank) flat += c;
    if (blank && !flat.empty() && flat.back() != ' ') flat += ' ';
  }
  if (!flat.empty() && flat.back() == ' ') flat.pop_back();
  return flat;
}

std::string flat_text(const Event& event) {
  std::string text = flatten(event.message);
  if (!text.empty()) return text;
  for (const auto& [name, value] : event.data) {
    const std::string flat = flatten(value);
    if (flat.empty() || name == "Binary") continue;
    if (!text.empty()) text += "; ";
    if (!name.starts_with('#') && !name.starts_with("param")) text.append(name) += ": ";
    text += flat;
  }
  return text;
}

EventDetails::EventDetails(const Event& event) : text(flat_text(event)) {
  // The values are one line each in `text`, but the context block needs its lines.
  std::string lines(event.message);
  for (const auto& [name, value] : event.data) lines.append("\n").append(value);
  hresults = find_hresults(lines);
  context = parse_vss_context(lines);
  const auto vss = parse_vss_binary(event.binary);
  process = vss ? vss->command_line : context.command_line;
  if (!vss) status = final_status(event.binary);
  const std::string provider = plain_provider(event.provider);
  if (provider == "service control manager") read_service(event, *this);
  if (provider == "eventlog" && event.event_id == 6008) {
    if (const auto stopped = parse_unexpected_shutdown(event.binary))
      text += "; stopped at " + format_time(stopped->utc);
  }
  if (service.empty()) {
    const VssWriter* writer = find_vss_writer(context.writer_class_id);
    if (writer == nullptr) writer = find_vss_writer(context.writer_name);
    if (writer != nullptr) service = writer->service;
  }
  volume = context.volume.empty() ? volume_in(lines) : context.volume;
}

}  // namespace vmtriage
