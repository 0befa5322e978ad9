#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/event.h"
#include "agent/base/time.h"
#include "analyzers/vss_writers.h"

namespace vmtriage {

/// What VSS writes behind the message of its events, in the language of the system:
///
///     Operation:
///        PostSnapshot Event
///
///     Context:
///        Execution Context: Writer
///        Writer Class Id: {a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}
///        Writer Name: SqlServerWriter
///        Writer Instance ID: {1b9b200b-a57b-4d65-9c29-fccae2b291a7}
struct VssContext {
  std::string writer_name;         ///< of the table of writers where the class id is in it
  std::string writer_class_id;     ///< lower case, without braces
  std::string writer_instance_id;  ///< the same
  std::vector<std::string> operations;
  std::vector<std::string> execution_contexts;
  std::string command_line;
  std::string process_id;
  std::string provider_id;
  std::string volume;

  bool operator==(const VssContext&) const = default;
};

/// Reads the block above out of a text, also where line ends were lost. Labels are known in English, Japanese, German
/// and French; a known writer's class id anywhere in the text names it in any other language.
VssContext parse_vss_context(std::string_view text);

/// The binary part of a VSS event, which is text:
///
///     - Code: WRTWRTIC00000823- Call: WRTWRTIC00000774- PID:  00001528- TID:  00001580- CMD:
///     C:\Windows\system32\vssvc.exe
///     - User: Name: NT AUTHORITY\SYSTEM, SID:S-1-5-18
struct VssBinary {
  std::string code;
  std::string call;
  std::uint32_t process_id = 0;
  std::uint32_t thread_id = 0;
  std::string command_line;
  std::string user;
};
std::optional<VssBinary> parse_vss_binary(std::string_view binary);

/// The final NTSTATUS in an IO_ERROR_LOG_PACKET, the binary part of events of disk, volsnap and other kernel drivers.
std::optional<std::uint32_t> final_status(std::string_view binary);

/// The binary part of an event of the Service Control Manager: `TrustedInstaller/1` in UTF-16.
struct ServiceState {
  std::string key;
  std::optional<std::uint32_t> state;  ///< 1 stopped, 4 running
};
std::optional<ServiceState> parse_service_state(std::string_view binary);

/// When the VM stopped unexpectedly: the two SYSTEMTIMEs in the binary part of event 6008 of EventLog.
struct UnexpectedShutdown {
  Time local;
  Time utc;
};
std::optional<UnexpectedShutdown> parse_unexpected_shutdown(std::string_view binary);

/// Every number written as `0x` and eight digits, in the order of the text, each once.
std::vector<std::uint32_t> find_hresults(std::string_view text);
std::string format_hresult(std::uint32_t code);

/// The text of an event in one line: the message, or the values where there is none.
std::string flat_text(const Event& event);

/// What rules ask about an event, taken from its values, message and binary part when it is asked for: most events that
/// a rule looks at are told to be none of its own by one of them. The event must stay.
class EventDetails {
 public:
  explicit EventDetails(const Event& event) : event_(event) {}

  const std::string& text() const;  ///< flat_text
  const VssContext& context() const;
  const VssWriter* writer() const;  ///< the known one that the context names
  const std::vector<std::uint32_t>& hresults() const;
  /// The one that the event reports: behind `hr = `, or a value of its own; the arguments of a failed call hold others.
  std::optional<std::uint32_t> result() const;
  const std::string& process() const;  ///< command line of the process that logged a VSS event
  std::optional<std::uint32_t> status() const;
  const std::string& service() const { return watched().key; }        ///< key name, where it is known
  const std::string& service_name() const { return watched().name; }  ///< display name
  /// For "restart the service {service}": the writer's name is the next best hint.
  const std::string& service_hint() const { return service().empty() ? context().writer_name : service(); }
  const std::string& volume() const;

 private:
  struct Service {
    std::string key;
    std::string name;
  };
  const std::string& lines() const;
  const Service& watched() const;
  Service of_service_manager() const;
  bool is_from(std::string_view plain_provider) const;

  const Event& event_;
  mutable std::optional<std::string> text_, lines_, process_, volume_;
  mutable std::optional<VssContext> context_;
  mutable std::optional<const VssWriter*> writer_;
  mutable std::optional<std::vector<std::uint32_t>> hresults_;
  mutable std::optional<Service> service_;
};

}  // namespace vmtriage
