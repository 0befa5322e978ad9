#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyzers/event_matcher.h"
#include "analyzers/evtx/decoder.h"

namespace vmtriage {

/// Tells before an event is decoded whether a rule asks for it. One per thread: it remembers its answers.
class EventRuleFilter {
 public:
  explicit EventRuleFilter(const EventMatcher& matcher)
      : matcher_(matcher), answers_(kAnswers), value_answers_(kAnswers) {}

  /// Most events are none that a rule asks for, whoever logged them: a look at one bit.
  bool wants(const EventHead& head) { return matcher_.wants(head.event_id) && wants_of_provider(head); }

 private:
  /// Logs hold a few dozen different events with such numbers, and few values decide.
  static constexpr std::size_t kAnswers = 256;
  static constexpr std::uint32_t kNoEvent = 0xffff'ffff;
  struct Answer {
    std::uint32_t event_id = kNoEvent;
    std::uint8_t level = 0;
    std::string provider_utf16;
    bool wanted = false;
    std::string_view asked = {};  ///< the value that decides; empty: none
  };
  struct ValueAnswer {
    const Answer* event = nullptr;
    std::string utf16;
    bool wanted = false;
  };
  bool wants_of_provider(const EventHead& head);
  bool wants_with_value(const EventHead& head, const Answer& answer);

  const EventMatcher& matcher_;
  std::vector<Answer> answers_;  ///< each at the one place where it can stand
  std::vector<ValueAnswer> value_answers_;
};

}  // namespace vmtriage
