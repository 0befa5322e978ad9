#include <cstdint>
#include <vector>

#include "agent/base/text.h"
#include "agent/event_text.h"
#include "analyzers/evtx/decoder.h"

// Hostile binary XML: the input is a chunk, and a record's content starts where its first two bytes say, and again
// anywhere behind. The decoder lives on, so that what it keeps from one chunk meets the next.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace vmtriage;
  static EventDecoder decoder;
  static OutputText out;
  if (size < 4 || size > 65'536) return 0;
  decoder.start_chunk(Bytes(bytes, size));
  std::size_t begin = load_u16(bytes) % size;
  const std::size_t step = 1 + load_u16(bytes + 2);
  for (int records = 0; begin < size && records < 8; begin += step, ++records) {
    const auto outcome = decoder.decode(begin, size, Time(), [](const EventHead& head) { return head.event_id != 1; });
    if (outcome == EventDecoder::Outcome::event) append_event_json(out, decoder.event());
    if (outcome == EventDecoder::Outcome::damaged && decoder.problem() == nullptr) __builtin_trap();
    if (!is_valid_utf8(out.view())) __builtin_trap();
    out.clear();
  }
  return 0;
}
