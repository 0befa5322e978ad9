#include "analyzers/checks/status_json.h"
#include "tests/fuzz/check_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vmtriage;
  static const StatusJsonAnalyzer analyzer(fuzz_rules());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string_view id :
       {"linux.status-json", "linux.waagent-status-json", "linux.handler-status", "linux.handler-state"}) {
    fuzz_check(analyzer, id, "/var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0/status/0.status",
               text);
  }
  return 0;
}
