#include "analyzers/event_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <deque>
#include <map>
#include <system_error>
#include <thread>

#include "analyzers/event_export.h"
#include "analyzers/evtx/reader.h"
#include "analyzers/evtx_feed.h"

namespace vmtriage {
namespace {

constexpr std::size_t kMaxComponents = 64;
/// A text with so few events was put together by hand.
constexpr std::size_t kFewEvents = 5;
constexpr std::uint32_t kSqlFrozen = 3197;
constexpr std::uint32_t kSqlResumed = 3198;

/// What every shape of an exported event has: where none of it occurs, a text need not be taken apart.
/// Each has a literal of seven bytes or more, or the matcher would take every line.
constexpr std::string_view kMarks[] = {"(?i)(event id|eventid)",
                                       "イベント ID",
                                       "(?i)ereignis-id",
                                       "ID de l.{1,3}événement",
                                       "<Event xmlns",
                                       "(?i)providername",
                                       "(?i)instanceid",
                                       "(?i)leveldisplayname",
                                       "I/O is frozen on database",
                                       "I/O was resumed on database"};
constexpr std::size_t kFirstSqlMark = 8;

/// The database in "I/O is frozen on database model. No user action is required."
std::string database_of(const Event& event) {
  if (!event.data.empty()) return std::string(event.data.front().second);
  constexpr std::string_view kBefore = "on database ";
  const std::size_t at = event.message.find(kBefore);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = event.message.substr(at + kBefore.size());
  return std::string(rest.substr(0, rest.find_first_of(". \n")));
}

/// What an event did not tell leaves "()" where a text shows it.
void drop_empty_brackets(std::string& text) {
  constexpr std::string_view kEmpty = " ()";
  for (std::size_t at = text.find(kEmpty); at != std::string::npos; at = text.find(kEmpty, at))
    text.erase(at, kEmpty.size());
}

bool is_sql_server(std::string_view provider) { return starts_with_no_case(provider, "MSSQL"); }

/// The hits of one rule on one component in one log.
struct Group {
  Values values;
  std::uint64_t count = 0;
  std::optional<Time> first, last;
  bool reached = false;
  std::deque<Time> recent;       ///< times inside the threshold's window
  std::vector<Evidence> oldest;  ///< the first two …
  std::deque<Evidence> newest;   ///< … and the last three
};

/// An event with what is known about where it stands.
struct Sighting {
  const Event& event;
  KnownHead head;
  std::optional<Time> time;
  Clock clock = Clock::utc;
  std::optional<std::uint64_t> line;
};

/// Collects the hits of one log.
class Hits {
 public:
  Hits(const Artifact& artifact, const EventMatcher& matcher, const RuleBase& rules, const RedactLine* redact)
      : artifact_(artifact), matcher_(matcher), rules_(rules), redact_(redact) {}

  void add(const Sighting& seen) {
    ++events_;
    const EventDetails details(seen.event);
    if (seen.time) freezes_.seen(*seen.time);
    if (computer_.empty()) computer_ = seen.event.computer;
    pair_freezes(seen, details);
    std::vector<EventHit> hits = matcher_.match(seen.event, details, seen.head);
    const bool special = std::any_of(hits.begin(), hits.end(), [](const EventHit& hit) { return !hit.rule->fallback; });
    for (EventHit& hit : hits) {
      if (!special || !hit.rule->fallback) add_hit(hit, seen, details);
    }
  }

  /// `picked` tells that the log is a text that somebody may have put together.
  void finish(bool picked, EventTimeline& timeline, Insights& insights) {
    const bool few = picked && events_ <= kFewEvents;
    const bool serious = std::any_of(groups_.begin(), groups_.end(), [](const auto& entry) {
      return entry.second.reached && entry.first.first->severity >= Severity::warning;
    });
    std::vector<Finding> findings;
    for (auto& [key, group] : groups_) {
      const Rule& rule = *key.first;
      const bool raised = few && rule.alone && !serious;
      if (!group.reached && !raised) continue;
      findings.push_back(make(rule, group));
      if (raised) findings.back().severity = std::max(*rule.alone, rule.severity);
    }
    freezes_.finish(rules_, findings);
    for (Finding& finding : findings) {
      if (is_wanted(finding, findings)) insights.findings.push_back(finding);
    }
    for (Finding& finding : timeline.add(std::move(computer_), std::move(signals_))) {
      insights.findings.push_back(std::move(finding));
    }
  }

 private:
  void add_hit(EventHit& hit, const Sighting& seen, const EventDetails& details) {
    const Rule& rule = *hit.rule;
    for (auto& [name, value] : hit.values) value = clean(shorten(printable(value), 200));
    auto at = std::find_if(hit.values.begin(), hit.values.end(), [](const auto& v) { return v.first == "component"; });
    std::string component = at->second;
    auto found = groups_.find({&rule, component});
    if (found == groups_.end()) {
      std::size_t& components = components_[&rule];
      // An attacker's or a broken log must not hold a million components; the rest counts with the last.
      if (components >= kMaxComponents) return;
      ++components;
      found = groups_.emplace(std::make_pair(&rule, component), Group{}).first;
      found->second.values = hit.values;
    }
    const Evidence evidence = evidence_for(seen, details);
    count(rule, found->second, seen.time);
    keep(found->second, evidence);
    add_signal(rule, hit, seen, evidence);
  }

  void add_signal(const Rule& rule, const EventHit& hit, const Sighting& seen, const Evidence& evidence) {
    const auto kind = parse_signal(rule.signal);
    if (!kind || !seen.time || signals_.size() >= EventTimeline::kMaxSignals) return;
    Signal signal{*kind, *seen.time, {}, {}, {}, evidence};
    signal.label = std::string(seen.event.provider) + " " + std::to_string(seen.event.event_id);
    for (const auto& [name, value] : hit.values) {
      if (name == "component") signal.component = value;
      if (name == "service") signal.service = value;
    }
    signals_.push_back(std::move(signal));
  }

  void pair_freezes(const Sighting& seen, const EventDetails& details) {
    const bool worded = !seen.head.id && details.text.find("on database ") != std::string::npos;
    if (!seen.time || (!worded && !is_sql_server(seen.event.provider))) return;
    const std::string database = clean(database_of(seen.event));
    if (seen.event.event_id == kSqlFrozen || (worded && details.text.find("I/O is frozen") != std::string::npos)) {
      freezes_.frozen(database, *seen.time, evidence_for(seen, details));
    } else if (seen.event.event_id == kSqlResumed ||
               (worded && details.text.find("I/O was resumed") != std::string::npos)) {
      freezes_.resumed(database, *seen.time);
    }
  }

  static void count(const Rule& rule, Group& group, const std::optional<Time>& time) {
    ++group.count;
    if (time) {
      group.first = group.first ? std::min(*group.first, *time) : *time;
      group.last = group.last ? std::max(*group.last, *time) : *time;
    }
    if (group.reached) return;
    if (!rule.threshold_within || !time) {
      group.reached = group.count >= rule.threshold;
      return;
    }
    group.recent.push_back(*time);
    // Event Viewer exports the newest first: the window is as wide in both directions.
    const auto inside = [&](Time one) { return std::chrono::abs(*time - one) <= *rule.threshold_within; };
    while (!inside(group.recent.front())) group.recent.pop_front();
    group.reached = group.recent.size() >= rule.threshold;
  }

  static void keep(Group& group, const Evidence& evidence) {
    if (group.oldest.size() < 2) {
      group.oldest.push_back(evidence);
      return;
    }
    group.newest.push_back(evidence);
    if (group.newest.size() > kMaxExcerpts - 2) group.newest.pop_front();
  }

  static Finding make(const Rule& rule, Group& group) {
    Finding finding = make_finding(rule, group.values);
    for (std::string* text : {&finding.title.en, &finding.title.ja, &finding.advice.en, &finding.advice.ja}) {
      drop_empty_brackets(*text);
    }
    finding.count = group.count;
    finding.first_seen = group.first;
    finding.last_seen = group.last;
    finding.evidence = std::move(group.oldest);
    for (Evidence& evidence : group.newest) finding.evidence.push_back(std::move(evidence));
    return finding;
  }

  bool is_wanted(const Finding& finding, const std::vector<Finding>& all) const {
    const Rule* rule = rules_.find(finding.rule_id);
    if (rule == nullptr || rule->beside.empty()) return true;
    return std::any_of(all.begin(), all.end(), [&](const Finding& other) {
      return other.rule_id != finding.rule_id && other.rule_id.starts_with(rule->beside);
    });
  }

  /// `VSS 8229: 0x800423f4, The writer …; … Writer Name: SqlServerWriter`; what names the writer is kept when the rest
  /// is cut.
  Evidence evidence_for(const Sighting& seen, const EventDetails& details) const {
    constexpr std::size_t kTailBytes = 120;
    std::string text;
    if (seen.head.provider) text.append(seen.event.provider);
    if (seen.head.id) text += (text.empty() ? "" : " ") + std::to_string(seen.event.event_id);
    if (!text.empty()) text += ": ";
    text += details.text;
    text = printable(clean(text.substr(0, 8 * kMaxExcerptBytes)));
    const std::string& writer = details.context.writer_name;
    if (text.size() > kMaxExcerptBytes && !writer.empty()) {
      std::string head = shorten(text, kMaxExcerptBytes - kTailBytes);
      if (head.find(writer) == std::string::npos)
        text = head + " Writer Name: " + clean(shorten(printable(writer), 80));
    }
    Evidence evidence;
    evidence.artifact = artifact_.id;
    evidence.origin = artifact_.origin;
    evidence.line = seen.line;
    if (seen.event.record_id != 0) evidence.record_id = seen.event.record_id;
    evidence.time = seen.time;
    if (seen.time) evidence.clock = seen.clock;
    evidence.excerpt = shorten(text, kMaxExcerptBytes);
    return evidence;
  }

  std::string clean(std::string text) const { return redact_ == nullptr ? std::move(text) : (*redact_)(text); }

  const Artifact& artifact_;
  const EventMatcher& matcher_;
  const RuleBase& rules_;
  const RedactLine* redact_;  ///< null: the text was redacted before
  std::map<std::pair<const Rule*, std::string>, Group> groups_;
  std::map<const Rule*, std::size_t> components_;
  std::vector<Signal> signals_;
  SqlFreezes freezes_;
  std::string computer_;
  std::size_t events_ = 0;
};

/// `volsnap` of a name in a log, as rules compare it.
void plain_ascii(std::string_view utf16, std::string& plain) {
  plain.clear();
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) plain += utf16[i + 1] == '\0' ? utf16[i] : '?';
  plain = plain_provider(plain);
}

/// An event log; it is read by a thread of its own, because its reader asks for bytes and a scan is given them.
class EvtxScan : public Scan {
 public:
  EvtxScan(const Artifact& artifact, const EventMatcher& matcher, const RuleBase& rules, const RedactLine& redact,
           EventTimeline& timeline)
      : artifact_(artifact), matcher_(matcher), hits_(artifact_, matcher, rules, &redact), timeline_(timeline) {}

  ~EvtxScan() override { stop(); }

  void block(const Block& block, std::uint64_t) override {
    if (!started_) start();
    if (thread_.joinable()) feed_.push(block.text);
  }

  void finish(Insights& insights) override {
    stop();
    if (error_) insights.errors.push_back(*error_);
    if (lost_ > 0) {
      insights.errors.push_back({ErrorCode::corrupt, "event log: " + std::to_string(damages_) + " damaged part(s), " +
                                                         format_size(lost_) +
                                                         " could not be read; the first: " + first_damage_});
    }
    hits_.finish(false, timeline_, insights);
  }

 private:
  void start() {
    started_ = true;
    try {
      thread_ = std::thread([this] { read(); });
    } catch (const std::system_error& error) {
      error_ = Error{ErrorCode::io, "event log: no thread to read it: " + std::string(error.what())};
    }
  }

  void stop() {
    feed_.end();
    if (thread_.joinable()) thread_.join();
  }

  void read() {
    EvtxInput input{feed_.reader(), nullptr};
    EvtxOptions options;
    options.damaged = [this](const EvtxDamage& damage) {
      if (damage.skipped == 0) return;
      if (damages_++ == 0) first_damage_ = damage.what + " at byte " + std::to_string(damage.offset);
      lost_ += damage.skipped;
    };
    EvtxConsumer consumer;
    consumer.wants = [this](const EventHead& head) { return wants(head); };
    consumer.event = [this](const Event& event) {
      hits_.add({event, {}, event.time_created, Clock::utc, std::nullopt});
      return false;
    };
    const auto summary = read_evtx(input, options, std::span(&consumer, 1));
    if (!summary) error_ = summary.error();
    feed_.leave();
  }

  bool wants(const EventHead& head) {
    const bool freeze = head.event_id == kSqlFrozen || head.event_id == kSqlResumed;
    if (!freeze && !matcher_.wants(head.event_id)) return false;
    plain_ascii(head.provider_utf16, provider_);
    return freeze ? is_sql_server(provider_) : matcher_.wants(provider_, head.event_id);
  }

  Artifact artifact_;
  const EventMatcher& matcher_;
  Hits hits_;  ///< used by the thread until it has ended
  EventTimeline& timeline_;
  BlockFeed feed_;
  std::thread thread_;
  bool started_ = false;
  std::string provider_;
  std::optional<Error> error_;
  std::uint64_t damages_ = 0;
  std::uint64_t lost_ = 0;
  std::string first_damage_;
};

/// A text that may hold exported events.
class EventTextScan : public Scan {
 public:
  EventTextScan(const Artifact& artifact, const EventMatcher& matcher, const Matcher& marks, const RuleBase& rules,
                EventTimeline& timeline)
      : artifact_(artifact),
        matcher_(matcher),
        marks_(marks),
        hits_(artifact_, matcher, rules, nullptr),
        timeline_(timeline),
        reader_([this](std::string_view provider) { return matcher_.knows(provider); },
                [this](const ExportedEvent& event) { take(event); }) {}

  void block(const Block& block, std::uint64_t first_line) override {
    marks_.find(block.text, found_);
    std::vector<std::size_t> starts = confirmed(marks_, kFirstSqlMark, block.text);
    const bool marked = !found_.empty();
    if (matcher_.wordings()) {
      matcher_.wordings()->find(block.text, found_);
      const auto worded = confirmed(*matcher_.wordings(), 0, block.text);
      starts.insert(starts.end(), worded.begin(), worded.end());
      std::sort(starts.begin(), starts.end());
    }
    if (!marked && starts.empty() && !reader_.is_inside()) return keep_end(block);
    each_line(Block{end_, false}, first_line - lines_in(end_), [&](const Line& line) { reader_.line(line); });
    end_.clear();
    auto next = starts.begin();
    each_line(block, first_line, [&](const Line& line) {
      const auto at = static_cast<std::size_t>(line.text.data() - block.text.data());
      while (next != starts.end() && *next < at) ++next;
      if (next != starts.end() && *next == at) reader_.start_message();
      reader_.line(line);
    });
  }

  void finish(Insights& insights) override {
    reader_.finish();
    hits_.finish(true, timeline_, insights);
  }

 private:
  /// Where lines begin that a pattern really matches.
  std::vector<std::size_t> confirmed(const Matcher& matcher, std::size_t first_pattern, std::string_view text) const {
    std::vector<std::size_t> begins;
    for (const Candidate& candidate : found_) {
      const std::string_view line = text.substr(candidate.line_begin, candidate.line_end - candidate.line_begin);
      if (candidate.pattern >= first_pattern &&
          re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), matcher.pattern(candidate.pattern))) {
        begins.push_back(candidate.line_begin);
      }
    }
    return begins;
  }

  static std::uint64_t lines_in(std::string_view text) {
    return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  }

  /// "Source:" may be the end of one block and "Event ID:", by which an export is known, the start of the next.
  void keep_end(const Block& block) {
    constexpr std::size_t kHeadBytes = 1 << 10;
    const std::size_t from = block.text.size() - std::min(block.text.size(), kHeadBytes);
    const std::size_t newline = from == 0 ? std::string_view::npos : block.text.find('\n', from);
    if (from > 0) end_.clear();
    end_ += from == 0                           ? block.text
            : newline == std::string_view::npos ? std::string_view()
                                                : block.text.substr(newline + 1);
    if (end_.size() > 2 * kHeadBytes) end_.erase(0, end_.find('\n', end_.size() - kHeadBytes) + 1);
  }

  void take(const ExportedEvent& exported) {
    const Event event = exported.view();
    std::optional<Time> time = exported.time;
    Clock clock = exported.clock;
    if (!time) {
      if (const auto stamp = find_stamp(event.message, artifact_.modified.value_or(now()))) {
        time = stamp->time;
        clock = stamp->clock;
      }
    }
    hits_.add({event, {!exported.provider.empty(), exported.id.has_value()}, time, clock, exported.line});
  }

  Artifact artifact_;
  const EventMatcher& matcher_;
  const Matcher& marks_;
  Hits hits_;
  EventTimeline& timeline_;
  EventExportReader reader_;
  std::vector<Candidate> found_;
  std::string end_;  ///< the last lines of a block that was not taken apart
};

Matcher compile_marks() {
  const std::vector<std::string> patterns(std::begin(kMarks), std::end(kMarks));
  return std::move(*Matcher::compile(patterns));
}

}  // namespace

struct EventRules::Compiled {
  explicit Compiled(const RuleBase& rules) : matcher(rules), marks(compile_marks()) {}
  EventMatcher matcher;
  Matcher marks;
};

EventRules::EventRules(const RuleBase& rules, RedactLine redact)
    : rules_(rules), redact_(std::move(redact)), timeline_(rules_) {}
EventRules::~EventRules() = default;

const EventRules::Compiled& EventRules::compiled() const {
  std::call_once(once_, [this] { compiled_ = std::make_unique<Compiled>(rules_); });
  return *compiled_;
}

std::unique_ptr<Scan> EventRules::scan(const Artifact& artifact) const {
  if (artifact.format == Format::evtx) {
    return std::make_unique<EvtxScan>(artifact, compiled().matcher, rules_, redact_, timeline_);
  }
  // Logs of programs have rules of their own; an event's text in them would be told twice.
  const bool foreign = artifact.id.find('.') != std::string::npos && !artifact.id.starts_with("windows.events.") &&
                       artifact.id != "text.unknown";
  if (artifact.format != Format::text || foreign) return nullptr;
  return std::make_unique<EventTextScan>(artifact, compiled().matcher, compiled().marks, rules_, timeline_);
}

}  // namespace vmtriage
