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

/// Finds what happened within two minutes of a writer's or snapshot's failure, across the event logs of one VM: the
/// failure stands in Application, its cause in System. Used by several threads.
class EventTimeline {
 public:
  static constexpr std::size_t kMaxSignals = 2000;  ///< per log
  static constexpr std::size_t kMaxLogs = 64;

  explicit EventTimeline(const RuleBase& rules) : rules_(rules) {}

  struct Log {
    QuotedLog log;
    std::string computer;  ///< keeps VMs apart; empty where an export does not tell it
    std::vector<Signal> signals;
  };

  /// Adds what a log held, and returns the findings it makes together with itself and the logs before it.
  /// Signals without a time are left out.
  std::vector<Finding> add(Log log);

 private:
  void correlate(const Log& failures, const Log& causes, std::vector<Finding>& findings) const;

  const RuleBase& rules_;
  std::mutex mutex_;
  std::vector<Log> logs_;
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
