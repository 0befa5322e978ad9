#include "analyzers/text_rules.h"

#include <re2/re2.h>
#include <zlib.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

namespace vmtriage {
namespace {

/// Captures are taken for the first hits of a rule in a file; an agent gone mad is only counted after that.
constexpr std::uint64_t kMaxNamedHits = 1000;
constexpr std::size_t kMaxComponents = 64;
constexpr std::size_t kMaxUnpackedBytes = 64 << 10;
constexpr std::string_view kPackedMessage = R"(message=eJ[A-Za-z0-9+/=]{6,})";
constexpr std::size_t kMaxRecordLines = 64;

enum class Role { hit, recovery, marker, packed };

/// What one pattern of a compiled set stands for.
struct Meaning {
  Role role = Role::hit;
  std::size_t rule = 0;  ///< index in RuleSet::rules
};

}  // namespace

/// Every pattern of the rules, compiled once however many artifacts it is used for.
class TextRules::PatternStore {
 public:
  /// Null for a pattern that RE2 refuses; rule files were checked when they were read.
  const Pattern* get(const std::string& text) {
    auto& slot = patterns_[text];
    if (!slot) {
      auto compiled = Pattern::compile(text);
      if (!compiled) return nullptr;
      slot = std::move(*compiled);
    }
    return slot.get();
  }

 private:
  std::unordered_map<std::string, std::unique_ptr<Pattern>> patterns_;
};

struct TextRules::RuleSet {
  /// Patterns that are looked for together, and what each stands for.
  struct Patterns {
    std::vector<Meaning> meanings;
    std::optional<Matcher> matcher;
  };

  std::vector<const Rule*> rules;
  bool settles = false;  ///< whether one of them asks how long a file goes on behind its hit
  Patterns hits;  ///< with markers and packed messages
  /// Apart, because healthy logs are full of them: they are looked for only where there is something to recover from.
  Patterns recoveries;
  std::vector<std::vector<const Pattern*>> harmless;  ///< per rule: what takes a line out

  RuleSet(std::vector<const Rule*> chosen, PatternStore& store) : rules(std::move(chosen)) {
    std::vector<const Pattern*> hit_patterns, recovery_patterns;
    const auto add = [&](const std::string& text, Role role, std::size_t rule) {
      const Pattern* pattern = store.get(text);
      if (pattern == nullptr) return;
      const bool recovery = role == Role::recovery;
      (recovery ? recovery_patterns : hit_patterns).push_back(pattern);
      (recovery ? recoveries : hits).meanings.push_back({role, rule});
    };
    for (std::size_t i = 0; i < rules.size(); ++i) {
      for (const std::string& pattern : rules[i]->patterns) add(pattern, Role::hit, i);
      harmless.emplace_back();
      for (const Unless& unless : rules[i]->unless) {
        if (unless.on == Unless::On::line) harmless[i].push_back(store.get(unless.pattern));
        if (unless.on == Unless::On::after) add(unless.pattern, Role::recovery, i);
        if (unless.on == Unless::On::artifact) add(unless.pattern, Role::marker, i);
      }
    }
    settles = std::any_of(rules.begin(), rules.end(), [](const Rule* rule) { return rule->settle.has_value(); });
    add(std::string(kPackedMessage), Role::packed, 0);
    hits.matcher.emplace(std::move(hit_patterns));
    recoveries.matcher.emplace(std::move(recovery_patterns));
  }
};

namespace {

/// The hits of one rule on one component in one file.
struct Group {
  Values values;
  std::uint64_t count = 0;
  std::uint64_t last_line = 0;
  std::optional<Time> first, last;
  bool reached = false;           ///< the rule's threshold was met
  std::deque<Time> recent;        ///< times inside the threshold's window
  std::vector<Evidence> oldest;   ///< the first two excerpts …
  std::deque<Evidence> newest;    ///< … and the last three
};

struct RuleState {
  std::map<std::string, Group> groups;
  std::uint64_t hits = 0;
  std::uint64_t last_hit = 0;       ///< its line number
  const char* last_text = nullptr;  ///< where the text of the last hit lies
  std::uint64_t last_recovery = 0;  ///< its line number
  bool marker = false;
};

class TextScan : public Scan {
 public:
  using Patterns = TextRules::RuleSet::Patterns;

  TextScan(const Artifact& artifact, const TextRules::RuleSet& set, const RedactLine& redact)
      : artifact_(artifact), set_(set), redact_(redact), states_(set.rules.size()) {
  }

  void block(const Block& block, std::uint64_t first_line) override {
    block_ = block.text;
    constexpr std::size_t kEndBytes = 4 << 10;
    if (set_.settles) end_ = block_.substr(block_.size() - std::min(block_.size(), kEndBytes));
    search(set_.hits, nullptr, first_line);
    const std::vector<bool> wanted = wanted_recoveries();
    if (std::find(wanted.begin(), wanted.end(), true) != wanted.end()) search(set_.recoveries, &wanted, first_line);
  }

  void finish(Insights& insights) override {
    const std::optional<Time> end = time_of_end();
    for (std::size_t i = 0; i < states_.size(); ++i) {
      if (!states_[i] || states_[i]->marker) continue;
      fold_unnamed(states_[i]->groups, set_.rules[i]->component);
      for (auto& [component, group] : states_[i]->groups) {
        if (group.reached && states_[i]->last_recovery <= group.last_line) {
          const Rule& rule = *set_.rules[i];
          const bool open = rule.settle && group.last && end && *end - *group.last < *rule.settle;
          insights.findings.push_back(make(rule, group));
          if (open) insights.findings.back().severity = Severity::info;
        }
      }
    }
  }

 private:
  /// The latest time in the last lines of the file.
  std::optional<Time> time_of_end() const {
    std::optional<Time> latest;
    for (std::string_view line : split_lines(end_)) {
      const auto stamp = find_stamp(line, artifact_.modified.value_or(now()));
      if (stamp && (!latest || stamp->time > *latest)) latest = stamp->time;
    }
    return latest;
  }

  void search(const Patterns& patterns, const std::vector<bool>* wanted, std::uint64_t first_line) {
    patterns.matcher->find(block_, candidates_, wanted);
    counted_to_ = 0;
    line_number_ = first_line;
    in_rule_order(candidates_);
    for (const Candidate& candidate : candidates_) {
      line_number_ += count_lines(block_.substr(counted_to_, candidate.line_begin - counted_to_));
      counted_to_ = candidate.line_begin;
      std::string_view text = block_.substr(candidate.line_begin, candidate.line_end - candidate.line_begin);
      if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
      match(patterns, candidate.pattern, text, text);
    }
  }

  std::vector<bool> wanted_recoveries() const {
    std::vector<bool> wanted;
    for (const Meaning& meaning : set_.recoveries.meanings) {
      const RuleState* state = states_[meaning.rule].get();
      wanted.push_back(state != nullptr && state->last_recovery < state->last_hit);
    }
    return wanted;
  }

  /// A rule's patterns stand in its file from the precise to the general: the first that matches a line speaks for it.
  static void in_rule_order(std::vector<Candidate>& candidates) {
    std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      return std::pair(a.line_begin, a.pattern) < std::pair(b.line_begin, b.pattern);
    });
  }

  /// Where one component was named, the lines that name none are about it too: a record spans several lines.
  static void fold_unnamed(std::map<std::string, Group>& groups, const std::string& unnamed) {
    const auto general = groups.find(unnamed);
    if (groups.size() != 2 || general == groups.end()) return;
    Group rest = std::move(general->second);
    groups.erase(general);
    Group& named = groups.begin()->second;
    named.count += rest.count;
    named.last_line = std::max(named.last_line, rest.last_line);
    named.reached = named.reached || rest.reached;
    if (rest.first && (!named.first || *rest.first < *named.first)) named.first = rest.first;
    if (rest.last && (!named.last || *rest.last > *named.last)) named.last = rest.last;
    for (Evidence& evidence : rest.oldest) keep(named, std::move(evidence));
    for (Evidence& evidence : rest.newest) keep(named, std::move(evidence));
  }

  RuleState& state_of(std::size_t rule) {
    if (!states_[rule]) states_[rule] = std::make_unique<RuleState>();
    return *states_[rule];
  }

  /// `text` is what is matched; `line` is the line of the file it stands in or was unpacked from.
  void match(const Patterns& patterns, std::size_t pattern, std::string_view text, std::string_view line) {
    const Meaning& meaning = patterns.meanings[pattern];
    if (meaning.role == Role::packed) return match_packed(line);
    const re2::RE2& regex = patterns.matcher->pattern(pattern);
    RuleState& state = state_of(meaning.rule);
    if (meaning.role == Role::marker && state.marker) return;
    if (meaning.role == Role::hit && state.last_hit == line_number_ && state.last_text == text.data()) return;
    const bool named = state.hits < kMaxNamedHits;
    const int groups = named ? 1 + regex.NumberOfCapturingGroups() : 1;
    captures_.assign(static_cast<std::size_t>(groups), {});
    if (!regex.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), re2::RE2::UNANCHORED, captures_.data(),
                     named ? groups : 0)) {
      return;
    }
    if (meaning.role == Role::recovery) {
      state.last_recovery = std::max(state.last_recovery, line_number_);
    } else if (meaning.role == Role::marker) {
      state.marker = true;
    } else if (!is_harmless(meaning.rule, text)) {
      hit(meaning.rule, regex, text, line, named);
    }
  }

  bool is_harmless(std::size_t rule, std::string_view text) const {
    const auto& patterns = set_.harmless[rule];
    return std::any_of(patterns.begin(), patterns.end(), [&](const Pattern* pattern) {
      return pattern != nullptr && re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern->regex());
    });
  }

  void match_packed(std::string_view line) {
    const auto unpacked = unpack_message(line);
    if (!unpacked) return;
    const std::string text = redact_(*unpacked);
    for (const Patterns* patterns : {&set_.hits, &set_.recoveries}) {
      std::vector<Candidate> inside;
      patterns->matcher->find(text, inside);
      in_rule_order(inside);
      for (const Candidate& candidate : inside) {
        if (patterns->meanings[candidate.pattern].role == Role::packed) continue;
        const std::string_view found(text.data() + candidate.line_begin, candidate.line_end - candidate.line_begin);
        match(*patterns, candidate.pattern, found, line);
      }
    }
  }

  /// What was captured is in `captures_`.
  void hit(std::size_t rule, const re2::RE2& regex, std::string_view text, std::string_view line, bool named) {
    RuleState& state = state_of(rule);
    ++state.hits;
    state.last_hit = line_number_;
    state.last_text = text.data();
    Values values;
    std::string component = set_.rules[rule]->component;
    if (named) {
      for (const auto& [index, name] : regex.CapturingGroupNames()) {
        const re2::StringPiece& capture = captures_[static_cast<std::size_t>(index)];
        std::string value = shorten(printable(std::string_view(capture.data(), capture.size())), 200);
        if (name == "component" && !value.empty()) component = value;
        values.emplace_back(name, std::move(value));
      }
    }
    if (!named || (state.groups.size() >= kMaxComponents && !state.groups.contains(component))) {
      component = state.groups.empty() ? component : state.groups.rbegin()->first;
    }
    component = with_version(std::move(component));
    std::erase_if(values, [](const auto& value) { return value.first == "component"; });
    values.emplace_back("component", component);
    Group& group = state.groups[component];
    if (group.count == 0) group.values = std::move(values);
    if (named && component == "WALinuxAgent") name_agent_version(group);
    if (named) name_handler_version(group, component, text);
    const std::optional<Stamp> stamp = stamp_of(line);
    count(*set_.rules[rule], group, stamp);
    if (named) keep(group, excerpt(captures_[0], text, stamp));
    if (named && group.count == 1 && set_.rules[rule]->record && line.data() == text.data()) {
      for (Evidence& output : last_output(text, stamp)) keep(group, std::move(output));
    }
  }

  /// What the command of a record wrote last, to stdout and to stderr:
  ///
  ///     … message=[ExtensionOperationError] Non-zero exit code: 51, …/shim.sh -install
  ///     [stdout]
  ///     2024/01/16 19:00:37 […] Install,failed,51,Unsupported operating system: debian 12
  ///
  ///     [stderr]
  ///       import crypt
  ///
  /// The agent ends a record with `, duration=…` or begins the next with its own time, which has a fraction.
  std::vector<Evidence> last_output(std::string_view text, const std::optional<Stamp>& stamp) const {
    static const re2::RE2 next_record(
        R"(^\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d\.\d+Z? (INFO|WARNING|ERROR|VERBOSE) )");
    std::vector<Evidence> found;
    std::size_t at = static_cast<std::size_t>(text.data() - block_.data()) + text.size();
    bool output = false;
    Line last;
    const auto close = [&] {
      if (!last.text.empty()) found.push_back(evidence_of(artifact_, last, stamp));
      last = {};
    };
    for (std::uint64_t below = 1; below <= kMaxRecordLines; ++below) {
      at = block_.find('\n', at);
      if (at == std::string_view::npos) break;
      const std::size_t begin = ++at;
      const std::string_view one = trim(block_.substr(begin, block_.find('\n', begin) - begin));
      const re2::StringPiece head(one.data(), std::min<std::size_t>(one.size(), 64));
      if (one.starts_with(", duration=") || re2::RE2::PartialMatch(head, next_record)) break;
      if (one == "[stdout]" || one == "[stderr]") {
        close();
        output = true;
      } else if (output && !one.empty()) {
        last = {one, line_number_ + below, false};
      }
    }
    close();
    return found;
  }

  /// Support asks which version it is: `VMSnapshotLinux` becomes `Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9225.0` when
  /// a line shortly above tells it.
  std::string with_version(std::string component) const {
    constexpr std::string_view kName = "VMSnapshotLinux", kFullName = "Microsoft.Azure.RecoveryServices.VMSnapshotLinux-";
    if (component.find(kName) == std::string::npos || component.find(kFullName) != std::string::npos) return component;
    auto version = last_version(text_above(), kFullName);
    if (!version) version = last_version(text_below(), kFullName);
    return version ? std::string(kFullName) + std::string(version->second) : component;
  }

  /// The same for other handlers, `Microsoft.Azure.Extensions.CustomScript`, where the line itself does not tell the
  /// version. Hits stay one group over an update: the version at the first hit is named.
  void name_handler_version(Group& group, const std::string& component, std::string_view text) const {
    if (group.count != 0 || std::count(component.begin(), component.end(), '.') < 2) return;
    if (component.find_first_of(" /-") != std::string::npos || component[0] < 'A' || component[0] > 'Z') return;
    const std::string before = component + "-";
    if (text.find(before) != std::string_view::npos) return;
    const auto version = last_version(text_above(), before);
    const auto value =
        std::find_if(group.values.begin(), group.values.end(), [](const auto& v) { return v.first == "component"; });
    if (version && value != group.values.end()) value->second = before + std::string(version->second);
  }

  /// The agent's rules name `WALinuxAgent`; where a line shortly above tells which version runs, the finding says
  /// `WALinuxAgent-2.2.46`. Hits stay one group over an update of the agent: the newest version is named.
  void name_agent_version(Group& group) const {
    constexpr std::string_view kAgent = "WALinuxAgent";
    constexpr std::string_view kBefore[] = {"WALinuxAgent-", "Linux Agent Version:", "Goal State Agent version "};
    const auto component = std::find_if(group.values.begin(), group.values.end(), [](const auto& v) { return v.first == "component"; });
    if (component == group.values.end() || !component->second.starts_with(kAgent)) return;
    const std::string_view above = text_above();
    std::optional<std::pair<std::size_t, std::string_view>> newest;
    for (const std::string_view before : kBefore) newest = std::max(newest, last_version(above, before));
    if (newest) component->second = std::string(kAgent) + "-" + std::string(newest->second);
  }

  /// The line of the hit and what stands before it in this block.
  std::string_view text_above() const {
    constexpr std::size_t kLookBack = 64 << 10;
    const std::size_t line_end = std::min(block_.find('\n', counted_to_), block_.size());
    const std::size_t start = line_end > kLookBack ? line_end - kLookBack : 0;
    return block_.substr(start, line_end - start);
  }

  /// What stands below the hit: a traceback names the version that its first line does not.
  std::string_view text_below() const {
    constexpr std::size_t kLookAhead = 4 << 10;
    return block_.substr(std::min(counted_to_, block_.size()), kLookAhead);
  }

  /// Where the last version behind `before` stands, and the version: `1.0.9225.0`. Two parts are none: the "-1.0" in every line
  /// of extension.log is the handler's schema.
  static std::optional<std::pair<std::size_t, std::string_view>> last_version(std::string_view text, std::string_view before) {
    for (std::size_t at = text.rfind(before); at != std::string_view::npos; at = at == 0 ? at - 1 : text.rfind(before, at - 1)) {
      std::string_view version = text.substr(at + before.size());
      version = version.substr(0, version.find_first_not_of("0123456789."));
      while (version.ends_with('.')) version.remove_suffix(1);
      if (std::count(version.begin(), version.end(), '.') >= 2) return std::pair(at, version);
    }
    return std::nullopt;
  }

  void count(const Rule& rule, Group& group, const std::optional<Stamp>& stamp) {
    ++group.count;
    group.last_line = line_number_;
    if (stamp) {
      group.first = group.first ? std::min(*group.first, stamp->time) : stamp->time;
      group.last = group.last ? std::max(*group.last, stamp->time) : stamp->time;
    }
    if (group.reached) return;
    if (!rule.threshold_within || !stamp) {
      group.reached = group.count >= rule.threshold;
      return;
    }
    // Times go back where the clock was set, and where somebody picked lines out of several logs.
    const auto outside = [&](Time one) { return std::chrono::abs(stamp->time - one) > *rule.threshold_within; };
    std::erase_if(group.recent, outside);
    group.recent.push_back(stamp->time);
    group.reached = group.recent.size() >= rule.threshold;
  }

  /// The time of a line, else that of the record it belongs to: the nearest line above that has one.
  std::optional<Stamp> stamp_of(std::string_view line) const {
    const Time reference = artifact_.modified.value_or(now());
    if (auto stamp = find_stamp(line, reference)) return stamp;
    std::size_t begin = counted_to_;
    for (std::size_t i = 0; i < kMaxRecordLines && begin > 0; ++i) {
      const std::size_t newline = begin >= 2 ? block_.rfind('\n', begin - 2) : std::string_view::npos;
      const std::size_t above = newline == std::string_view::npos ? 0 : newline + 1;
      if (auto stamp = find_stamp(block_.substr(above, std::min<std::size_t>(begin - above, 96)), reference)) return stamp;
      begin = above;
    }
    return std::nullopt;
  }

  /// An excerpt around the match: all of the line where it is short enough.
  Evidence excerpt(const re2::StringPiece& matched, std::string_view text, const std::optional<Stamp>& stamp) const {
    constexpr std::size_t kBefore = 160;
    if (text.size() > kMaxExcerptBytes) {
      const auto at = static_cast<std::size_t>(matched.data() - text.data());
      if (at > kBefore && at + matched.size() > kMaxExcerptBytes) text.remove_prefix(at - kBefore);
    }
    while (!text.empty() && (static_cast<unsigned char>(text[0]) & 0xc0) == 0x80) text.remove_prefix(1);
    return evidence_of(artifact_, {text, line_number_, false}, stamp);
  }

  static void keep(Group& group, Evidence evidence) {
    if (group.oldest.size() < 2) {
      group.oldest.push_back(std::move(evidence));
      return;
    }
    group.newest.push_back(std::move(evidence));
    if (group.newest.size() > kMaxExcerpts - 2) group.newest.pop_front();
  }

  static Finding make(const Rule& rule, Group& group) {
    Finding finding = make_finding(rule, group.values);
    finding.count = group.count;
    finding.first_seen = group.first;
    finding.last_seen = group.last;
    finding.evidence = std::move(group.oldest);
    for (Evidence& evidence : group.newest) finding.evidence.push_back(std::move(evidence));
    return finding;
  }

  Artifact artifact_;
  const TextRules::RuleSet& set_;
  const RedactLine& redact_;
  std::vector<std::unique_ptr<RuleState>> states_;  ///< per rule; null before its first candidate, as it stays in most texts
  std::string end_;  ///< the last lines, where a rule asks how long the file goes on
  std::vector<Candidate> candidates_;
  std::vector<re2::StringPiece> captures_;  ///< here, because most candidates are none: memory for each would cost more than it
  std::string_view block_;
  std::size_t counted_to_ = 0;  ///< bytes of the block whose newlines are in `line_number_`
  std::uint64_t line_number_ = 1;
};

}  // namespace

TextRules::TextRules(const RuleBase& rules, RedactLine redact) : rules_(rules), redact_(std::move(redact)), store_(std::make_unique<PatternStore>()) {}
TextRules::~TextRules() = default;

std::vector<const Rule*> TextRules::rules_of(const Artifact& artifact) const {
  const auto applies = [&](const Rule& rule) {
    return rule.applies_to(artifact.id) || (artifact.by_content && rule.applies_to("text.unknown"));
  };
  std::vector<const Rule*> chosen;
  for (const Rule& rule : rules_.rules()) {
    if (!rule.patterns.empty() && applies(rule)) chosen.push_back(&rule);
  }
  return chosen;
}

const TextRules::RuleSet& TextRules::rule_set(const Artifact& artifact) const {
  const std::lock_guard lock(mutex_);
  const RuleSet*& known = set_of_[{artifact.id, artifact.by_content}];
  if (known == nullptr) {
    const std::vector<const Rule*> chosen = rules_of(artifact);
    auto& set = sets_[chosen];
    if (!set) set = std::make_unique<RuleSet>(chosen, *store_);
    known = set.get();
  }
  return *known;
}

std::unique_ptr<Scan> TextRules::scan(const Artifact& artifact) const {
  if (artifact.format != Format::text && artifact.format != Format::json) return nullptr;
  if (is_superseded(artifact)) return nullptr;
  return std::make_unique<TextScan>(artifact, rule_set(artifact), redact_);
}

std::vector<std::string> text_patterns(const RuleBase& rules) {
  std::vector<std::string> patterns{std::string(kPackedMessage)};
  for (const Rule& rule : rules.rules()) {
    patterns.insert(patterns.end(), rule.patterns.begin(), rule.patterns.end());
    for (const Unless& unless : rule.unless) patterns.push_back(unless.pattern);
  }
  return patterns;
}

std::vector<std::string> patterns_tried_on_every_line(const Rule& rule) {
  std::vector<std::string> patterns = rule.patterns;
  patterns.insert(patterns.end(), rule.wordings.begin(), rule.wordings.end());
  for (const Unless& unless : rule.unless) {
    if (unless.on != Unless::On::line) patterns.push_back(unless.pattern);
  }
  std::erase_if(patterns, [](const std::string& text) {
    const auto pattern = Pattern::compile(text);
    return !pattern || !(*pattern)->anchors().empty();
  });
  return patterns;
}

std::optional<std::string> unpack_message(std::string_view line) {
  constexpr std::string_view kStart = "message=eJ";
  const std::size_t start = line.find(kStart);
  if (start == std::string_view::npos) return std::nullopt;
  std::string_view packed = line.substr(start + kStart.size() - 2);
  packed = packed.substr(0, packed.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="));
  const auto bytes = decode_base64(packed);
  if (!bytes) return std::nullopt;
  std::string text(kMaxUnpackedBytes, '\0');
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes->data()));  // zlib takes, but does not write, non-const
  stream.avail_in = static_cast<uInt>(bytes->size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  inflate(&stream, Z_SYNC_FLUSH);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace vmtriage
