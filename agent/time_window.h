#pragma once

#include <optional>
#include <string_view>

#include "agent/base/blocks.h"
#include "agent/base/time.h"

namespace vmtriage {

/// --since and --until.
struct TimeRange {
  std::optional<Time> since;
  std::optional<Time> until;

  bool is_open() const { return !since && !until; }
};

/// Cuts a log to a time range by the stamps of its lines. A log is taken to run forward in time; a line without a stamp belongs to
/// the record above it. Stamps without a zone may be any local time: they are kept when they lie within 14 hours of the range.
class TimeWindow {
 public:
  TimeWindow(TimeRange range, Time reference) : range_(range), reference_(reference) {}

  /// The part of a block inside the range.
  struct Part {
    Block block;
    std::uint64_t skipped_lines = 0;  ///< lines of the block in front of the part
  };
  Part cut(const Block& block);

  /// True once a line behind the range was met: nothing more need be read.
  bool is_over() const { return over_; }
  /// Lines that were left out, in all.
  std::uint64_t dropped() const { return dropped_; }

 private:
  bool is_before(std::string_view line) const;
  bool is_behind(std::string_view line) const;

  TimeRange range_;
  Time reference_;
  bool inside_ = false;  ///< the range has begun
  bool any_stamp_ = false;
  bool over_ = false;
  std::uint64_t dropped_ = 0;
};

}  // namespace vmtriage
