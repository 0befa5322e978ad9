#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "agent/base/time.h"
#include "analyzers/evtx/bytes.h"

namespace vmtriage {

/// The value types of binary XML (MS-EVEN6 2.2.12, winevt.h EVT_VARIANT_TYPE).
enum class ValueType : std::uint8_t {
  null = 0x00,
  utf16 = 0x01,
  ansi = 0x02,
  int8 = 0x03,
  uint8 = 0x04,
  int16 = 0x05,
  uint16 = 0x06,
  int32 = 0x07,
  uint32 = 0x08,
  int64 = 0x09,
  uint64 = 0x0a,
  real32 = 0x0b,
  real64 = 0x0c,
  boolean = 0x0d,
  binary = 0x0e,
  guid = 0x0f,
  size = 0x10,
  file_time = 0x11,
  system_time = 0x12,
  sid = 0x13,
  hex32 = 0x14,
  hex64 = 0x15,
  handle = 0x20,
  bin_xml = 0x21,
  xml = 0x23,
};

/// Marks UTF-8 text of this program's own among the values of a record; no value type of the format.
constexpr std::uint8_t kFixedText = 0x7f;

/// Set in a type byte when the value is a list of that type.
constexpr std::uint8_t kArrayFlag = 0x80;

/// A value inside a chunk: its bytes are not copied.
struct RawValue {
  std::uint8_t type = 0;
  Bytes bytes;

  bool is_null() const { return type == static_cast<std::uint8_t>(ValueType::null); }
  bool is_array() const { return (type & kArrayFlag) != 0; }
  bool is(ValueType wanted) const { return type == static_cast<std::uint8_t>(wanted); }
};

/// The strings of one event, in one block that is reused for the next event. Nothing moves while an event is being
/// built, so views stay valid until `clear`. A text that does not fit is left out and remembered by `overflowed`.
class TextBlock {
 public:
  /// A record has at most 64 KiB, and no value gets more than four times as long as text.
  static constexpr std::size_t kCapacity = 512 << 10;

  TextBlock() : data_(new char[kCapacity]) {}

  void clear() { used_ = 0, overflowed_ = false; }
  bool overflowed() const { return overflowed_; }
  std::size_t used() const { return used_; }
  std::string_view since(std::size_t mark) const { return {data_.get() + mark, used_ - mark}; }
  /// Room for `size` more bytes to be written and then `commit`ted, or nullptr.
  char* reserve(std::size_t size) {
    if (size <= kCapacity - used_) return data_.get() + used_;
    overflowed_ = true;
    return nullptr;
  }
  void commit(const char* end) { used_ = static_cast<std::size_t>(end - data_.get()); }
  void append(std::string_view text) {
    if (char* at = reserve(text.size())) {
      std::memcpy(at, text.data(), text.size());
      used_ += text.size();
    }
  }

 private:
  std::unique_ptr<char[]> data_;
  std::size_t used_ = 0;
  bool overflowed_ = false;
};

/// Appends `count` UTF-16LE units as UTF-8; an unpaired surrogate becomes U+FFFD.
void append_utf16(TextBlock& out, const Byte* units, std::size_t count);

/// Appends one value (not an array) the way Windows writes it into an event's XML: decimal numbers, `0x1f` for the
/// hexadecimal types, `true`, `{GUID}`, `S-1-5-18`, `2024-05-01T02:03:04.1234567Z`, upper-case hex for bytes. Text ends
/// at its trailing NULs; ANSI text is taken as code page 1252. A value shorter than its type is read as far as it goes.
void append_value(TextBlock& out, const RawValue& value);

/// The bytes of one value of a type, 0 when its size varies or the type is unknown.
std::size_t fixed_size(ValueType type);

/// Hands out the items of an array value one by one: strings are separated by NUL, other types have a fixed size (a SID
/// its own). What cannot be split comes as one item.
class ArrayItems {
 public:
  explicit ArrayItems(const RawValue& array);
  std::optional<RawValue> next();

 private:
  std::size_t item_size() const;

  std::uint8_t type_;
  Bytes rest_;
};

std::optional<std::uint64_t> to_any_number(RawValue value);
/// The number in a value of any integer type or in text; nothing when it is neither. The types of an event's id and
/// level, which are asked of every record, come first.
inline std::optional<std::uint64_t> to_number(const RawValue& value) {
  if (value.is(ValueType::uint16) && value.bytes.size() == 2) return load_u16(value.bytes.data());
  if (value.is(ValueType::uint8) && value.bytes.size() == 1) return value.bytes[0];
  return to_any_number(value);
}
/// The moment in a FILETIME, a SYSTEMTIME or ISO 8601 text.
std::optional<Time> to_time(const RawValue& value);

/// 100 ns since 1601-01-01; what Windows would refuse becomes its last moment.
Time from_file_time(std::uint64_t file_time);
/// Writes `2024-05-01T02:03:04.1234567Z` (28 bytes; more beyond year 9999, at most 32) and returns the end.
char* write_time(char* out, Time time);

}  // namespace vmtriage
