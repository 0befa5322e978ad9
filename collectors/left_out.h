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
    auto seen = seen_.find(std::pair(id, reason));
    if (seen == seen_.end()) seen = seen_.emplace(std::pair(std::string(id), std::string(reason)), Seen{}).first;
    if (seen->second.entries == kNamed) {
      entries_[seen->second.last].count += count;
      return;
    }
    ++seen->second.entries;
    seen->second.last = entries_.size();
    entries_.push_back({std::string(id), std::string(origin), std::string(reason), count});
  }
  void add(const LeftOut& entry) { add(entry.id, entry.origin, entry.reason, entry.count); }

  const std::vector<LeftOut>& entries() const { return entries_; }

 private:
  /// The entries of one artifact and reason.
  struct Seen {
    std::size_t entries = 0;
    std::size_t last = 0;  ///< where the last one stands
  };
  /// Finds a pair of strings by a pair of views.
  struct Before {
    using is_transparent = void;
    using Views = std::pair<std::string_view, std::string_view>;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return Views(a.first, a.second) < Views(b.first, b.second);
    }
  };

  std::vector<LeftOut> entries_;
  std::map<std::pair<std::string, std::string>, Seen, Before> seen_;
};

}  // namespace vmtriage
