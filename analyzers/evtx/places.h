#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vmtriage {

/// Where in an event's tree an element stands.
enum class Place : std::uint8_t { document, event, system, rendering, data };

/// The places at which a fragment can be inserted into an event. Index 0 is the whole event.
class PlaceTable {
 public:
  /// An honest chunk has some dozens; all of them are dropped now and then.
  static constexpr std::size_t kMaxPlaces = 1024;

  struct Entry {
    Place place = Place::document;
    std::string path;  ///< below EventData/UserData: `EventXML/listenerName`
  };

  PlaceTable() { clear(); }
  void clear();
  std::size_t size() const { return entries_.size(); }
  const Entry& operator[](std::size_t index) const { return *entries_[index]; }
  /// The index of that place; nothing when the table is full.
  std::optional<std::uint16_t> intern(Place place, const std::string& path);

 private:
  std::map<std::pair<Place, std::string>, std::uint16_t> index_;
  std::vector<const Entry*> entries_;
  std::vector<std::unique_ptr<Entry>> owned_;
};

}  // namespace vmtriage
