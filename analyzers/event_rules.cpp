#include "analyzers/event_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <deque>

#include "agent/base/text.h"
#include "analyzers/console_text.h"
#include "analyzers/event_export.h"
#include "analyzers/event_hits.h"
#include "analyzers/event_rule_filter.h"
#include "analyzers/evtx/reader.h"
#include "analyzers/repeated_events.h"

namespace vmtriage {
namespace {

/// For less of a log another thread does not pay: it is read before that has begun.
constexpr std::uint64_t kShareOfLog = 2 << 20;

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

/// An event log.
class EvtxScan : public Scan {
 public:
  EvtxScan(const Artifact& artifact, const EventMatcher& matcher, const RuleBase& rules, const RedactLine& redact,
           EventTimeline& timeline)
      : artifact_(artifact), matcher_(matcher), hits_(artifact_, rules, &redact), timeline_(timeline) {}

  void pull(const ReadBytes& bytes, ThreadSlots& slots) override {
    EvtxInput input{bytes, nullptr};
    EvtxOptions options;
    options.slots = &slots;
    options.damaged = [this](const EvtxDamage& damage) {
      const std::string where = damage.what + " at byte " + std::to_string(damage.offset);
      if (damage.skipped == 0 && unsound_++ == 0) first_unsound_ = where;
      if (damage.skipped == 0) return;
      if (damages_++ == 0) first_damage_ = where;
      lost_ += damage.skipped;
    };
    const std::uint64_t shares = std::max<std::uint64_t>(1, artifact_.size.value_or(0) / kShareOfLog);
    std::deque<Reader> readers;
    while (readers.size() < std::min<std::uint64_t>(shares, slots.count())) readers.emplace_back(matcher_);
    std::vector<EvtxConsumer> consumers;
    for (Reader& reader : readers) consumers.push_back(consumer_of(reader));
    const auto summary = read_evtx(input, options, consumers);
    if (!summary && summary.error().code == ErrorCode::corrupt) error_ = summary.error();
    if (summary && summary->in_use) unsound_ = 0;
  }

  void finish(Insights& insights) override {
    if (error_) insights.errors.push_back(*error_);
    if (lost_ > 0) {
      insights.errors.push_back({ErrorCode::corrupt, "event log: " + std::to_string(damages_) + " damaged part(s), " +
                                                         format_size(lost_) +
                                                         " could not be read; the first: " + first_damage_});
    }
    if (lost_ == 0 && unsound_ > 0) {
      insights.errors.push_back(
          {ErrorCode::corrupt,
           "event log: " + std::to_string(unsound_) +
               " part(s) are not as Windows wrote them, read all the same; the first: " + first_unsound_});
    }
    hits_.finish(false, timeline_, insights);
  }

 private:
  /// What one of the threads needs that read the log.
  struct Reader {
    explicit Reader(const EventMatcher& matcher) : filter(matcher), notes(matcher) {}

    /// Whether the event must be decoded.
    bool wants(const EventHead& head) {
      if (!filter.wants(head)) return false;
      if (!repeated.knows(head)) return true;
      notes.add_again(repeated.meaning(), head.time_created(), head.record_id());
      return false;
    }

    EventRuleFilter filter;
    RepeatedEvents repeated;
    EventNotes notes;
  };

  EvtxConsumer consumer_of(Reader& reader) {
    EvtxConsumer consumer;
    consumer.ids = &matcher_.ids();
    consumer.wants = [&reader](const EventHead& head) { return reader.wants(head); };
    consumer.event = [&reader](const Event& event) {
      reader.repeated.remember(reader.notes.add({event, {}, event.time_created, Clock::utc, std::nullopt}));
      return false;
    };
    consumer.commit = [this, &reader] {
      hits_.take(reader.notes);
      return true;
    };
    return consumer;
  }

  Artifact artifact_;
  const EventMatcher& matcher_;
  EventHits hits_;  ///< changed by the thread whose part of the log is next
  EventTimeline& timeline_;
  std::optional<Error> error_;
  std::uint64_t damages_ = 0;
  std::uint64_t lost_ = 0;
  std::string first_damage_;
  std::uint64_t unsound_ = 0;  ///< parts that were read although a checksum is wrong
  std::string first_unsound_;
};

/// A text that may hold exported events.
class EventTextScan : public Scan {
 public:
  EventTextScan(const Artifact& artifact, const EventMatcher& matcher, const Matcher& marks, const RuleBase& rules,
                EventTimeline& timeline)
      : artifact_(artifact),
        matcher_(matcher),
        marks_(marks),
        hits_(artifact_, rules, nullptr),
        notes_(matcher),
        timeline_(timeline),
        reader_([this](std::string_view provider) { return matcher_.knows(provider); },
                [this](const ExportedEvent& event) { take(event); }) {}

  void block(const Block& block, std::uint64_t first_line) override {
    in_code_page_ = in_code_page_ || is_in_code_page(block.text);
    if (!in_code_page_) return read(block, first_line);
    const std::string text = decode_console(block.text);
    read(Block{text, block.cut}, first_line);
  }

  void finish(Insights& insights) override {
    reader_.finish();
    if (const auto& broken = reader_.broken()) {
      insights.errors.push_back(
          {ErrorCode::corrupt, "exported events: " + std::to_string(broken->count) +
                                   " <Event> without an end or not well-formed, left out; the first in line " +
                                   std::to_string(broken->line)});
    }
    hits_.finish(true, timeline_, insights);
  }

 private:
  /// Whether the first lines are no UTF-8: what a console program wrote into a file is in its code page.
  static bool is_in_code_page(std::string_view text) {
    constexpr std::size_t kHeadBytes = 16 << 10;
    if (text.size() > kHeadBytes) text = text.substr(0, text.rfind('\n', kHeadBytes) + 1);
    return !is_valid_utf8(text);
  }

  void read(const Block& block, std::uint64_t first_line) {
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
    notes_.add({event, {!exported.provider.empty(), exported.id.has_value()}, time, clock, exported.line, exported.label});
    hits_.take(notes_);
  }

  Artifact artifact_;
  const EventMatcher& matcher_;
  const Matcher& marks_;
  EventHits hits_;
  EventNotes notes_;
  EventTimeline& timeline_;
  EventExportReader reader_;
  std::vector<Candidate> found_;
  std::string end_;  ///< the last lines of a block that was not taken apart
  bool in_code_page_ = false;
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

void EventRules::conclude(Insights& insights) const {
  for (Finding& finding : timeline_.conclude()) insights.findings.push_back(std::move(finding));
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

std::vector<std::string> event_patterns(const RuleBase& rules) {
  std::vector<std::string> patterns(std::begin(kMarks), std::end(kMarks));
  for (const Rule& rule : rules.rules()) patterns.insert(patterns.end(), rule.wordings.begin(), rule.wordings.end());
  return patterns;
}

}  // namespace vmtriage
