#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/artifact.h"
#include "analyzers/analyzer.h"
#include "analyzers/event_matcher.h"
#include "analyzers/event_timeline.h"
#include "analyzers/text_rules.h"

namespace vmtriage {

/// An event with what is known about where it stands.
struct Sighting {
  const Event& event;
  KnownHead head;
  std::optional<Time> time;
  Clock clock = Clock::utc;
  std::optional<std::uint64_t> line;
};

/// What an excerpt is made of, should this event be one of the few that are shown: as the event has it, secrets and all.
struct Quote {
  std::string label;   ///< `VSS 8229`
  std::string text;    ///< `0x800423f4, The writer experienced …`
  std::string writer;  ///< to be kept where the text is cut
  std::optional<std::uint64_t> line;
  std::optional<std::uint64_t> record_id;
  std::optional<Time> time;
  Clock clock = Clock::utc;
};

/// What the rules find in some events in a row. A thread that reads a part of a log makes them without the others.
class EventNotes {
 public:
  explicit EventNotes(const EventMatcher& matcher) : matcher_(matcher) {}

  void add(const Sighting& seen);
  void clear();

 private:
  friend class EventHits;

  struct Note {
    std::vector<EventHit> hits;
    Quote quote;
    std::optional<std::string> frozen;   ///< the database
    std::optional<std::string> resumed;  ///< the same
  };
  void pair_freezes(const Sighting& seen, const EventDetails& details, Note& note) const;

  const EventMatcher& matcher_;
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
      : artifact_(artifact), rules_(rules), redact_(redact) {}

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
    std::vector<Quote> newest;  ///< … and the last three
  };

  void add_hit(const EventHit& hit, const Quote& quote);
  Group* group_of(const EventHit& hit, const std::string& component);
  void add_signal(const EventHit& hit, std::string component, const Quote& quote);
  static void count(const Rule& rule, Group& group, const std::optional<Time>& time);
  static void keep(Group& group, const Quote& quote);
  Finding make(const Rule& rule, const Group& group) const;
  bool is_wanted(const Finding& finding, const std::vector<Finding>& all) const;
  Evidence evidence_of(const Quote& quote) const;
  std::string clean(std::string text) const { return redact_ == nullptr ? std::move(text) : (*redact_)(text); }
  std::string clean_value(const std::string& value) const { return clean(shorten(printable(value), 200)); }

  const Artifact& artifact_;
  const RuleBase& rules_;
  const RedactLine* redact_;
  std::map<std::pair<const Rule*, std::string>, Group> groups_;
  std::map<const Rule*, std::size_t> components_;
  std::vector<std::pair<Signal, Quote>> signals_;
  SqlFreezes freezes_;
  std::string computer_;
  std::size_t events_ = 0;
};

}  // namespace vmtriage
