#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/embedded.h"
#include "analyzers/event_details.h"
#include "analyzers/event_rules.h"

/// Bytes as a text that may hold exported events, in two blocks, and as the parts of an event.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vmtriage;
  static const EventRules rules(RuleBase::built_in(), [](std::string_view text) { return std::string(text); });
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse_vss_binary(text);
  parse_service_state(text);
  parse_unexpected_shutdown(text);
  Artifact artifact;
  artifact.id = "text.unknown";
  const auto scan = rules.scan(artifact);
  const std::size_t middle = text.find('\n', text.size() / 2);
  const std::size_t cut = middle == std::string_view::npos ? text.size() : middle + 1;
  scan->block(Block{text.substr(0, cut), false}, 1);
  scan->block(Block{text.substr(cut), true}, 1000);
  Insights insights;
  scan->finish(insights);
  return 0;
}
