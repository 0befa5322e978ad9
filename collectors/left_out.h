#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vmtriage {

/// Evidence that was not collected or not read, and why.
struct LeftOut {
  std::string id;      ///< of the artifact; empty where none is concerned
  std::string origin;  ///< a path or a command; of several, the first
  std::string reason;
  std::uint64_t count = 1;  ///< how many for this reason, when they are too many to name

  bool operator==(const LeftOut&) const = default;
};

/// Collects what was left out in bounded memory: beyond `kNamed` entries of one artifact and reason only their number
/// is kept.
class LeftOutList {
 public:
  static constexpr std::size_t kNamed = 50;

  void add(std::string_view id, std::string_view origin, std::string_view reason, std::uint64_t count = 1) {
    std::size_t& seen = seen_[{std::string(id), std::string(reason)}];
    if (++seen <= kNamed) {
      entries_.push_back({std::string(id), std::string(origin), std::string(reason), count});
      return;
    }
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (entry->id == id && entry->reason == reason) {
        entry->count += count;
        return;
      }
    }
  }
  void add(const LeftOut& entry) { add(entry.id, entry.origin, entry.reason, entry.count); }

  const std::vector<LeftOut>& entries() const { return entries_; }

 private:
  std::vector<LeftOut> entries_;
  std::map<std::pair<std::string, std::string>, std::size_t> seen_;
};

}  // namespace vmtriage
