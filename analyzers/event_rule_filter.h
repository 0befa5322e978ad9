#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/event_matcher.h"
#include "analyzers/evtx/decoder.h"

namespace vmtriage {

/// Tells before an event is decoded whether a rule asks for it. Most events need not be asked for: their id is none of
/// EventMatcher::ids. One per thread: it remembers its answers.
class EventRuleFilter {
 public:
  explicit EventRuleFilter(const EventMatcher& matcher)
      : matcher_(matcher), answers_(kAnswers), value_answers_(kAnswers) {}

  bool wants(const EventHead& head);

 private:
  /// Logs hold a few dozen different events with such ids, and few values decide.
  static constexpr std::size_t kAnswers = 256;
  static constexpr std::uint32_t kNoEvent = 0xffff'ffff;
  struct Answer {
    std::uint32_t event_id = kNoEvent;
    std::uint8_t level = 0;
    std::uint64_t provider_template = 0;
    std::string provider_utf16;  ///< empty where the template tells it
    std::string provider;        ///< as in `plain_provider`
    bool wanted = false;
    std::optional<ValueName> asked = {};  ///< the value that decides, if there is one
  };
  struct ValueAnswer {
    const Answer* event = nullptr;
    std::string utf16;
    bool wanted = false;
  };
  bool wants_with_value(const EventHead& head, Answer& answer);

  const EventMatcher& matcher_;
  std::vector<Answer> answers_;  ///< each at the one place where it can stand
  std::vector<ValueAnswer> value_answers_;
};

}  // namespace vmtriage
