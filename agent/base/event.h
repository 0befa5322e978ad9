#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/time.h"

namespace vmtriage {

/// Some event ids. Windows has none above 65,535; those of a damaged log are never among them.
using EventIds = std::bitset<0x10000>;
inline bool contains(const EventIds& ids, std::uint32_t event_id) { return event_id < ids.size() && ids[event_id]; }

/// One Windows event, from an .evtx file or an exported text. Views are valid for the call they are handed to.
struct Event {
  /// The level of the rare event that does not tell one.
  static constexpr std::uint8_t kNoLevel = 255;

  std::string_view channel;   ///< `System`
  std::string_view provider;  ///< `Service Control Manager`
  std::uint32_t event_id = 0;
  std::uint16_t qualifiers = 0;  ///< of a classic provider: the upper half of the message id
  std::uint8_t level = 0;        ///< 0 LogAlways, 1 Critical, 2 Error, 3 Warning, 4 Information, 5 Verbose; kNoLevel
  std::uint64_t record_id = 0;  ///< 0 also when the event has none
  bool has_record_id = false;   ///< it was told, though it may be 0
  Time time_created;
  std::string_view computer;
  /// Leaves below EventData/UserData in document order; the k-th unnamed Data is `#k`.
  std::vector<std::pair<std::string_view, std::string_view>> data;
  std::string_view binary;   ///< the raw bytes of `<Binary>`
  std::string_view message;  ///< the text as the machine that forwarded the event showed it; mostly empty
  /// Found behind damage or in a part of the log that was cut off: what it says is sound, its neighbours may be missing.
  bool recovered = false;

  /// The value of the first leaf of that name, or an empty view.
  std::string_view value(std::string_view name) const {
    for (const auto& [key, text] : data) {
      if (key == name) return text;
    }
    return {};
  }
};

}  // namespace vmtriage
