#include "agent/time_window.h"

#include <algorithm>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

constexpr auto kLocalSlack = std::chrono::hours(14);

/// Calls `decide` with every line that has a stamp until it answers true; the offset of that line, or npos.
template <typename Decide>
std::size_t find_line(std::string_view text, Decide&& decide) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (decide(text.substr(begin, end - begin))) return begin;
    begin = end + 1;
  }
  return std::string_view::npos;
}

}  // namespace

TimeWindow::Part TimeWindow::cut(const Block& block) {
  Part part{block, 0};
  if (range_.is_open()) return part;
  if (!inside_ && range_.since) {
    std::size_t first = find_line(block.text, [&](std::string_view line) {
      const auto stamp = find_stamp(line, reference_);
      if (!stamp) return false;
      any_stamp_ = true;
      return !is_before(line);
    });
    // A text without a single stamp has no clock: all of it is kept.
    if (first == std::string_view::npos) first = any_stamp_ ? block.text.size() : 0;
    inside_ = first < block.text.size() || !any_stamp_;
    part.skipped_lines = count_lines(block.text.substr(0, first));
    dropped_ += part.skipped_lines;
    part.block.text = block.text.substr(first);
  }
  if (range_.until) {
    const std::size_t end = find_line(part.block.text, [&](std::string_view line) { return is_behind(line); });
    if (end != std::string_view::npos) {
      over_ = true;
      dropped_ += count_lines(part.block.text.substr(end));
      part.block.text = part.block.text.substr(0, end);
      part.block.cut = false;
    }
  }
  return part;
}

bool TimeWindow::is_before(std::string_view line) const {
  const auto stamp = find_stamp(line, reference_);
  return stamp && stamp->time + (stamp->clock == Clock::utc ? Ticks{} : Ticks(kLocalSlack)) < *range_.since;
}

bool TimeWindow::is_behind(std::string_view line) const {
  const auto stamp = find_stamp(line, reference_);
  return stamp && stamp->time - (stamp->clock == Clock::utc ? Ticks{} : Ticks(kLocalSlack)) > *range_.until;
}

}  // namespace vmtriage
