#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/event_hits.h"
#include "analyzers/evtx/decoder.h"

namespace vmtriage {

/// What the events of a log mean that came before with the same content. A service that fails every night, or every
/// second, says the same each time: such an event need not be decoded and matched again. One per thread.
///
/// Memory: at most 4 MiB.
class RepeatedEvents {
 public:
  /// Whether an event with this content was remembered; `meaning()` is then what it means.
  bool knows(const EventHead& head);
  /// Null when it means nothing.
  const std::shared_ptr<const EventMeaning>& meaning() const { return known_[place_].meaning; }
  /// Remembers what the event means that `knows` was asked for last.
  void remember(std::shared_ptr<const EventMeaning> meaning);

 private:
  static constexpr std::size_t kPlaces = 4096;
  struct Known {
    std::string content;
    std::shared_ptr<const EventMeaning> meaning;
  };

  std::vector<Known> known_;  ///< each at the one place where it can stand; empty before the first
  std::string content_;       ///< of the event asked for last; empty where it cannot be told
  std::size_t place_ = 0;
  std::size_t memory_ = 0;
};

}  // namespace vmtriage
