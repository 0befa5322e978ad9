#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "agent/base/event.h"

namespace vmtriage {

/// Output that grows and is written in large pieces.
class OutputText {
 public:
  std::string_view view() const { return {data_.get(), size_}; }
  std::size_t size() const { return size_; }
  void clear() { size_ = 0; }
  /// Room for `size` more bytes.
  char* reserve(std::size_t size) {
    if (capacity_ - size_ < size) grow(size);
    return data_.get() + size_;
  }
  void commit(const char* end) { size_ = static_cast<std::size_t>(end - data_.get()); }
  void append(std::string_view text);

 private:
  void grow(std::size_t size);

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Appends one line of JSON with all fields of the event, as `vmtriage events --format jsonl` prints it.
void append_event_json(OutputText& out, const Event& event);

/// Appends the event as a headline and one indented line per value. Control characters are shown as `\xNN`, so that
/// nothing in a log can play with the terminal.
void append_event_text(OutputText& out, const Event& event);

}  // namespace vmtriage
