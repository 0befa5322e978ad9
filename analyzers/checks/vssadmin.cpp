#include "analyzers/checks/vssadmin.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "analyzers/checks/sightings.h"
#include "analyzers/checks/vss_copies.h"
#include "analyzers/checks/vss_knowledge.h"
#include "analyzers/checks/vss_lines.h"
#include "analyzers/checks/vss_writer_list.h"
#include "analyzers/checks/whole_text.h"
#include "analyzers/console_text.h"
#include "analyzers/vss_writers.h"
#include "analyzers/windows_runs.h"

namespace vmtriage {
namespace {

constexpr std::size_t kHeadBytes = 64 << 10;
/// Findings of one kind from one text; nobody reads more.
constexpr std::size_t kMaxFindings = 64;

bool has(std::string_view text, std::string_view word) { return find_no_case(text, word) != std::string_view::npos; }

/// `vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool`
bool is_banner(std::string_view line) { return starts_with_no_case(line, "vssadmin 1."); }

/// A name or command line with `_`, `-` and `.` as blanks: `commands/vssadmin_list_writers.txt`.
std::string plain_origin(const Artifact& artifact) {
  std::string plain = to_lower(artifact.origin);
  std::replace_if(
      plain.begin(), plain.end(), [](char c) { return c == '_' || c == '-' || c == '.'; }, ' ');
  return plain;
}

/// Whether the text is known to be such output before it is read.
bool is_labelled(const Artifact& artifact) {
  const std::string origin = plain_origin(artifact);
  return artifact.id.starts_with("windows.vssadmin.") || artifact.id == "windows.diskshadow" ||
         has(origin, "vssadmin") || has(origin, "diskshadow");
}

/// A line in which the command itself reports that it failed: `Error: Unexpected failure: Catastrophic failure`.
struct CommandError {
  VssLine line;
  std::string_view words;
  std::optional<std::uint32_t> hresult;
};

/// Reads error lines. In a text of unknown origin they count only shortly behind a banner of vssadmin.
std::vector<CommandError> parse_command_errors(const std::vector<VssLine>& lines, bool labelled) {
  constexpr std::array<std::string_view, 14> kLabels = {"Error", "エラー", "Fehler", "Erreur", "Errore",
                                                        "Erro",  "Fout",   "Fel",    "Fejl",   "Feil",
                                                        "Błąd",  "错误",   "錯誤",   "오류"};
  constexpr std::size_t kReach = 6;
  std::vector<CommandError> errors;
  std::size_t left = labelled ? lines.size() : 0;
  for (const VssLine& line : lines) {
    if (is_banner(line.text) && !labelled) left = kReach;
    if (left == 0) continue;
    --left;
    const auto words = after_label(line.text);
    if (!words || std::find(kLabels.begin(), kLabels.end(), label_of(line.text)) == kLabels.end()) continue;
    errors.push_back({line, *words, hresult_in(*words)});
  }
  return errors;
}

/// What is known of the language the list was printed in, and what its writers say when nothing is wrong.
class ErrorJudge {
 public:
  ErrorJudge(const std::vector<WriterStatus>& writers, const VssKnowledge& knowledge) : knowledge_(knowledge) {
    std::map<std::string_view, std::size_t> counts;
    std::size_t most = 1;
    for (const WriterStatus& writer : writers) {
      if (is_failed(writer) || writer.last_error.empty() || is_known_error(writer.last_error)) continue;
      if (++counts[writer.last_error] <= most) continue;
      most = counts[writer.last_error];
      usual_ = writer.last_error;
    }
  }

  /// Whether a writer that did not fail tells of an error. An unknown text is one when the others say something else.
  bool has_error(const WriterStatus& writer) const {
    if (writer.failure) return *writer.failure != 0;
    const std::string_view text = writer.last_error;
    if (text.empty() || says_no_error(text)) return false;
    if (is_known_error(text) || is_known_language(writer)) return true;
    return !usual_.empty() && text != usual_;
  }

 private:
  bool is_known_error(std::string_view text) const {
    return !says_no_error(text) && (hresult_in(text) || knowledge_.last_error(text) != nullptr);
  }

  static bool is_known_language(const WriterStatus& writer) {
    constexpr std::array<std::string_view, 3> kStates = {"Stable", "Waiting for completion", "安定"};
    return std::find(kStates.begin(), kStates.end(), writer.state_text) != kStates.end();
  }

  const VssKnowledge& knowledge_;
  std::string_view usual_;
};

/// Sentences in both languages, put together piece by piece.
void append(LocalText& text, const LocalText& sentence) {
  if (!text.en.empty() && !sentence.en.empty()) text.en += ' ';
  text.en += sentence.en;
  text.ja += sentence.ja.empty() ? sentence.en : sentence.ja;
}

std::string squeeze(std::string_view text) {
  std::string out;
  for (const std::string_view word : split_words(text)) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

using LocalValues = std::vector<std::pair<std::string, LocalText>>;

Values in_language(const LocalValues& values, Language language) {
  Values plain;
  for (const auto& [name, text] : values) plain.emplace_back(name, text.in(language));
  return plain;
}

/// Turns what one text says into findings.
class VssReport {
 public:
  VssReport(const RuleBase& rules, const Artifact& artifact, Insights& insights)
      : rules_(rules), artifact_(artifact), insights_(insights), knowledge_(VssKnowledge::built_in()) {}

  void read(std::string_view text) {
    const auto lines = vss_lines(text);
    const auto writers = parse_writer_list(text);
    const auto errors = parse_command_errors(lines, is_labelled(artifact_));
    report_errors(errors, asks_for_writers(lines));
    report_writers(writers);
    report_cut_list(writers);
    if (writers.empty() && errors.empty()) report_empty_list(lines);
    report_providers(parse_provider_list(text), writers);
    report_copies(parse_shadow_list(text));
    report_storage(parse_storage_list(text));
  }

 private:
  struct Group {
    const WriterStatus* writer = nullptr;
    Sightings sightings;
  };

  // ---- writers

  void report_writers(const std::vector<WriterStatus>& writers) {
    const ErrorJudge judge(writers, knowledge_);
    std::vector<Group> failed, troubled;
    Sightings busy;
    for (const WriterStatus& writer : writers) {
      if (is_failed(writer)) {
        sight(failed, writer);
      } else if (judge.has_error(writer) || writer.state == 0) {
        sight(troubled, writer);
      } else if (is_busy(writer)) {
        busy.add(evidence(writer.line, writer.excerpt));
      }
    }
    for (const Group& group : failed) report_failed(group);
    for (const Group& group : troubled) report_troubled(group);
    // One may just be at work; several at a time are held by a snapshot that does not end.
    if (busy.count() > 1) add("windows.vssadmin.writers-busy", {{"count", same(std::to_string(busy.count()))}}, busy);
    report_missing_system_writer(writers);
    judge_last_run(failed);
  }

  /// A writer that failed did so in the last snapshot, whenever that was.
  void judge_last_run(const std::vector<Group>& failed) {
    constexpr int kFirstRestoreState = 13;
    RunVerdict verdict;
    verdict.source = RunVerdict::Source::listing;
    std::vector<std::string> states;
    for (const Group& group : failed) {
      if (*group.writer->state >= kFirstRestoreState || verdict.evidence.size() == kMaxExcerpts) continue;
      verdict.writers.push_back(printable(group.writer->name));
      states.push_back("[" + std::to_string(*group.writer->state) + "] " + printable(group.writer->last_error));
      verdict.evidence.push_back(evidence(group.writer->line, group.writer->excerpt));
    }
    if (verdict.writers.empty()) return;
    verdict.level = Consistency::file_system;
    const std::string why = join(states, ", ");
    verdict.because = file_system_because(verdict.writers, {why, why});
    insights_.runs.push_back(std::move(verdict));
  }

  /// The writers that would follow are not known, so a list that breaks off is no clean one.
  void report_cut_list(const std::vector<WriterStatus>& writers) {
    if (writers.empty()) return;
    const WriterStatus& last = writers.back();
    const bool others_have_more = std::any_of(writers.begin(), writers.end(),
                                              [](const WriterStatus& writer) { return !writer.last_error.empty(); });
    if (last.state && (!last.last_error.empty() || !others_have_more)) return;
    insights_.errors.push_back({ErrorCode::corrupt, "list of VSS writers: breaks off inside writer '" +
                                                        printable(last.name) + "' at line " +
                                                        std::to_string(last.line)});
  }

  /// Several instances of one writer are one finding.
  void sight(std::vector<Group>& groups, const WriterStatus& writer) {
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const Group& known) { return equal_no_case(known.writer->name, writer.name); });
    if (group == groups.end()) {
      if (groups.size() == kMaxFindings) return;
      group = groups.insert(groups.end(), Group{&writer, {}});
    }
    group->sightings.add(evidence(writer.line, writer.excerpt));
  }

  static bool is_busy(const WriterStatus& writer) {
    constexpr int kWaitingForFreeze = 2, kWaitingForPostSnapshot = 4;
    return writer.state && *writer.state >= kWaitingForFreeze && *writer.state <= kWaitingForPostSnapshot;
  }

  void report_failed(const Group& group) {
    constexpr int kFirstRestoreState = 13;
    const WriterStatus& writer = *group.writer;
    const std::string owner = owner_of(writer);
    Finding& finding =
        add(owner == "vendor" ? "windows.vssadmin.vendor-writer-failed" : "windows.vssadmin.writer-failed",
            values_of(writer), group.sightings);
    finding.owner = owner;
    // A failed restore says little about the next backup.
    if (*writer.state >= kFirstRestoreState) finding.severity = Severity::warning;
    add_codes(writer, finding);
  }

  void report_troubled(const Group& group) {
    Finding& finding = add("windows.vssadmin.writer-with-error", values_of(*group.writer), group.sightings);
    finding.owner = owner_of(*group.writer);
    add_codes(*group.writer, finding);
  }

  void add_codes(const WriterStatus& writer, Finding& finding) const {
    if (const auto code = hresult_of(writer)) finding.codes.push_back(hresult_text(*code));
  }

  const Code* error_code_of(const WriterStatus& writer) const {
    if (writer.failure) return knowledge_.last_error(*writer.failure);
    if (says_no_error(writer.last_error)) return nullptr;
    if (const auto code = hresult_in(writer.last_error)) return knowledge_.last_error(*code);
    return knowledge_.last_error(writer.last_error);
  }

  std::optional<std::uint32_t> hresult_of(const WriterStatus& writer) const {
    if (writer.failure) return *writer.failure == 0 ? std::nullopt : writer.failure;
    if (const auto code = hresult_in(writer.last_error)) return code;
    const Code* error = error_code_of(writer);
    return error == nullptr ? std::nullopt : hresult_in(error->meaning.en);
  }

  std::string owner_of(const WriterStatus& writer) const {
    if (const Code* code = knowledge_.writer(writer)) return code->owner;
    const VssWriter* known = known_writer(writer);
    return known == nullptr ? "vendor" : std::string(known->owner);
  }

  static const VssWriter* known_writer(const WriterStatus& writer) {
    const VssWriter* known = find_vss_writer(writer.class_id);
    return known != nullptr ? known : find_vss_writer(writer.name);
  }

  LocalValues values_of(const WriterStatus& writer) const {
    const std::string error = writer.last_error.empty() ? "?" : writer.last_error;
    return {{"component", same(printable(writer.name))},
            {"state", same(std::to_string(*writer.state))},
            {"state_text", same(printable(writer.state_text))},
            {"last_error", same(printable(error))},
            {"phase", phase_of(writer)},
            {"cause", cause_of(writer)},
            {"restart", restart_of(writer)}};
  }

  LocalText phase_of(const WriterStatus& writer) const {
    const Code* state = *writer.state == 1 ? nullptr : knowledge_.state(*writer.state);
    return state == nullptr ? LocalText{} : state->meaning;
  }

  LocalText cause_of(const WriterStatus& writer) const {
    LocalText cause;
    if (const Code* error = error_code_of(writer)) {
      append(cause, error->meaning);
      append(cause, error->action);
    } else if (const auto hresult = hresult_of(writer)) {
      if (const Code* code = knowledge_.hresult(*hresult)) append(cause, code->meaning);
    }
    return cause;
  }

  LocalText restart_of(const WriterStatus& writer) const {
    const Code* code = knowledge_.writer(writer);
    const VssWriter* known = known_writer(writer);
    LocalText advice = code == nullptr ? LocalText{} : code->action;
    if (known == nullptr || known->service.empty()) return advice;
    const WatchedService* service = find_service(known->service);
    const std::string name = service == nullptr ? std::string(known->service) : display_name(*service);
    append(advice, fill_in(LocalText{"Its service is shown as \"{service}\" in services.msc.",
                                     "サービスは services.msc に「{service}」と表示されます。"},
                           {{"service", name}}));
    return advice;
  }

  static const WriterStatus* find_writer(const std::vector<WriterStatus>& writers, std::string_view name) {
    const auto found = std::find_if(writers.begin(), writers.end(), [&](const WriterStatus& writer) {
      const VssWriter* known = known_writer(writer);
      return writer.state && (equal_no_case(writer.name, name) || (known != nullptr && known->name == name));
    });
    return found == writers.end() ? nullptr : &*found;
  }

  /// Only in a list that is whole: people paste single writers, too.
  void report_missing_system_writer(const std::vector<WriterStatus>& writers) {
    constexpr std::array<std::string_view, 5> kAlwaysThere = {"Registry Writer", "COM+ REGDB Writer", "ASR Writer",
                                                              "Shadow Copy Optimization Writer", "WMI Writer"};
    const auto there = [&](std::string_view name) { return find_writer(writers, name) != nullptr; };
    if (there("System Writer") || !std::all_of(kAlwaysThere.begin(), kAlwaysThere.end(), there)) return;
    if (writers.back().last_error.empty()) return;
    Sightings list;
    list.add(evidence(writers.front().line, "Writers listed: " + names_of(writers)));
    add("windows.vssadmin.system-writer-missing", {}, list);
  }

  static std::string names_of(const std::vector<WriterStatus>& writers) {
    std::vector<std::string> names;
    for (const WriterStatus& writer : writers) names.push_back(writer.name);
    return join(names, ", ");
  }

  // ---- the command itself

  bool asks_for_writers(const std::vector<VssLine>& lines) const {
    if (artifact_.id == "windows.vssadmin.writers" || has(plain_origin(artifact_), "list writers")) return true;
    return std::any_of(lines.begin(), lines.end(),
                       [](const VssLine& line) { return has(line.text, "vssadmin list writers"); });
  }

  /// A banner and nothing behind it is what vssadmin prints when no writer answers.
  void report_empty_list(const std::vector<VssLine>& lines) {
    const auto banner =
        std::find_if(lines.begin(), lines.end(), [](const VssLine& line) { return is_banner(line.text); });
    if (banner == lines.end() || !asks_for_writers(lines)) return;
    Sightings list;
    list.add(evidence(banner->number, std::string(banner->text)));
    add("windows.vssadmin.no-writers", {}, list);
  }

  void report_errors(const std::vector<CommandError>& errors, bool writers_wanted) {
    Sightings denied;
    for (const CommandError& error : errors) {
      if (insights_.findings.size() == kMaxFindings) break;
      if (is_denied(error)) {
        denied.add(evidence(error.line.number, std::string(error.line.text)));
      } else if (!is_misuse(error.words)) {
        report_error(error, writers_wanted);
      }
    }
    if (denied.count() > 0) add("windows.vssadmin.not-elevated", {}, denied);
  }

  static bool is_denied(const CommandError& error) {
    constexpr std::uint32_t kAccessDenied = 0x80070005;
    return error.hresult == kAccessDenied || has(error.words, "permissions to run this command") ||
           has(error.words, "elevated") || has(error.words, "権限") || has(error.words, "アクセス許可");
  }

  static bool is_misuse(std::string_view words) {
    return has(words, "invalid command") || has(words, "invalid option");
  }

  void report_error(const CommandError& error, bool writers_wanted) {
    Sightings sightings;
    sightings.add(evidence(error.line.number, std::string(error.line.text)));
    const LocalText words = same(printable(error.words));
    if (writers_wanted && error.hresult && is_event_system_error(*error.hresult)) {
      Finding& finding = add("windows.vssadmin.writers-unreachable", {{"error", words}}, sightings);
      finding.codes.push_back(hresult_text(*error.hresult));
      return;
    }
    const Code* code = error.hresult ? knowledge_.hresult(*error.hresult) : nullptr;
    LocalText meaning;
    if (code != nullptr) {
      append(meaning, code->meaning);
      append(meaning, code->action);
    }
    Finding& finding = add("windows.vssadmin.command-failed", {{"error", words}, {"meaning", meaning}}, sightings);
    if (error.hresult) finding.codes.push_back(hresult_text(*error.hresult));
    // In a language that nobody reads here it may be a question of rights alone.
    if (!error.hresult && !tells_of_failure(error.words)) finding.severity = Severity::info;
  }

  /// "Insufficient storage available to create …", "The shadow copy provider had an error."
  static bool tells_of_failure(std::string_view words) {
    constexpr std::array<std::string_view, 7> kFailures = {
        "fail", "unexpected", "had an error", "insufficient", "in progress", "maximum number", "timed out"};
    return std::any_of(kFailures.begin(), kFailures.end(),
                       [&](std::string_view failure) { return has(words, failure); });
  }

  /// What vssadmin prints when the event system cannot carry its question to the writers.
  static bool is_event_system_error(std::uint32_t code) {
    constexpr std::uint32_t kUnexpected = 0x8000FFFF, kVssUnexpected = 0x80042302, kInfrastructure = 0x80042318;
    return code == kUnexpected || code == kVssUnexpected || code == kInfrastructure;
  }

  // ---- providers, copies, storage

  void report_providers(const std::vector<VssProvider>& providers, const std::vector<WriterStatus>& writers) {
    const bool trouble = std::any_of(writers.begin(), writers.end(), is_failed);
    std::size_t reported = 0;
    for (const VssProvider& provider : providers) {
      if (is_microsoft_provider(provider) || reported++ == kMaxFindings) continue;
      Sightings sightings;
      sightings.add(evidence(provider.line, provider.name + " " + provider.version + " {" + provider.id + "}"));
      Finding& finding =
          add("windows.vssadmin.third-party-provider", {{"component", same(printable(provider.name))}}, sightings);
      if (trouble) finding.severity = Severity::warning;
    }
  }

  void report_copies(const std::vector<ShadowCopy>& copies) {
    constexpr std::uint64_t kMany = 64, kLimit = 512;
    std::map<std::string, Sightings> by_volume;
    for (const ShadowCopy& copy : copies)
      by_volume[copy.volume].add(evidence(copy.line, copy.volume + " " + copy.device));
    for (const auto& [volume, sightings] : by_volume) {
      if (sightings.count() < kMany) continue;
      add(sightings.count() >= kLimit ? "windows.vssadmin.shadow-copy-limit" : "windows.vssadmin.many-shadow-copies",
          {{"component", same(printable(volume))}, {"count", same(std::to_string(sightings.count()))}}, sightings);
    }
  }

  void report_storage(const std::vector<ShadowStorage>& storage) {
    std::size_t reported = 0;
    for (const ShadowStorage& entry : storage) {
      if (!entry.maximum || reported == kMaxFindings) continue;
      const bool full = entry.used && *entry.used > 0 && *entry.used >= *entry.maximum;
      if (!full && !is_tiny(entry)) continue;
      ++reported;
      Sightings sightings;
      sightings.add(evidence(entry.line, entry.excerpt));
      add(full ? "windows.vssadmin.storage-full" : "windows.vssadmin.storage-small",
          {{"component", same(printable(entry.volume))},
           {"maximum", same(format_size(static_cast<std::uint64_t>(*entry.maximum)))}},
          sightings);
    }
  }

  /// Below what vssadmin accepts as a size. A small volume (System Reserved) has little by nature: its share tells.
  static bool is_tiny(const ShadowStorage& entry) {
    constexpr double kSmallest = 320.0 * (1 << 20);
    constexpr int kOrdinaryPercent = 3;
    return *entry.maximum < kSmallest && entry.maximum_percent.value_or(0) < kOrdinaryPercent;
  }

  // ---- words

  static LocalText same(std::string text) { return {text, text}; }

  Evidence evidence(std::uint64_t line, const std::string& excerpt) const {
    return evidence_of(artifact_, Line{excerpt, line, false});
  }

  Finding& add(std::string_view id, const LocalValues& values, const Sightings& sightings) {
    Finding finding = rules_.finding(id, in_language(values, Language::en));
    const Finding japanese = rules_.finding(id, in_language(values, Language::ja));
    finding.title.ja = japanese.title.ja;
    // A piece that is not known leaves two blanks.
    finding.advice = {squeeze(finding.advice.en), squeeze(japanese.advice.ja)};
    sightings.apply_to(finding);
    insights_.findings.push_back(std::move(finding));
    return insights_.findings.back();
  }

  const RuleBase& rules_;
  const Artifact& artifact_;
  Insights& insights_;
  const VssKnowledge& knowledge_;
};

/// Keeps a text that is such output; one that turns out to be something else is let go of after its head.
class ListingScan : public Scan {
 public:
  ListingScan(const RuleBase& rules, const Artifact& artifact)
      : rules_(rules), artifact_(artifact), wanted_(is_labelled(artifact)), decided_(wanted_) {}

  void block(const Block& block, std::uint64_t) override {
    if (decided_ && !wanted_) return;
    const std::size_t room = kMaxSmallText - std::min(kMaxSmallText, text_.size());
    cut_ = cut_ || block.text.size() > room;
    text_ += block.text.substr(0, room);
    if (!decided_ && text_.size() >= kHeadBytes) decide();
  }

  void finish(Insights& insights) override {
    if (!decided_) decide();
    if (!wanted_) return;
    VssReport(rules_, artifact_, insights).read(decode_console(text_));
    if (cut_ && is_labelled(artifact_)) {
      insights.errors.push_back({ErrorCode::too_large, printable(artifact_.origin) + ": larger than " +
                                                           format_size(kMaxSmallText) +
                                                           ", only its beginning was read"});
    }
  }

 private:
  void decide() {
    decided_ = true;
    wanted_ = looks_like_vss_listing(std::string_view(text_).substr(0, kHeadBytes));
    if (!wanted_) text_ = std::string();
  }

  const RuleBase& rules_;
  Artifact artifact_;
  std::string text_;
  bool wanted_;
  bool decided_;
  bool cut_ = false;
};

}  // namespace

bool looks_like_vss_listing(std::string_view head) {
  const auto holds = [&](std::string_view mark) { return head.find(mark) != std::string_view::npos; };
  const bool possible = holds("vssadmin 1.") || holds("VSS_WS_") || holds(": [") || holds("：[") || holds("\\\\?\\") ||
                        (holds("{") && holds("'"));
  if (!possible) return false;
  const std::string text = decode_console(head);
  const auto lines = vss_lines(text);
  if (std::any_of(lines.begin(), lines.end(), [](const VssLine& line) { return is_banner(line.text); })) return true;
  const auto writers = parse_writer_list(text);
  const bool states = std::any_of(writers.begin(), writers.end(), [](const WriterStatus& writer) {
    return writer.state && (!writer.class_id.empty() || !writer.last_error.empty());
  });
  return states || !parse_provider_list(text).empty() || !parse_shadow_list(text).empty() ||
         !parse_storage_list(text).empty();
}

std::unique_ptr<Scan> VssadminAnalyzer::scan(const Artifact& artifact) const {
  if (artifact.format != Format::text || artifact.id.starts_with("linux.")) return nullptr;
  // `list writers detailed` lists what the writers look after; their states stand in another list.
  if (artifact.id == "windows.writer-components") return nullptr;
  return std::make_unique<ListingScan>(rules_, artifact);
}

}  // namespace vmtriage
