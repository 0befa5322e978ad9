#include "analyzers/evtx/places.h"

namespace vmtriage {

void PlaceTable::clear() {
  index_.clear();
  entries_.clear();
  owned_.clear();
  intern(Place::document, "");
}

std::optional<std::uint16_t> PlaceTable::intern(Place place, const std::string& path) {
  const auto known = index_.find({place, path});
  if (known != index_.end()) return known->second;
  if (entries_.size() >= kMaxPlaces) return std::nullopt;
  const auto index = static_cast<std::uint16_t>(entries_.size());
  owned_.push_back(std::make_unique<Entry>(Entry{place, path}));
  entries_.push_back(owned_.back().get());
  index_.emplace(std::pair(place, path), index);
  return index;
}

}  // namespace vmtriage
