#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace vmtriage {

using Byte = unsigned char;
using Bytes = std::span<const Byte>;

/// Little-endian numbers as they stand in an event log; the caller has checked the bounds.
inline std::uint16_t load_u16(const Byte* at) {
  std::uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
inline std::uint32_t load_u32(const Byte* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
inline std::uint64_t load_u64(const Byte* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline std::string_view view_of(const Byte* at, std::size_t size) { return {reinterpret_cast<const char*>(at), size}; }

/// Walks over foreign bytes from `position` to `end`. A read past the end gives 0 and marks the cursor as failed, so a
/// parser may read on and ask once.
class ByteCursor {
 public:
  ByteCursor(Bytes bytes, std::size_t position, std::size_t end)
      : data_(bytes.data()), position_(position), end_(end < bytes.size() ? end : bytes.size()) {
    if (position_ > end_) fail();
  }

  std::size_t position() const { return position_; }
  std::size_t left() const { return end_ - position_; }
  bool failed() const { return failed_; }
  void fail() {
    failed_ = true;
    position_ = end_;
  }

  /// The next byte without taking it; 0 at the end.
  std::uint8_t peek() const { return left() > 0 ? data_[position_] : std::uint8_t{0}; }
  std::uint8_t u8() { return have(1) ? data_[position_++] : std::uint8_t{0}; }
  std::uint16_t u16() { return have(2) ? load_u16(take(2)) : std::uint16_t{0}; }
  std::uint32_t u32() { return have(4) ? load_u32(take(4)) : 0; }
  /// The next `size` bytes, or none.
  Bytes bytes(std::size_t size) { return have(size) ? Bytes(take(size), size) : Bytes(); }
  void skip(std::size_t size) {
    if (have(size)) position_ += size;
  }

 private:
  bool have(std::size_t size) {
    if (size <= left()) return true;
    fail();
    return false;
  }
  const Byte* take(std::size_t size) {
    const Byte* at = data_ + position_;
    position_ += size;
    return at;
  }

  const Byte* data_;
  std::size_t position_;
  std::size_t end_;
  bool failed_ = false;
};

}  // namespace vmtriage
