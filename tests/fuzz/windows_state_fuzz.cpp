#include "analyzers/checks/windows_state.h"
#include "tests/fuzz/check_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vmtriage;
  static const WindowsStateAnalyzer analyzer(RuleBase::built_in());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string_view id :
       {"windows.command.services", "windows.command.file-versions", "windows.command.machine-keys-permissions",
        "windows.command.volume-space", "windows.command.azure-services", "windows.registry.vss-service"}) {
    fuzz_check(analyzer, id, "query", text);
  }
  return 0;
}
