#include "analyzers/checks/freeze_run.h"
#include "tests/fuzz/check_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vmtriage;
  static const FreezeRunAnalyzer analyzer(fuzz_rules());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string_view id : {"linux.vmsnapshot.extension-log", "text.unknown"}) {
    fuzz_check(analyzer, id, "extension.log", text);
  }
  return 0;
}
