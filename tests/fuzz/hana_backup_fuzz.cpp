#include "analyzers/checks/hana_backup.h"
#include "tests/fuzz/check_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vmtriage;
  static const HanaBackupAnalyzer analyzer(fuzz_rules());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view origin = text.substr(0, text.find('\n'));
  for (const std::string_view id : {"linux.hana.backup-log", "linux.hana.backint-log"}) {
    fuzz_check(analyzer, id, origin, text);
  }
  return 0;
}
