#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/base/version.h"
#include "collectors/environment.h"
#include "collectors/http_message.h"

/// The parsers of what the platform and the VM's agent say. The first byte cuts an HTTP reply into pieces.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vmtriage;
  if (size == 0) return 0;
  const std::size_t piece = data[0] + 1u;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  (void)parse_instance_metadata(text);
  (void)parse_vm_settings(text);
  (void)parse_agent_status(text);
  (void)parse_role_name(text);
  (void)parse_goal_state_vm(text);
  (void)parse_agent_log(text);
  (void)parse_os_release(text);
  (void)vm_id_of_system_uuid(text, piece % 2 == 0);
  (void)vm_name_of_role(text);
  (void)version_less(text, text.substr(text.size() / 2));
  HttpReplyReader reader(4096);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const Result<bool> complete = reader.add(text.substr(at, piece));
    if (!complete || *complete) return 0;
  }
  (void)reader.end();
  return 0;
}
