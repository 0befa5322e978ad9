#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/finding.h"
#include "agent/base/time.h"
#include "analyzers/event_quote.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// An event that plays a part in a backup window.
struct Signal {
  enum class Kind {
    writer,     ///< a writer failed
    snapshot,   ///< the shadow copy failed
    io,         ///< a disk was slow or did not answer
    storage,    ///< room for shadow copies was missing
    service,    ///< a service of Windows or of a writer crashed
    requested,  ///< Azure Backup made a shadow copy
    stopped,    ///< the VM went off
    started,    ///< the VM came up
    cleared,    ///< what was logged before is gone
  };
  Kind kind = Kind::writer;
  const Rule* rule = nullptr;
  std::optional<Time> time;
  std::string component;  ///< the writer, the disk …
  std::string service;    ///< key name: of the writer's owner, or the one that crashed
  Quote quote;
};
std::optional<Signal::Kind> parse_signal(std::string_view name);

/// What may have made a writer or a snapshot fail.
bool is_cause(const Signal& signal);
/// `disk 153 (\Device\Harddisk1\DR1)`: the event, and what it is about.
std::string label_with_component(const Signal& signal);

/// Finds what happened within two minutes of a writer's or snapshot's failure, across the event logs of one VM: the
/// failure stands in Application, its cause in System. Used by several threads; what it finds does not depend on which of
/// them was done first.
class EventTimeline {
 public:
  static constexpr std::size_t kMaxSignals = 2000;  ///< per log
  static constexpr std::size_t kMaxHeld = 16'000;   ///< of all logs; those that come last by their origin are left out

  explicit EventTimeline(const RuleBase& rules) : rules_(rules) {}

  struct Log {
    QuotedLog log;
    std::string computer;  ///< keeps VMs apart; empty where an export does not tell it
    std::vector<Signal> signals;
    bool concluded = false;
  };

  /// Adds what a log held. Signals without a time are left out.
  void add(Log log);

  /// What the logs tell together that were added since the last call, also together with those before them.
  std::vector<Finding> conclude();

 private:
  void correlate(const Log& failures, const Log& causes, std::vector<Finding>& findings) const;

  const RuleBase& rules_;
  std::mutex mutex_;
  std::multimap<std::string, Log> logs_;  ///< by origin
  std::size_t held_ = 0;                  ///< signals of them
  std::optional<std::string> end_;        ///< the first origin that there was no room for
};

/// Pairs "I/O is frozen" (3197) with "I/O was resumed" (3198) of SQL Server, per database.
class SqlFreezes {
 public:
  void frozen(std::string database, Time time, Evidence evidence);
  void resumed(const std::string& database, Time time);
  /// The log goes on until then.
  void seen(Time time) { last_ = std::max(last_, time); }
  void finish(const RuleBase& rules, std::vector<Finding>& findings);

 private:
  struct Freeze {
    Time begin;
    std::optional<Time> end;
    Evidence evidence;
  };
  std::map<std::string, Freeze> open_;
  std::map<std::string, std::vector<Freeze>> long_;  ///< that took too long, or never ended
  Time last_;
};

}  // namespace vmtriage
