#include "analyzers/event_rule_filter.h"

namespace vmtriage {
namespace {

/// `volsnap` of a name in a log, as rules compare it.
std::string plain_ascii(std::string_view utf16) {
  std::string plain;
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) plain += utf16[i + 1] == '\0' ? utf16[i] : '?';
  return plain_provider(plain);
}

}  // namespace

bool EventRuleFilter::wants(const EventHead& head) {
  // Comparing the template is cheaper than comparing the name that it tells.
  const std::uint64_t origin = head.provider_template();
  const std::string_view name = origin == 0 ? head.provider_utf16() : std::string_view();
  const std::uint8_t level = head.level();
  Answer& answer = answers_[(head.event_id ^ (origin + name.size()) << 4 ^ level) % kAnswers];
  const bool known = answer.event_id == head.event_id && answer.level == level && answer.provider_template == origin &&
                     answer.provider_utf16 == name;
  if (!known) {
    std::string provider = plain_ascii(head.provider_utf16());
    const std::string_view asked = matcher_.deciding_value(provider, head.event_id, level);
    const bool wanted = matcher_.wants(provider, head.event_id, level);
    answer = {head.event_id, level, origin, std::string(name), std::move(provider), wanted};
    if (!asked.empty()) answer.asked.emplace(asked);
    for (ValueAnswer& old : value_answers_) {
      if (old.event == &answer) old.event = nullptr;
    }
  }
  return answer.wanted && (!answer.asked || wants_with_value(head, answer));
}

bool EventRuleFilter::wants_with_value(const EventHead& head, Answer& answer) {
  constexpr std::size_t kMaxBytes = 128;
  const auto value = head.value(*answer.asked);
  if (!value || !value->is(ValueType::utf16) || value->bytes.empty() || value->bytes.size() > kMaxBytes) return true;
  const std::string_view utf16 = view_of(value->bytes.data(), value->bytes.size());
  ValueAnswer& known = value_answers_[(head.event_id ^ utf16.size() << 3 ^ value->bytes[0]) % kAnswers];
  if (known.event != &answer || known.utf16 != utf16) {
    std::string text = utf16_to_utf8(utf16);
    text.erase(text.find_last_not_of('\0') + 1);
    known = {&answer, std::string(utf16), matcher_.wants(answer.provider, answer.event_id, answer.level, text)};
  }
  return known.wanted;
}

}  // namespace vmtriage
