#include "analyzers/text_rules.h"

#include <re2/re2.h>
#include <zlib.h>

#include <algorithm>
#include <deque>

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

struct TextRules::RuleSet {
  std::vector<const Rule*> rules;
  std::vector<Meaning> meanings;  ///< one for every pattern of the matcher
  std::vector<std::vector<std::unique_ptr<re2::RE2>>> harmless;  ///< per rule: what takes a line out
  std::optional<Matcher> matcher;

  explicit RuleSet(std::vector<const Rule*> chosen) : rules(std::move(chosen)) {
    std::vector<std::string> patterns;
    const auto add = [&](const std::string& pattern, Role role, std::size_t rule) {
      patterns.push_back(pattern);
      meanings.push_back({role, rule});
    };
    for (std::size_t i = 0; i < rules.size(); ++i) {
      for (const std::string& pattern : rules[i]->patterns) add(pattern, Role::hit, i);
      harmless.emplace_back();
      for (const Unless& unless : rules[i]->unless) {
        if (unless.on == Unless::On::line) harmless[i].push_back(std::make_unique<re2::RE2>(unless.pattern, re2::RE2::Quiet));
        if (unless.on == Unless::On::after) add(unless.pattern, Role::recovery, i);
        if (unless.on == Unless::On::artifact) add(unless.pattern, Role::marker, i);
      }
    }
    add(std::string(kPackedMessage), Role::packed, 0);
    auto compiled = Matcher::compile(patterns);
    if (compiled) matcher.emplace(std::move(*compiled));  // every pattern was tried when its file was read
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
  std::uint64_t last_recovery = 0;  ///< its line number
  bool marker = false;
};

class TextScan : public Scan {
 public:
  TextScan(const Artifact& artifact, const TextRules::RuleSet& set, const RedactLine& redact)
      : artifact_(artifact), set_(set), redact_(redact), states_(set.rules.size()) {}

  void block(const Block& block, std::uint64_t first_line) override {
    if (!set_.matcher) return;
    set_.matcher->find(block.text, candidates_);
    counted_to_ = 0;
    line_number_ = first_line;
    block_ = block.text;
    // Handling a candidate may unpack a message and match that, which needs the vector: go by index over a copy.
    const std::vector<Candidate> candidates = candidates_;
    for (const Candidate& candidate : candidates) handle(candidate);
  }

  void finish(Insights& insights) override {
    for (std::size_t i = 0; i < states_.size(); ++i) {
      if (states_[i].marker) continue;
      for (auto& [component, group] : states_[i].groups) {
        if (group.reached && states_[i].last_recovery <= group.last_line) {
          insights.findings.push_back(make(*set_.rules[i], group));
        }
      }
    }
  }

 private:
  void handle(const Candidate& candidate) {
    line_number_ += static_cast<std::uint64_t>(
        std::count(block_.begin() + static_cast<std::ptrdiff_t>(counted_to_),
                   block_.begin() + static_cast<std::ptrdiff_t>(candidate.line_begin), '\n'));
    counted_to_ = candidate.line_begin;
    std::string_view text = block_.substr(candidate.line_begin, candidate.line_end - candidate.line_begin);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    match(candidate.pattern, text, text);
  }

  /// `text` is what is matched; `line` is the line of the file it stands in or was unpacked from.
  void match(std::size_t pattern, std::string_view text, std::string_view line) {
    const Meaning& meaning = set_.meanings[pattern];
    if (meaning.role == Role::packed) return match_packed(line);
    const re2::RE2& regex = set_.matcher->pattern(pattern);
    RuleState& state = states_[meaning.rule];
    const bool named = state.hits < kMaxNamedHits;
    const int groups = named ? 1 + regex.NumberOfCapturingGroups() : 1;
    std::vector<re2::StringPiece> captures(static_cast<std::size_t>(groups));
    if (!regex.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), re2::RE2::UNANCHORED, captures.data(),
                     named ? groups : 0)) {
      return;
    }
    if (meaning.role == Role::recovery) {
      state.last_recovery = line_number_;
    } else if (meaning.role == Role::marker) {
      state.marker = true;
    } else if (!is_harmless(meaning.rule, text)) {
      hit(meaning.rule, regex, captures, text, line, named);
    }
  }

  bool is_harmless(std::size_t rule, std::string_view text) const {
    const auto& patterns = set_.harmless[rule];
    return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
      return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *pattern);
    });
  }

  void match_packed(std::string_view line) {
    const auto unpacked = unpack_message(line);
    if (!unpacked) return;
    const std::string text = redact_(*unpacked);
    std::vector<Candidate> inside;
    set_.matcher->find(text, inside);
    for (const Candidate& candidate : inside) {
      if (set_.meanings[candidate.pattern].role == Role::packed) continue;
      match(candidate.pattern, std::string_view(text).substr(candidate.line_begin, candidate.line_end - candidate.line_begin),
            line);
    }
  }

  void hit(std::size_t rule, const re2::RE2& regex, const std::vector<re2::StringPiece>& captures, std::string_view text,
           std::string_view line, bool named) {
    RuleState& state = states_[rule];
    ++state.hits;
    Values values;
    std::string component = set_.rules[rule]->component;
    if (named) {
      for (const auto& [index, name] : regex.CapturingGroupNames()) {
        const re2::StringPiece& capture = captures[static_cast<std::size_t>(index)];
        std::string value = shorten(printable(std::string_view(capture.data(), capture.size())), 200);
        if (name == "component" && !value.empty()) component = value;
        values.emplace_back(name, std::move(value));
      }
    }
    if (!named || (state.groups.size() >= kMaxComponents && !state.groups.contains(component))) {
      component = state.groups.empty() ? component : state.groups.rbegin()->first;
    }
    std::erase_if(values, [](const auto& value) { return value.first == "component"; });
    values.emplace_back("component", component);
    Group& group = state.groups[component];
    if (group.count == 0) group.values = std::move(values);
    const std::optional<Stamp> stamp = stamp_of(line);
    count(*set_.rules[rule], group, stamp);
    if (named) keep(group, excerpt(captures[0], text, stamp));
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
    group.recent.push_back(stamp->time);
    while (!group.recent.empty() && group.recent.front() + *rule.threshold_within < stamp->time) group.recent.pop_front();
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
  std::vector<RuleState> states_;
  std::vector<Candidate> candidates_;
  std::string_view block_;
  std::size_t counted_to_ = 0;  ///< bytes of the block whose newlines are in `line_number_`
  std::uint64_t line_number_ = 1;
};

}  // namespace

TextRules::TextRules(const RuleBase& rules, RedactLine redact) : rules_(rules), redact_(std::move(redact)) {}
TextRules::~TextRules() = default;

const TextRules::RuleSet& TextRules::rule_set(const std::string& artifact_id) const {
  std::vector<const Rule*> chosen;
  for (const Rule& rule : rules_.rules()) {
    if (!rule.patterns.empty() && rule.applies_to(artifact_id)) chosen.push_back(&rule);
  }
  const std::lock_guard lock(mutex_);
  auto& set = sets_[chosen];
  if (!set) set = std::make_unique<RuleSet>(chosen);
  return *set;
}

std::unique_ptr<Scan> TextRules::scan(const Artifact& artifact) const {
  if (artifact.format != Format::text && artifact.format != Format::json) return nullptr;
  return std::make_unique<TextScan>(artifact, rule_set(artifact.id), redact_);
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
