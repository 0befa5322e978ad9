#include "analyzers/event_hits.h"

#include <algorithm>
#include <cstddef>
#include <functional>

#include "analyzers/windows_runs.h"

namespace vmtriage {
namespace {

constexpr std::size_t kMaxComponents = 64;
/// Of one log: each keeps up to five quotes.
constexpr std::size_t kMaxGroups = 1024;
/// A text with so few events was put together by hand.
constexpr std::size_t kFewEvents = 5;
/// Redaction makes most secrets shorter: what is cut here must not begin inside the excerpt.
constexpr std::size_t kMaxQuoteBytes = 8 * kMaxExcerptBytes;

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

QuotedWords words_of(const Sighting& seen, const EventDetails& details) {
  QuotedWords words;
  if (seen.head.provider) words.label.append(seen.event.provider);
  if (seen.head.id) words.label.append(words.label.empty() ? "" : " ").append(std::to_string(seen.event.event_id));
  words.text = details.text().substr(0, kMaxQuoteBytes);
  // As it stands there: who looks for the words finds them.
  if (!seen.label.empty()) words.text = flatten(seen.label) + " " + words.text;
  constexpr std::size_t kLongestEscape = 4;  // \x1B
  const bool may_be_cut = kLongestEscape * (words.label.size() + words.text.size()) > kMaxExcerptBytes;
  // VSS names the writer far behind the beginning of its text.
  if (may_be_cut) words.writer = details.context().writer_name;
  return words;
}

}  // namespace

void EventNotes::clear() {
  notes_.clear();
  events_ = 0;
  latest_.reset();
  computer_.clear();
}

void EventNotes::note_time(const std::optional<Time>& time) {
  ++events_;
  if (time) latest_ = std::max(latest_.value_or(*time), *time);
}

std::shared_ptr<const EventMeaning> EventNotes::add(const Sighting& seen) {
  note_time(seen.time);
  if (computer_.empty()) computer_ = seen.event.computer;
  const EventDetails details(seen.event);
  auto meaning = std::make_shared<EventMeaning>(meaning_of(seen, details));
  if (meaning->hits.empty() && !meaning->frozen && !meaning->resumed) return nullptr;
  meaning->words = std::make_shared<const QuotedWords>(words_of(seen, details));
  Quote quote{meaning->words, seen.line, std::nullopt, seen.time, seen.time ? seen.clock : Clock::utc};
  if (seen.event.record_id != 0) quote.record_id = seen.event.record_id;
  notes_.push_back({meaning, std::move(quote)});
  return meaning;
}

void EventNotes::add_again(std::shared_ptr<const EventMeaning> meaning, Time time, std::uint64_t record_id) {
  note_time(time);
  if (meaning == nullptr) return;
  Quote quote{meaning->words, std::nullopt, std::nullopt, time, Clock::utc};
  if (record_id != 0) quote.record_id = record_id;
  notes_.push_back({std::move(meaning), std::move(quote)});
}

EventMeaning EventNotes::meaning_of(const Sighting& seen, const EventDetails& details) {
  EventMeaning meaning;
  pair_freezes(seen, details, meaning);
  std::vector<EventHit> hits = matcher_.match(seen.event, details, seen.head);
  const bool special = std::any_of(hits.begin(), hits.end(), [](const EventHit& hit) { return !hit.rule->fallback; });
  for (EventHit& hit : hits) {
    if (!special || !hit.rule->fallback) meaning.hits.push_back(hit_of(hit, seen.event, details));
  }
  return meaning;
}

EventMeaning::Hit EventNotes::hit_of(EventHit& hit, const Event& event, const EventDetails& details) {
  constexpr std::size_t kMaxDescribed = 4096;
  EventMeaning::Hit light;
  light.rule = hit.rule;
  if (!hit.rule->signal.empty()) light.service = details.service_hint();
  if (hit.rule->signal == "stopped") {
    if (const auto stop = parse_unexpected_shutdown(event.binary)) light.stopped = stop->utc;
  }
  std::pair<const Rule*, std::string> subject(hit.rule, hit.component);
  if (!described_.contains(subject)) {
    light.values = values_of(hit, event, details);
    if (described_.size() < kMaxDescribed) described_.insert(std::move(subject));
  }
  light.component = std::move(hit.component);
  return light;
}

void EventNotes::pair_freezes(const Sighting& seen, const EventDetails& details, EventMeaning& meaning) const {
  if (!seen.time) return;
  const bool worded = !seen.head.id && details.text().find("on database ") != std::string::npos;
  if (!worded && !is_sql_server(seen.event.provider)) return;
  const auto says = [&](std::string_view words) { return worded && details.text().find(words) != std::string::npos; };
  if (seen.event.event_id == kSqlFrozen || says("I/O is frozen")) {
    meaning.frozen = database_of(seen.event);
  } else if (seen.event.event_id == kSqlResumed || says("I/O was resumed")) {
    meaning.resumed = database_of(seen.event);
  }
}

void EventHits::take(EventNotes& notes) {
  events_ += notes.events_;
  if (notes.latest_) freezes_.seen(*notes.latest_);
  if (computer_.empty()) computer_ = std::move(notes.computer_);
  for (const auto& [meaning, quote] : notes.notes_) {
    if (meaning->frozen) freezes_.frozen(log_.clean(*meaning->frozen), *quote.time, log_.evidence(quote));
    if (meaning->resumed) freezes_.resumed(log_.clean(*meaning->resumed), *quote.time);
    if (meaning->hits.empty()) continue;
    add_hit(meaning->hits.front(), known(meaning).group, quote);
    for (std::size_t i = 1; i < meaning->hits.size(); ++i) {
      Group* group = nullptr;
      add_hit(meaning->hits[i], group, quote);
    }
  }
  notes.clear();
}

EventHits::KnownMeaning& EventHits::known(const std::shared_ptr<const EventMeaning>& meaning) {
  constexpr std::size_t kKnown = 4096;
  if (known_.empty()) known_.resize(kKnown);
  KnownMeaning& known = known_[std::hash<const void*>()(meaning.get()) / alignof(std::max_align_t) % kKnown];
  if (known.meaning != meaning) known = {meaning, nullptr};
  return known;
}

void EventHits::add_hit(const EventMeaning::Hit& hit, Group*& group, const Quote& quote) {
  if (group == nullptr) group = group_of(hit, clean_value(hit.component));
  if (group == nullptr) return;
  count(*hit.rule, *group, quote.time);
  if (signals_.size() < EventTimeline::kMaxSignals) add_signal(hit, quote);
  keep(*group, quote);
}

const std::string& EventHits::clean_value(const std::string& value) {
  constexpr std::size_t kMaxCleaned = 1024, kMaxBytes = 200, kSurelyMore = kMaxBytes + 8;
  const std::string_view key = std::string_view(value).substr(0, kSurelyMore);
  if (const auto known = cleaned_.find(key); known != cleaned_.end()) return known->second;
  if (cleaned_.size() >= kMaxCleaned) cleaned_.clear();
  return cleaned_.emplace(key, log_.clean(shorten(printable(key), kMaxBytes))).first->second;
}

/// An attacker's or a broken log must not hold a million components; null for those beyond.
EventHits::Group* EventHits::group_of(const EventMeaning::Hit& hit, const std::string& component) {
  std::pair<const Rule*, std::string> key(hit.rule, component);
  const auto found = groups_.find(key);
  if (found != groups_.end()) return &found->second;
  std::size_t& components = components_[hit.rule];
  if (!hit.values || components >= kMaxComponents || groups_.size() >= kMaxGroups) return nullptr;
  ++components;
  Group& group = groups_[std::move(key)];
  for (const auto& [name, value] : *hit.values) group.values.emplace_back(name, clean_value(value));
  return &group;
}

void EventHits::add_signal(const EventMeaning::Hit& hit, const Quote& quote) {
  const auto kind = parse_signal(hit.rule->signal);
  if (!kind) return;
  std::string component = clean_value(hit.component);
  signals_.push_back({*kind, hit.rule, hit.stopped ? hit.stopped : quote.time, std::move(component), clean_value(hit.service), quote});
}

void EventHits::count(const Rule& rule, Group& group, const std::optional<Time>& time) {
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

void EventHits::keep(Group& group, const Quote& quote) {
  constexpr std::size_t kOldest = 2, kNewest = kMaxExcerpts - kOldest;
  if (group.oldest.size() < kOldest) return group.oldest.push_back(quote);
  if (group.newest.size() < kNewest) return group.newest.push_back(quote);
  group.newest[group.next_newest] = quote;
  group.next_newest = (group.next_newest + 1) % kNewest;
}

void EventHits::finish(bool picked, EventTimeline& timeline, Insights& insights) {
  const bool few = picked && events_ <= kFewEvents;
  const bool serious = std::any_of(groups_.begin(), groups_.end(), [](const auto& entry) {
    return entry.second.reached && entry.first.first->severity >= Severity::warning;
  });
  std::vector<Finding> findings;
  for (const auto& [key, group] : groups_) {
    const Rule& rule = *key.first;
    const bool raised = few && rule.alone && !serious;
    if (rule.silent || (!group.reached && !raised)) continue;
    findings.push_back(make(rule, group));
    if (raised) findings.back().severity = std::max(*rule.alone, rule.severity);
  }
  freezes_.finish(rules_, findings);
  for (const Finding& finding : findings) {
    if (is_wanted(finding, findings)) insights.findings.push_back(finding);
  }
  for (RunVerdict& run : judge_windows_runs(log_, signals_)) insights.runs.push_back(std::move(run));
  timeline.add({log_, std::move(computer_), std::move(signals_)});
}

Finding EventHits::make(const Rule& rule, const Group& group) const {
  Finding finding = make_finding(rule, group.values);
  for (std::string* text : {&finding.title.en, &finding.title.ja, &finding.advice.en, &finding.advice.ja}) {
    drop_empty_brackets(*text);
  }
  finding.count = group.count;
  finding.first_seen = group.first;
  finding.last_seen = group.last;
  const auto component = std::find_if(group.values.begin(), group.values.end(), [](const auto& v) { return v.first == "component"; });
  const std::string_view about = component == group.values.end() ? std::string_view() : std::string_view(component->second);
  for (const Quote& quote : group.oldest) finding.evidence.push_back(log_.evidence(quote, about));
  for (std::size_t i = 0; i < group.newest.size(); ++i) {
    const Quote& quote = group.newest[(group.next_newest + i) % group.newest.size()];
    finding.evidence.push_back(log_.evidence(quote, about));
  }
  return finding;
}

bool EventHits::is_wanted(const Finding& finding, const std::vector<Finding>& all) const {
  const Rule* rule = rules_.find(finding.rule_id);
  if (rule == nullptr || rule->beside.empty()) return true;
  return std::any_of(all.begin(), all.end(), [&](const Finding& other) {
    return other.rule_id != finding.rule_id && other.rule_id.starts_with(rule->beside);
  });
}

}  // namespace vmtriage
