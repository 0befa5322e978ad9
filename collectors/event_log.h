#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/base/time.h"
#include "collectors/files.h"
#include "collectors/private_folder.h"

namespace vmtriage {

/// Has the event log service of the running system write the events of one channel into a new file:
///
///     export_channel("Microsoft-Windows-CAPI2/Operational", "*[System[TimeCreated[…]]]", "C:/out/x/1.evtx")
///
/// Errors: unsupported (there is no such service), not_found (no such channel), access_denied, io. It may take for ever.
using ExportChannel = std::function<Status(const std::string& channel, const std::string& query, const std::string& target)>;

/// That of this machine; empty where there never is one.
ExportChannel event_log_service();

/// The channel whose events are in a file: `Microsoft-Windows-CAPI2/Operational` of
/// `/Windows/System32/winevt/Logs/Microsoft-Windows-CAPI2%4Operational.evtx`. Nothing for an archived log, which the service does not
/// have any more (`Archive-System-2024-05-01-10-20-30-123.evtx`), and for a file elsewhere.
std::optional<std::string> channel_of(std::string_view vm_path);

/// The events from a time on, as the service is asked for them: `*[System[TimeCreated[@SystemTime>='2024-05-01T00:00:00.000Z']]]`;
/// without one, all: `*`.
std::string query_since(std::optional<Time> since);

struct EventLogOptions {
  ExportChannel service;
  std::string folder;  ///< where the exported files are, each for as long as it is read
  std::optional<Time> since;
  std::uint64_t max_bytes = 256ULL << 20;      ///< a longer log is not read, exported or not
  std::chrono::milliseconds patience{60'000};  ///< for one channel
};

/// Opens event logs that are in use, by way of the service that has them: whole, and not in the middle of a write. A service that
/// does not answer is not asked a second time.
class EventLogExporter {
 public:
  explicit EventLogExporter(EventLogOptions options) : options_(std::move(options)) {}

  /// The exported events, to be read like any other file. Errors: those of ExportChannel; timed_out ("event log service: no answer
  /// within 60 s"); too_large.
  Result<OpenedFile> open(const std::string& channel, const std::atomic<bool>* stop);

  /// Whether the service has only just been found to be silent: true once.
  bool take_silence() { return silent_.exchange(false); }
  const EventLogOptions& options() const { return options_; }

 private:
  Result<std::string> new_target();
  Status export_to(const std::string& channel, const std::string& target, const std::atomic<bool>* stop);

  const EventLogOptions options_;
  std::atomic<bool> silent_ = false;
  std::mutex mutex_;  ///< guards what follows
  std::optional<PrivateFolder> folder_;
  std::uint64_t targets_ = 0;
  std::optional<Error> refusal_;  ///< why the service is not asked any more
};

}  // namespace vmtriage
