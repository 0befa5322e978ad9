#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/text.h"
#include "agent/event_text.h"
#include "analyzers/evtx/decoder.h"

namespace {

using namespace vmtriage;

/// Everything that can be asked of an event before it is decoded.
std::string content_of(const EventHead& head, ValueName& name) {
  std::uint64_t asked = head.level() + head.record_id() + head.provider_template() + head.provider_utf16().size();
  if (head.time_created() < Time{}) ++asked;
  if (const auto value = head.value(name))
    asked += value->bytes.empty() ? 0 : value->bytes.front() + value->bytes.back();
  static volatile std::uint64_t kept;
  kept = asked;
  const auto content = head.content();
  if (!content) return {};
  std::string all;
  for (const std::uint64_t number : {content->root_template, content->data_template, std::uint64_t{content->event_id},
                                     std::uint64_t{content->level}})
    all += std::to_string(number) + ' ';
  for (const std::string_view text : {content->names[0], content->names[1], content->names[2], content->data})
    all += std::to_string(text.size()) + ':' + std::string(text);
  return all;
}

std::string told_by(const Event& event) {
  std::string all = std::to_string(event.event_id) + ' ' + std::to_string(event.level) + ' ' +
                    std::string(event.provider) + '\n' + std::string(event.channel) + '\n' + std::string(event.message);
  for (const auto& [name, value] : event.data) all += '\n' + std::string(name) + '=' + std::string(value);
  return all;
}

}  // namespace

// Hostile binary XML: the input is a chunk, and a record's content starts where its first two bytes say, and again
// anywhere behind. The decoder lives on, so that what it keeps from one chunk meets the next.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static EventDecoder decoder;
  static OutputText out;
  if (size < 4 || size > 65'536) return 0;
  decoder.start_chunk(Bytes(bytes, size));
  ValueName name("param1");
  std::string last_content, last_told;
  std::size_t begin = load_u16(bytes) % size;
  const std::size_t step = 1 + load_u16(bytes + 2);
  for (int records = 0; begin < size && records < 8; begin += step, ++records) {
    std::string content;
    const auto wants = [&](const EventHead& head) {
      content = content_of(head, name);
      return head.event_id != 1;
    };
    const auto outcome = decoder.decode(begin, size, 0, wants);
    if (outcome == EventDecoder::Outcome::event) {
      append_event_json(out, decoder.event());
      std::string told = told_by(decoder.event());
      if (!content.empty() && content == last_content && told != last_told) __builtin_trap();
      last_content = std::move(content);
      last_told = std::move(told);
    }
    if (outcome == EventDecoder::Outcome::damaged && decoder.problem() == nullptr) __builtin_trap();
    if (!is_valid_utf8(out.view())) __builtin_trap();
    out.clear();
  }
  return 0;
}
