#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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
  const std::shared_ptr<const EventMeaning>& meaning() const { return found_->meaning; }
  /// Remembers what the event means that `knows` was asked for last. Its bytes in the log must still be there.
  void remember(std::shared_ptr<const EventMeaning> meaning);

 private:
  /// Contents stand in one of two places, of which the first holds the newer one.
  static constexpr std::size_t kPairs = 2048;
  struct Known {
    EventContent content;  ///< its views are of `text`
    std::vector<char> text;
    std::shared_ptr<const EventMeaning> meaning;
    std::size_t memory = 0;
  };
  struct Place {
    std::uint32_t mixed = 0;
    std::unique_ptr<const Known> known;
  };

  std::vector<Place> places_;            ///< empty before the first
  std::optional<EventContent> content_;  ///< of the event asked for last, unless it cannot be told or is too long
  std::uint32_t mixed_ = 0;              ///< of `content_`
  const Known* found_ = nullptr;
  std::size_t memory_ = 0;
};

}  // namespace vmtriage
