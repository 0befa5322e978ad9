#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "agent/base/finding.h"

namespace vmtriage {

/// How often and when something was seen, with the first few places: what a check keeps until it makes the finding.
class Sightings {
 public:
  void add(Evidence evidence) {
    ++count_;
    if (evidence.time) {
      if (!first_ || *evidence.time < *first_) first_ = evidence.time;
      if (!last_ || *evidence.time > *last_) last_ = evidence.time;
    }
    show(std::move(evidence));
  }

  /// A place worth reading that is no sighting of its own.
  void show(Evidence evidence) {
    if (evidence_.size() < kMaxExcerpts) evidence_.push_back(std::move(evidence));
  }

  std::uint64_t count() const { return count_; }
  std::optional<Time> last() const { return last_; }

  void apply_to(Finding& finding) const {
    finding.count = count_;
    finding.first_seen = first_;
    finding.last_seen = last_;
    finding.evidence = evidence_;
  }

 private:
  std::uint64_t count_ = 0;
  std::optional<Time> first_;
  std::optional<Time> last_;
  std::vector<Evidence> evidence_;
};

}  // namespace vmtriage
