#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/time.h"
#include "analyzers/evtx/reader.h"

namespace vmtriage {

enum class EventsFormat { jsonl, text };

/// What `vmtriage events FILE` was asked for.
struct EventsOptions {
  std::string path = {};
  std::vector<std::string> providers = {};  ///< ASCII case does not matter; empty: every provider
  std::vector<std::uint32_t> ids = {};      ///< empty: every id
  std::optional<std::uint8_t> level =
      {};  ///< this level and the more severe ones; 0 is LogAlways (the Security log) alone
  std::optional<Time> since = {};
  /// Prints events found behind damage, too; else they are only counted: they may be older than their neighbours.
  bool recovered = false;
  EventsFormat format = EventsFormat::jsonl;
  unsigned threads = 1;  ///< about 3 MiB each
};

/// Prints the events of a log, in the file's order, one JSON object per line:
///
///     {"record_id":1,"time":"2017-12-13T14:48:10.2932383Z","provider":"VSS","event_id":8229,"level":3,
///      "channel":"Application","computer":"HOST","data":[["#1","0x800423f4, …"],["Binary","2D20…"]]}
///
/// (`record_id` and `level` are "" where the event has none; `"message":"…"` follows in forwarded events,
/// `"recovered":true` where that holds), or as text:
///
///     2017-12-13T14:48:10.2932383Z Warning VSS 8229 (Application, HOST, record 1)
///         #1: 0x800423f4, …
///
/// What could not be read goes to `errors`, one line each, at most a hundred. Returns the exit code: 0, 3 when
/// something could not be read, 74 when `out` cannot be written.
int run_events(const EventsOptions& options, std::ostream& out, std::ostream& errors);

/// The same for bytes that do not come from a file of their own.
int print_events(const EventsOptions& options, EvtxInput& input, std::ostream& out, std::ostream& errors);

/// Whether an event passes the options. Made once; asked for every record.
class EventFilter {
 public:
  explicit EventFilter(const EventsOptions& options);
  bool operator()(const EventHead& head) const;

 private:
  bool is_wanted_level(std::uint8_t level) const;

  std::vector<ProviderName> providers_;
  std::vector<std::uint32_t> ids_;
  std::optional<std::uint8_t> level_;
  std::optional<Time> since_;
};

}  // namespace vmtriage
