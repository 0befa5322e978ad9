#include <cstdlib>

#include "agent/base/text.h"
#include "analyzers/checks/vssadmin.h"
#include "analyzers/console_text.h"
#include "tests/fuzz/check_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vmtriage;
  static const VssadminAnalyzer analyzer(RuleBase::built_in());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!is_valid_utf8(decode_console(text)) && !text.starts_with("\xFF\xFE") && !text.starts_with("\xFE\xFF"))
    std::abort();
  for (const std::string_view id : {"windows.vssadmin.writers", "windows.diskshadow", "text.unknown"}) {
    fuzz_check(analyzer, id, "vssadmin list writers", text);
  }
  fuzz_check(analyzer, "text.unknown", "notes.txt", text);
  return 0;
}
