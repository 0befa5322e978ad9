#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/artifact.h"
#include "analyzers/analyzer.h"
#include "analyzers/event_matcher.h"
#include "analyzers/event_quote.h"
#include "analyzers/event_timeline.h"

namespace vmtriage {

/// An event with what is known about where it stands.
struct Sighting {
  const Event& event;
  KnownHead head;
  std::optional<Time> time;
  Clock clock = Clock::utc;
  std::optional<std::uint64_t> line;
  std::string_view label = {};  ///< what a text has before the message
};

/// What the rules make of an event: the same for all events that say the same.
struct EventMeaning {
  struct Hit {
    const Rule* rule = nullptr;
    std::string component;
    std::string service;           ///< where the rule has a signal
    std::optional<Time> stopped;   ///< told at the next start, about the moment before
    std::optional<Values> values;  ///< nothing when an earlier event of this thread has those of rule and component
  };
  std::vector<Hit> hits;
  std::optional<std::string> frozen;   ///< the database
  std::optional<std::string> resumed;  ///< the same
  std::shared_ptr<const QuotedWords> words;
};

/// What the rules find in some events in a row. A thread that reads a part of a log makes them without the others.
class EventNotes {
 public:
  explicit EventNotes(const EventMatcher& matcher) : matcher_(matcher) {}

  /// Returns what the event means; null when it means nothing.
  std::shared_ptr<const EventMeaning> add(const Sighting& seen);
  /// An event that means the same as an earlier one, null for nothing.
  void add_again(std::shared_ptr<const EventMeaning> meaning, Time time, std::uint64_t record_id);
  void clear();

 private:
  friend class EventHits;

  struct Note {
    std::shared_ptr<const EventMeaning> meaning;  ///< never null
    Quote quote;
  };
  EventMeaning meaning_of(const Sighting& seen, const EventDetails& details);
  void pair_freezes(const Sighting& seen, const EventDetails& details, EventMeaning& meaning) const;
  EventMeaning::Hit hit_of(EventHit& hit, const Event& event, const EventDetails& details);
  void note_time(const std::optional<Time>& time);

  const EventMatcher& matcher_;
  std::set<std::pair<const Rule*, std::string>> described_;
  std::vector<Note> notes_;
  std::size_t events_ = 0;
  std::optional<Time> latest_;
  std::string computer_;
};

/// The hits of one log, grouped by rule and component, in the order of the log.
class EventHits {
 public:
  /// `redact` is null where the text was redacted before.
  EventHits(const Artifact& artifact, const RuleBase& rules, const RedactLine* redact)
      : log_{artifact.id, artifact.origin, redact}, rules_(rules) {}

  /// Takes what comes next in the log and leaves `notes` empty.
  void take(EventNotes& notes);

  /// `picked` tells that the log is a text that somebody may have put together.
  void finish(bool picked, EventTimeline& timeline, Insights& insights);

 private:
  /// The hits of one rule on one component.
  struct Group {
    Values values;
    std::uint64_t count = 0;
    std::optional<Time> first, last;
    bool reached = false;
    std::deque<Time> recent;    ///< times inside the threshold's window
    std::vector<Quote> oldest;  ///< the first two …
    std::vector<Quote> newest;  ///< … and the last three, as a ring
    std::size_t next_newest = 0;  ///< the place in the ring that is overwritten next
  };
  /// The group of an event's first hit, found once for all events that say the same.
  struct KnownMeaning {
    std::shared_ptr<const EventMeaning> meaning;
    Group* group = nullptr;  ///< null: not found, or not yet
  };

  KnownMeaning& known(const std::shared_ptr<const EventMeaning>& meaning);
  void add_hit(const EventMeaning::Hit& hit, Group*& group, const Quote& quote);
  Group* group_of(const EventMeaning::Hit& hit, const std::string& component);
  void add_signal(const EventMeaning::Hit& hit, const Quote& quote);
  static void count(const Rule& rule, Group& group, const std::optional<Time>& time);
  static void keep(Group& group, const Quote& quote);
  Finding make(const Rule& rule, const Group& group) const;
  bool is_wanted(const Finding& finding, const std::vector<Finding>& all) const;
  const std::string& clean_value(const std::string& value);

  const QuotedLog log_;
  const RuleBase& rules_;
  std::map<std::string, std::string, std::less<>> cleaned_;  ///< the same few values come again and again
  std::map<std::pair<const Rule*, std::string>, Group> groups_;
  std::vector<KnownMeaning> known_;  ///< by address; empty before the first hit
  std::map<const Rule*, std::size_t> components_;
  std::vector<Signal> signals_;
  SqlFreezes freezes_;
  std::string computer_;
  std::size_t events_ = 0;
};

}  // namespace vmtriage
