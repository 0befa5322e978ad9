#include "analyzers/event_details.h"

#include <algorithm>
#include <array>
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

/// Letters differ in this bit only.
constexpr unsigned char fold(char letter) { return static_cast<unsigned char>(letter | 0x20); }

/// Whether some label ends in this byte.
bool may_end_label(char last) {
  static const auto ends = [] {
    std::array<bool, 256> all{};
    for (const Labels& labels : kSections) {
      for (std::string_view label : labels) all[fold(label.back())] = true;
    }
    return all;
  }();
  return ends[fold(last)];
}

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

bool is_inside_word(std::string_view text, std::size_t at) {
  return at > 0 && (std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0 || text[at - 1] == '-');
}

/// The labels of a context block, found in one pass over its colons.
class LabeledText {
 public:
  explicit LabeledText(std::string_view text) : text_(text) {
    constexpr std::string_view kColon = ":", kWideColon = "：";
    std::size_t colon = text.find(kColon), wide = text.find(kWideColon);
    while (std::min(colon, wide) != std::string_view::npos) {
      const bool is_wide = wide < colon;
      std::size_t& at = is_wide ? wide : colon;
      const std::string_view mark = is_wide ? kWideColon : kColon;
      find_labels(at, at + mark.size());
      at = text.find(mark, at + mark.size());
    }
  }

  bool empty() const { return places_.empty(); }

  /// What stands behind the label each time it occurs, up to the line's end, or to the next label where the line ends
  /// were lost.
  std::vector<std::string> values(const Labels& labels) const {
    constexpr std::size_t kMaxValues = 16;
    std::vector<std::string> values;
    for (const Place* label = find(labels, 0); label != nullptr && values.size() < kMaxValues;) {
      const std::size_t end = value_end(label->value);
      values.emplace_back(trim(text_.substr(label->value, end - label->value)));
      label = find(labels, end);
    }
    return values;
  }

  std::string first_value(const Labels& labels) const {
    const Place* label = find(labels, 0);
    if (label == nullptr) return {};
    return std::string(trim(text_.substr(label->value, value_end(label->value) - label->value)));
  }

  /// Operations stand on lines of their own below the label, until an empty line or the next section.
  std::vector<std::string> operations() const {
    std::vector<std::string> operations;
    const Place* label = find(kOperation, 0);
    if (label == nullptr) return operations;
    const Place* context = find(kContext, label->value);
    const std::size_t end = context == nullptr ? text_.size() : context->begin;
    for (std::string_view line : split_lines(text_.substr(label->value, end - label->value))) {
      if (!trim(line).empty()) operations.emplace_back(trim(line));
      if (trim(line).empty() && !operations.empty()) break;
    }
    return operations;
  }

 private:
  /// Where a label stands and where its value begins.
  struct Place {
    const Labels* labels;
    std::size_t begin;
    std::size_t value;
  };

  /// The labels that end in front of a colon; "Execution Context" ends with another one.
  void find_labels(std::size_t colon, std::size_t value) {
    const std::size_t last = text_.substr(0, colon).find_last_not_of(' ');
    if (last == std::string_view::npos) return;
    const std::string_view before = text_.substr(0, last + 1);
    if (!may_end_label(before.back())) return;
    for (const Labels& labels : kSections) {
      for (std::string_view label : labels) {
        const bool differs = fold(before.back()) != fold(label.back()) || before.size() < label.size();
        if (differs || !equal_no_case(before.substr(before.size() - label.size()), label)) continue;
        const std::size_t begin = before.size() - label.size();
        // "実行コンテキスト" holds "コンテキスト", which is a section's label.
        const bool part_of_label = label == "コンテキスト" && before.substr(0, begin).ends_with("実行");
        if (!is_inside_word(text_, begin) && !part_of_label) places_.push_back({&labels, begin, value});
      }
    }
  }

  const Place* find(const Labels& labels, std::size_t from) const {
    const auto found = std::find_if(places_.begin(), places_.end(), [&](const Place& place) {
      return place.labels->begin() == labels.begin() && place.begin >= from;
    });
    return found == places_.end() ? nullptr : &*found;
  }

  std::size_t value_end(std::size_t begin) const {
    std::size_t end = std::min(text_.find('\n', begin), text_.size());
    for (const Place& place : places_) {
      if (place.begin >= begin) end = std::min(end, place.begin);
    }
    return end;
  }

  std::string_view text_;
  std::vector<Place> places_;  ///< in the order of their colons
};

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
  for (auto end = text.begin(), begin = end; (begin = std::find_if_not(end, text.end(), is_blank)) != text.end();) {
    end = std::find_if(begin, text.end(), is_blank);
    std::string_view word(begin, end);
    while (!word.empty() && (word.back() == '.' || word.back() == ',')) word.remove_suffix(1);
    const bool drive = (word.size() == 2 || (word.size() == 3 && word[2] == '\\')) && word[1] == ':' &&
                       std::isalpha(static_cast<unsigned char>(word[0])) != 0;
    if (drive || find_no_case(word, "\\Volume{") != std::string_view::npos) return std::string(word);
  }
  return {};
}

/// A message of the Service Control Manager that was pasted without its head.
bool is_bare_service_message(const Event& event) {
  constexpr std::string_view kWords[] = {
      " service terminated",       " service failed to start",         " service depends on",
      " service hung on ",         " service was unable to log on as", " service to connect",
      " service was changed from", "transaction response from the "};
  if (!event.provider.empty() || event.event_id != 0) return false;
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view words) { return event.message.find(words) != std::string_view::npos; });
}

bool is_flat_empty(std::string_view text) { return std::all_of(text.begin(), text.end(), is_blank); }

}  // namespace

VssContext parse_vss_context(std::string_view text) {
  VssContext context;
  if (const LabeledText labeled(text); !labeled.empty()) {
    context.operations = labeled.operations();
    context.execution_contexts = labeled.values(kExecution);
    context.writer_name = labeled.first_value(kWriterName);
    context.writer_class_id = guid_in(labeled.first_value(kWriterClass));
    context.writer_instance_id = guid_in(labeled.first_value(kWriterInstance));
    context.command_line = labeled.first_value(kCommandLine);
    context.process_id = labeled.first_value(kProcessId);
    context.provider_id = guid_in(labeled.first_value(kProviderId));
    context.volume = labeled.first_value(kVolume);
  }
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

std::string flat_text(const Event& event) {
  std::string text = flatten(event.message);
  if (!text.empty()) return text;
  for (const auto& [name, value] : event.data) {
    if (name == "Binary" || is_flat_empty(value)) continue;
    if (!text.empty()) text += "; ";
    if (!name.starts_with('#') && !name.starts_with("param")) text.append(name) += ": ";
    append_flat(value, text);
  }
  return text;
}

const std::string& EventDetails::text() const {
  if (text_) return *text_;
  text_ = flat_text(event_);
  if (event_.event_id == 6008 && is_from("eventlog")) {
    if (const auto stopped = parse_unexpected_shutdown(event_.binary))
      *text_ += "; stopped at " + format_time(stopped->utc);
  }
  return *text_;
}

/// The values are one line each in `text`, but the context block needs its lines. Nothing is looked for in hexadecimal.
const std::string& EventDetails::lines() const {
  if (lines_) return *lines_;
  lines_ = event_.message;
  for (const auto& [name, value] : event_.data) {
    if (name != "Binary") lines_->append("\n").append(value);
  }
  return *lines_;
}

/// Only VSS writes such a block; who wrote a pasted text may be unknown.
const VssContext& EventDetails::context() const {
  static const VssContext kNone;
  if (context_) return *context_;
  if (!event_.provider.empty() && !is_from("vss")) return kNone;
  context_ = parse_vss_context(lines());
  return *context_;
}

const VssWriter* EventDetails::writer() const {
  if (writer_) return *writer_;
  writer_ = find_vss_writer(context().writer_class_id);
  if (*writer_ == nullptr) writer_ = find_vss_writer(context().writer_name);
  return *writer_;
}

const std::vector<std::uint32_t>& EventDetails::hresults() const {
  if (!hresults_) hresults_ = find_hresults(lines());
  return *hresults_;
}

std::optional<std::uint32_t> EventDetails::result() const {
  const auto first_of = [](std::string_view text) {
    const auto codes = find_hresults(text);
    return codes.empty() ? std::nullopt : std::optional(codes.front());
  };
  if (const std::size_t at = event_.message.find("hr = 0x"); at != std::string_view::npos) {
    if (const auto code = first_of(event_.message.substr(at, 16))) return code;
  }
  for (const auto& [name, value] : event_.data) {
    if (name == "Binary" || !value.starts_with("0x")) continue;
    if (const auto code = first_of(value.substr(0, 11))) return code;
  }
  return hresults().empty() ? std::nullopt : std::optional(hresults().front());
}

const std::string& EventDetails::process() const {
  if (process_) return *process_;
  auto vss = parse_vss_binary(event_.binary);
  process_ = vss ? std::move(vss->command_line) : context().command_line;
  return *process_;
}

std::optional<std::uint32_t> EventDetails::status() const {
  return parse_vss_binary(event_.binary) ? std::nullopt : final_status(event_.binary);
}

const EventDetails::Service& EventDetails::watched() const {
  if (service_) return *service_;
  service_ = is_from("service control manager") || is_bare_service_message(event_) ? of_service_manager() : Service{};
  if (service_->key.empty() && writer() != nullptr) service_->key = writer()->service;
  return *service_;
}

EventDetails::Service EventDetails::of_service_manager() const {
  const auto state = parse_service_state(event_.binary);
  // 7009 and 7011 have a number of milliseconds first.
  const bool counts_first = event_.event_id == 7009 || event_.event_id == 7011;
  const std::string_view shown = event_.value(counts_first ? "param2" : "param1");
  const WatchedService* known = state ? find_service(state->key) : nullptr;
  if (known == nullptr && !shown.empty()) known = find_service(shown);
  if (known == nullptr && event_.data.empty()) known = service_in(event_.message);
  Service service;
  if (state) service.key = state->key;
  if (known != nullptr) service.key = known->key;
  service.name = !shown.empty() ? std::string(shown) : known != nullptr ? display_name(*known) : service.key;
  return service;
}

const std::string& EventDetails::volume() const {
  if (!volume_) volume_ = context().volume.empty() ? volume_in(lines()) : context().volume;
  return *volume_;
}

bool EventDetails::is_from(std::string_view provider) const {
  return equal_no_case(without_provider_prefix(event_.provider), provider);
}

}  // namespace vmtriage
