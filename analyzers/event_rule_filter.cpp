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

bool EventRuleFilter::wants_of_provider(const EventHead& head) {
  Answer& answer = answers_[(head.event_id ^ head.provider_utf16.size() << 4 ^ head.level) % kAnswers];
  const bool known = answer.event_id == head.event_id && answer.level == head.level &&
                     answer.provider_utf16 == head.provider_utf16;
  if (!known) {
    answer.event_id = head.event_id;
    answer.level = head.level;
    answer.provider_utf16 = head.provider_utf16;
    answer.wanted = matcher_.wants(plain_ascii(head.provider_utf16), head.event_id, head.level);
  }
  return answer.wanted;
}

}  // namespace vmtriage
