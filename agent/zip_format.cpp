#include "agent/zip_format.h"

#include <algorithm>
#include <chrono>

#include "agent/base/text.h"

// Field names and layouts: PKWARE APPNOTE.TXT 6.3, sections 4.3 to 4.5.

namespace vmtriage {
namespace {

constexpr std::uint64_t kMax32 = 0xffffffff;
constexpr std::uint64_t kMax16 = 0xffff;
constexpr std::uint16_t kVersionDeflate = 20;
constexpr std::uint16_t kVersionZip64 = 45;
constexpr std::uint16_t kMadeByUnix = 3 << 8 | kVersionZip64;
constexpr std::uint16_t kUtf8Flag = 1 << 11;
constexpr std::uint32_t kPrivateFileMode = 0100600;
constexpr std::uint16_t kZip64Field = 0x0001;
constexpr std::uint16_t kTimeField = 0x5455;
/// A field without a meaning, made to keep room in a header ("Microsoft Open Packaging Growth Hint").
constexpr std::uint16_t kPaddingField = 0xa220;
constexpr std::uint16_t kPaddingSignature = 0xa028;

class Bytes {
 public:
  Bytes& u16(std::uint64_t value) { return put(value, 2); }
  Bytes& u32(std::uint64_t value) { return put(value, 4); }
  Bytes& u64(std::uint64_t value) { return put(value, 8); }
  Bytes& text(std::string_view bytes) {
    out_ += bytes;
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  Bytes& put(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xff);
    return *this;
  }
  std::string out_;
};

bool fits(std::uint64_t value) { return value < kMax32; }

std::uint64_t low32(std::uint64_t value) { return std::min(value, kMax32); }

/// Time and date of MS-DOS: two seconds fine, 1980 to 2107.
std::uint32_t dos_time(Time time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  const int year = static_cast<int>(date.year());
  if (year < 1980) return 1 << 21 | 1 << 16;
  if (year > 2107) return 0xff9fbf7d;
  return static_cast<std::uint32_t>(year - 1980) << 25 | static_cast<unsigned>(date.month()) << 21 |
         static_cast<unsigned>(date.day()) << 16 | static_cast<std::uint32_t>(clock.hours().count()) << 11 |
         static_cast<std::uint32_t>(clock.minutes().count()) << 5 |
         static_cast<std::uint32_t>(clock.seconds().count()) / 2;
}

std::string time_field(Time time) {
  const std::int64_t seconds = to_unix_seconds(time);
  if (seconds < 0 || seconds > INT32_MAX) return {};
  return Bytes().u16(kTimeField).u16(5).text("\x01").u32(static_cast<std::uint64_t>(seconds)).take();
}

std::uint16_t flags_of(const std::string& name) {
  const bool ascii = std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return ascii ? 0 : kUtf8Flag;
}

/// Both sizes, as the local header must have them; else the room they would take.
std::string local_size_field(const ZipRecord& record, bool wide) {
  if (wide) return Bytes().u16(kZip64Field).u16(16).u64(record.size).u64(record.compressed_size).take();
  return Bytes().u16(kPaddingField).u16(16).u16(kPaddingSignature).text(std::string(14, '\0')).take();
}

/// The numbers that do not fit their own fields, in this order.
std::string central_size_field(const ZipRecord& record) {
  Bytes numbers;
  for (const std::uint64_t number : {record.size, record.compressed_size, record.offset}) {
    if (!fits(number)) numbers.u64(number);
  }
  const std::string bytes = numbers.take();
  return bytes.empty() ? bytes : Bytes().u16(kZip64Field).u16(bytes.size()).text(bytes).take();
}

}  // namespace

std::string zip_local_header(const ZipRecord& record, bool keep_room) {
  const bool wide = !fits(record.size) || !fits(record.compressed_size);
  const std::string extra = (wide || keep_room ? local_size_field(record, wide) : "") + time_field(record.modified);
  return Bytes()
      .text("PK\x03\x04")
      .u16(wide ? kVersionZip64 : kVersionDeflate)
      .u16(flags_of(record.name))
      .u16(record.method)
      .u32(dos_time(record.modified))
      .u32(record.crc)
      .u32(wide ? kMax32 : record.compressed_size)
      .u32(wide ? kMax32 : record.size)
      .u16(record.name.size())
      .u16(extra.size())
      .text(record.name)
      .text(extra)
      .take();
}

std::string zip_central_record(const ZipRecord& record) {
  const std::string sizes = central_size_field(record);
  const std::string extra = sizes + time_field(record.modified);
  return Bytes()
      .text("PK\x01\x02")
      .u16(kMadeByUnix)
      .u16(sizes.empty() ? kVersionDeflate : kVersionZip64)
      .u16(flags_of(record.name))
      .u16(record.method)
      .u32(dos_time(record.modified))
      .u32(record.crc)
      .u32(low32(record.compressed_size))
      .u32(low32(record.size))
      .u16(record.name.size())
      .u16(extra.size())
      .u16(0)  // comment
      .u16(0)  // disk
      .u16(0)  // internal attributes
      .u32(kPrivateFileMode << 16)
      .u32(low32(record.offset))
      .text(record.name)
      .text(extra)
      .take();
}

std::string zip_end_of_directory(std::uint64_t entries, std::uint64_t directory_offset, std::uint64_t directory_size) {
  Bytes out;
  if (entries >= kMax16 || !fits(directory_offset) || !fits(directory_size)) {
    const std::uint64_t record_offset = directory_offset + directory_size;
    out.text("PK\x06\x06").u64(44).u16(kMadeByUnix).u16(kVersionZip64).u32(0).u32(0);
    out.u64(entries).u64(entries).u64(directory_size).u64(directory_offset);
    out.text("PK\x06\x07").u32(0).u64(record_offset).u32(1);
  }
  const std::uint64_t entries16 = std::min(entries, kMax16);
  out.text("PK\x05\x06").u16(0).u16(0).u16(entries16).u16(entries16);
  return out.u32(low32(directory_size)).u32(low32(directory_offset)).u16(0).take();
}

}  // namespace vmtriage
