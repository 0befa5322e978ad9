#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace vmtriage {

/// Files that were met, by device and inode: 16 bytes for each, where std::set takes 48, because there may be a million of them.
class InodeSet {
 public:
  /// Whether the file was not in the set.
  bool insert(std::uint64_t device, std::uint64_t inode) { return devices_[device].insert(inode); }

 private:
  /// Open addressing; at most half of the places are taken.
  class Inodes {
   public:
    bool insert(std::uint64_t inode) {
      if (inode == kNone) return !std::exchange(has_none_, true);
      if (2 * (count_ + 1) > places_.size()) grow();
      std::uint64_t& place = place_of(inode);
      if (place == inode) return false;
      place = inode;
      ++count_;
      return true;
    }

   private:
    static constexpr std::uint64_t kNone = 0;
    static constexpr std::size_t kFirstPlaces = 256;  // a power of two, as all sizes

    std::uint64_t& place_of(std::uint64_t inode) {
      std::size_t at = (inode * 0x9E3779B97F4A7C15u) >> 20;
      while (places_[at & (places_.size() - 1)] != kNone && places_[at & (places_.size() - 1)] != inode) ++at;
      return places_[at & (places_.size() - 1)];
    }

    void grow() {
      std::vector<std::uint64_t> old(places_.empty() ? kFirstPlaces : 2 * places_.size(), kNone);
      old.swap(places_);
      for (const std::uint64_t inode : old) {
        if (inode != kNone) place_of(inode) = inode;
      }
    }

    std::vector<std::uint64_t> places_;
    std::size_t count_ = 0;
    bool has_none_ = false;
  };

  std::map<std::uint64_t, Inodes> devices_;
};

}  // namespace vmtriage
