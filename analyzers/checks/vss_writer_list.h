#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vmtriage {

/// What a list of writers says about one of them.
struct WriterStatus {
  std::string name;
  std::string class_id;                  ///< lower case, without braces; empty where the list was cut or shortened
  std::string instance_id;               ///< likewise
  std::optional<int> state;              ///< VSS_WRITER_STATE, 0 to 15
  std::string state_text;                ///< in the language of Windows: `Stable`, `安定`
  std::string last_error;                ///< likewise: `No error`, `エラーなし`; empty where the list was cut
  std::optional<std::uint32_t> failure;  ///< the HRESULT, which diskshadow prints; 0 is S_OK
  std::uint64_t line = 0;
  std::string excerpt;  ///< name, state and error: `Writer name: 'X' | State: [9] Failed | Last error: Timed out`
};

/// Reads the output of `vssadmin list writers` in any UI language:
///
///     Writer name: 'Task Scheduler Writer'
///        Writer Id: {d61d61c8-d73a-4eee-8cdd-f6f9786b7124}
///        Writer Instance Id: {1bddd48e-5052-49db-9b07-b96f96727e6b}
///        State: [1] Stable
///        Last error: No error
///
/// and of `diskshadow list writers status`:
///
///     * WRITER "System Writer"
///             - Status: 5 (VSS_WS_WAITING_FOR_BACKUP_COMPLETE)
///             - Writer Failure code: 0x00000000 (S_OK)
///             - Writer ID: {e8132975-6f93-4464-a53e-1050253ae220}
///             - Instance ID: {7e631031-c695-4229-9da1-a7de057e64cb}
///
/// wherever it stands in a text. Fields are recognised by their order and by `[n]` and GUIDs, never by a label's words.
/// A writer that is cut off at the end is still reported. `text` is UTF-8. Source: win32 VSS_WRITER_STATE.
std::vector<WriterStatus> parse_writer_list(std::string_view text);

}  // namespace vmtriage
