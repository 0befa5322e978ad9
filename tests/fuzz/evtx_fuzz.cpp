#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "agent/base/text.h"
#include "agent/event_text.h"
#include "analyzers/evtx/reader.h"

// A whole event log of hostile bytes, read as `vmtriage events` reads it. Its first byte chooses how the bytes arrive.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace vmtriage;
  if (size == 0) return 0;
  const std::size_t step = bytes[0] & 1 ? 1000 : 1 << 20;
  const bool strings_wanted = (bytes[0] & 2) == 0;
  const std::size_t threads = bytes[0] == 0xff ? 2 : 1;
  ++bytes;
  --size;
  std::size_t at = 0;
  EvtxInput input;
  input.read = [&](std::span<char> target) -> Result<std::size_t> {
    const std::size_t count = std::min({step, target.size(), size - at});
    if (count > 0) std::memcpy(target.data(), bytes + at, count);
    at += count;
    return count;
  };
  std::vector<OutputText> outputs(threads);
  std::vector<ValueName> names(threads, ValueName("param1"));
  EventIds ids;
  ids.set();
  ids.reset(bytes[-1]);
  std::vector<EvtxConsumer> consumers;
  for (std::size_t i = 0; i < threads; ++i) {
    OutputText& out = outputs[i];
    consumers.push_back({.ids = strings_wanted ? nullptr : &ids,
                         .wants =
                             [&, &name = names[i]](const EventHead& head) {
                               const bool told = head.value(name).has_value() || head.content().has_value();
                               return strings_wanted || told || head.level() != 0 || head.time_created() < Time{};
                             },
                         .event =
                             [&out](const Event& event) {
                               append_event_json(out, event);
                               append_event_text(out, event);
                               return out.size() > 100'000;
                             },
                         .commit =
                             [&out] {
                               if (!is_valid_utf8(out.view())) std::abort();
                               out.clear();
                               return true;
                             }});
  }
  EvtxOptions options;
  std::uint64_t damages = 0;
  options.damaged = [&](const EvtxDamage& damage) {
    // Every damage lies in the file; only chunks that the header counts and the file lacks lie behind its end.
    if (damage.offset > size || damage.what.empty()) std::abort();
    ++damages;
  };
  const Result<EvtxSummary> summary = read_evtx(input, options, consumers);
  if (summary && (summary->damages != damages || summary->recovered > summary->records)) std::abort();
  return 0;
}
