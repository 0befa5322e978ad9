#include "analyzers/evtx/value.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

constexpr std::int64_t kFileTimeOfUnixEpoch = 116'444'736'000'000'000;
constexpr std::uint64_t kLastFileTime = 0x7fff'ffff'ffff'ffff;  ///< Windows refuses larger ones
constexpr std::int64_t kTicksPerSecond = 10'000'000;
constexpr std::int64_t kTicksPerDay = 86'400 * kTicksPerSecond;
constexpr unsigned kLastYear = 30'827;  ///< of a SYSTEMTIME
constexpr char kUpperHex[] = "0123456789ABCDEF";
constexpr char kLowerHex[] = "0123456789abcdef";

/// 0x80 to 0x9f of code page 1252; the five holes are kept as control characters, as Windows does.
constexpr std::array<std::uint16_t, 32> kCodePage1252 = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

constexpr auto kTwoDigits = [] {
  std::array<char, 200> digits{};
  for (unsigned i = 0; i < 100; ++i) {
    digits[2 * i] = static_cast<char>('0' + i / 10);
    digits[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return digits;
}();

constexpr auto kHexPairs = [] {
  std::array<char, 512> pairs{};
  for (unsigned i = 0; i < 256; ++i) {
    pairs[2 * i] = kUpperHex[i >> 4];
    pairs[2 * i + 1] = kUpperHex[i & 15];
  }
  return pairs;
}();

char* put_two(char* out, unsigned value) {
  std::memcpy(out, &kTwoDigits[2 * value], 2);
  return out + 2;
}

char* put_hex_byte(char* out, Byte value) {
  std::memcpy(out, &kHexPairs[2 * std::size_t{value}], 2);
  return out + 2;
}

char* put_code_point(char* out, std::uint32_t c) {
  if (c < 0x80) {
    *out++ = static_cast<char>(c);
  } else if (c < 0x800) {
    *out++ = static_cast<char>(0xc0 | (c >> 6));
    *out++ = static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    *out++ = static_cast<char>(0xe0 | (c >> 12));
    *out++ = static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    *out++ = static_cast<char>(0x80 | (c & 0x3f));
  } else {
    *out++ = static_cast<char>(0xf0 | (c >> 18));
    *out++ = static_cast<char>(0x80 | ((c >> 12) & 0x3f));
    *out++ = static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    *out++ = static_cast<char>(0x80 | (c & 0x3f));
  }
  return out;
}

bool is_high_surrogate(std::uint32_t unit) { return (unit & 0xfc00) == 0xd800; }
bool is_low_surrogate(std::uint32_t unit) { return (unit & 0xfc00) == 0xdc00; }

/// Four UTF-16 units at once, while they are all ASCII. Returns how many units were copied.
std::size_t copy_ascii_units(char* out, const Byte* units, std::size_t count) {
  std::size_t done = 0;
  for (; done + 4 <= count; done += 4) {
    std::uint64_t word = load_u64(units + 2 * done);
    if (word & 0xff80ff80ff80ff80u) break;
    word = (word | (word >> 8)) & 0x0000ffff0000ffffu;
    const auto packed = static_cast<std::uint32_t>(word | (word >> 16));
    std::memcpy(out + done, &packed, sizeof packed);
  }
  return done;
}

char* put_utf16(char* out, const Byte* units, std::size_t count) {
  for (std::size_t i = 0; i < count;) {
    const std::size_t ascii = copy_ascii_units(out, units + 2 * i, count - i);
    out += ascii;
    i += ascii;
    const std::size_t stop = std::min(count, i + 4);
    while (i < stop) {
      std::uint32_t c = load_u16(units + 2 * i++);
      if ((c & 0xf800) == 0xd800) {
        const std::uint32_t low = i < count ? load_u16(units + 2 * i) : 0u;
        const bool paired = is_high_surrogate(c) && is_low_surrogate(low);
        c = paired ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
        i += paired;
      }
      out = put_code_point(out, c);
    }
  }
  return out;
}

/// Reads the low `size` bytes as a number, at most eight.
std::uint64_t load_unsigned(Bytes bytes, std::size_t size) {
  switch (std::min(bytes.size(), size)) {
    case 0:
      return 0;
    case 1:
      return bytes[0];
    case 2:
      return load_u16(bytes.data());
    case 4:
      return load_u32(bytes.data());
    case 8:
      return load_u64(bytes.data());
    default:
      break;
  }
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min({bytes.size(), size, sizeof value}));
  return value;
}

std::int64_t load_signed(Bytes bytes, std::size_t size) {
  const std::size_t used = std::min({bytes.size(), size, sizeof(std::int64_t)});
  if (used == 0) return 0;
  const auto shift = static_cast<int>(64 - 8 * used);
  return static_cast<std::int64_t>(load_unsigned(bytes, used) << shift) >> shift;
}

template <typename Number>
void append_number(TextBlock& out, Number value) {
  char* at = out.reserve(32);
  if (at) out.commit(std::to_chars(at, at + 32, value).ptr);
}

void append_hex_number(TextBlock& out, std::uint64_t value) {
  char* at = out.reserve(18);
  if (!at) return;
  *at++ = '0';
  *at++ = 'x';
  for (int shift = value ? (63 - std::countl_zero(value)) / 4 * 4 : 0; shift >= 0; shift -= 4) {
    *at++ = kLowerHex[(value >> shift) & 15];
  }
  out.commit(at);
}

void append_ansi(TextBlock& out, Bytes bytes) {
  char* at = out.reserve(3 * bytes.size());
  if (!at) return;
  for (const Byte c : bytes) at = put_code_point(at, c >= 0x80 && c < 0xa0 ? kCodePage1252[c - 0x80] : c);
  out.commit(at);
}

void append_hex_bytes(TextBlock& out, Bytes bytes) {
  char* at = out.reserve(2 * bytes.size());
  if (!at) return;
  for (const Byte c : bytes) at = put_hex_byte(at, c);
  out.commit(at);
}

void append_guid(TextBlock& out, Bytes bytes) {
  if (bytes.size() < 16) return append_hex_bytes(out, bytes);
  char* at = out.reserve(38);
  if (!at) return;
  *at++ = '{';
  for (const int index : {3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15}) {
    if (index < 0) {
      *at++ = '-';
    } else {
      at = put_hex_byte(at, bytes[static_cast<std::size_t>(index)]);
    }
  }
  *at++ = '}';
  out.commit(at);
}

/// `S-1-5-21-…`; sub-authorities that the bytes do not hold are left out.
void append_sid(TextBlock& out, Bytes bytes) {
  if (bytes.size() < 8) return append_hex_bytes(out, bytes);
  std::uint64_t authority = 0;
  for (std::size_t i = 2; i < 8; ++i) authority = authority << 8 | bytes[i];
  out.append("S-");
  append_number(out, static_cast<unsigned>(bytes[0]));
  out.append("-");
  append_number(out, authority);
  const std::size_t count = std::min<std::size_t>(bytes[1], (bytes.size() - 8) / 4);
  for (std::size_t i = 0; i < count; ++i) {
    out.append("-");
    append_number(out, load_u32(bytes.data() + 8 + 4 * i));
  }
}

void append_time(TextBlock& out, const RawValue& value) {
  const std::optional<Time> time = to_time(value);
  if (!time) return append_hex_bytes(out, value.bytes);
  if (char* at = out.reserve(32)) out.commit(write_time(at, *time));
}

template <typename Real, typename Bits>
void append_real(TextBlock& out, Bytes bytes) {
  append_number(out, std::bit_cast<Real>(static_cast<Bits>(load_unsigned(bytes, sizeof(Bits)))));
}

/// The length of the text before its first NUL, where Windows ends it whatever the size says, in units of `width` bytes.
std::size_t units_of_text(Bytes bytes, std::size_t width) {
  const std::size_t count = bytes.size() / width;
  if (width == 1) return std::min(view_of(bytes.data(), count).find('\0'), count);
  // Four units at a time: a borrow into a unit's high bit means that it was zero, or that one before it was.
  constexpr std::uint64_t kEachUnit = 0x0001000100010001u, kHighBits = 0x8000 * kEachUnit;
  std::size_t at = 0;
  for (; at + 4 <= count; at += 4) {
    const std::uint64_t units = load_u64(bytes.data() + 2 * at);
    if (((units - kEachUnit) & ~units & kHighBits) != 0) break;
  }
  while (at < count && load_u16(bytes.data() + 2 * at) != 0) ++at;
  return at;
}

/// Days since 1970-01-01 to a date of the Gregorian calendar. Source: H. Hinnant, "chrono-compatible low-level date
/// algorithms"; std::chrono's years end at 32767, a FILETIME's at 60056.
struct Date {
  unsigned year, month, day;
};
Date date_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const auto year = static_cast<unsigned>(static_cast<std::int64_t>(year_of_era) + era * 400) + (month <= 2);
  return {year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

std::int64_t days_of(std::int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + static_cast<std::int64_t>(day_of_era) - 719'468;
}

struct Calendar {
  unsigned year, month, day, hour, minute, second, ticks;
};
std::optional<Time> time_of(const Calendar& c) {
  const bool valid = c.month >= 1 && c.month <= 12 && c.day >= 1 && c.day <= 31 && c.hour < 24 && c.minute < 60 &&
                     c.second <= 60 && c.year >= 1601 && c.year <= kLastYear;
  if (!valid) return std::nullopt;
  const std::int64_t seconds = days_of(c.year, c.month, c.day) * 86'400 + c.hour * 3600 + c.minute * 60 + c.second;
  return Time(Ticks(seconds * kTicksPerSecond + c.ticks));
}

std::optional<Time> time_of_system_time(Bytes bytes) {
  if (bytes.size() < 16) return std::nullopt;
  const auto field = [&](std::size_t i) -> unsigned { return load_u16(bytes.data() + 2 * i); };
  return time_of({field(0), field(1), field(3), field(4), field(5), field(6), std::min(field(7), 999u) * 10'000});
}

/// `2024-05-01T02:03:04[.1234567[89]][Z]`
std::optional<Time> time_of_text(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00";
  if (text.size() < kShape.size()) return std::nullopt;
  std::array<unsigned, 6> fields{};
  std::size_t field = 0;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (digit != (kShape[i] == '0')) return std::nullopt;
    if (digit) {
      fields[field] = fields[field] * 10 + static_cast<unsigned>(text[i] - '0');
    } else {
      ++field;
    }
  }
  unsigned ticks = 0, scale = kTicksPerSecond / 10;
  if (text.size() > kShape.size() && text[kShape.size()] == '.') {
    for (std::size_t i = kShape.size() + 1; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i, scale /= 10) {
      ticks += static_cast<unsigned>(text[i] - '0') * scale;
    }
  }
  return time_of({fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], ticks});
}

std::string text_of(const RawValue& value) {
  if (!value.is(ValueType::utf16)) return std::string(trim(view_of(value.bytes.data(), units_of_text(value.bytes, 1))));
  const std::string text = utf16_to_utf8(view_of(value.bytes.data(), 2 * units_of_text(value.bytes, 2)));
  return std::string(trim(text));
}

/// The bytes of one item of a type, 0 when items have no fixed size.
constexpr std::uint8_t size_of(ValueType type) {
  switch (type) {
    case ValueType::int8:
    case ValueType::uint8:
      return 1;
    case ValueType::int16:
    case ValueType::uint16:
      return 2;
    case ValueType::int32:
    case ValueType::uint32:
    case ValueType::real32:
    case ValueType::boolean:
    case ValueType::hex32:
      return 4;
    case ValueType::int64:
    case ValueType::uint64:
    case ValueType::real64:
    case ValueType::size:
    case ValueType::file_time:
    case ValueType::hex64:
    case ValueType::handle:
      return 8;
    case ValueType::guid:
    case ValueType::system_time:
      return 16;
    default:
      return 0;
  }
}

constexpr auto kSizes = [] {
  std::array<std::uint8_t, 256> sizes{};
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = size_of(static_cast<ValueType>(i));
  return sizes;
}();

bool is_text(const RawValue& value) {
  return value.is(ValueType::utf16) || value.is(ValueType::ansi) || value.type == kFixedText;
}

std::optional<std::uint64_t> number_of_text(std::string_view text) {
  std::uint64_t number = 0;
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  const char* begin = text.data() + (hex ? 2 : 0);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, number, hex ? 16 : 10);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::size_t fixed_size(ValueType type) { return kSizes[static_cast<std::uint8_t>(type)]; }

void append_utf16(TextBlock& out, const Byte* units, std::size_t count) {
  char* at = out.reserve(3 * count);
  if (at) out.commit(put_utf16(at, units, count));
}

void append_value(TextBlock& out, const RawValue& value) {
  const Bytes bytes = value.bytes;
  const auto type = static_cast<ValueType>(value.type);
  if (bytes.empty() || type == ValueType::null) return;
  switch (type) {
    case ValueType::utf16:
    case ValueType::xml:
      return append_utf16(out, bytes.data(), units_of_text(bytes, 2));
    case ValueType::ansi:
      return append_ansi(out, bytes.first(units_of_text(bytes, 1)));
    case ValueType::int8:
    case ValueType::int16:
    case ValueType::int32:
    case ValueType::int64:
      return append_number(out, load_signed(bytes, fixed_size(type)));
    case ValueType::uint8:
    case ValueType::uint16:
    case ValueType::uint32:
    case ValueType::uint64:
      return append_number(out, load_unsigned(bytes, fixed_size(type)));
    case ValueType::real32:
      return append_real<float, std::uint32_t>(out, bytes);
    case ValueType::real64:
      return append_real<double, std::uint64_t>(out, bytes);
    case ValueType::boolean:
      return out.append(load_unsigned(bytes, 4) ? "true" : "false");
    case ValueType::guid:
      return append_guid(out, bytes);
    case ValueType::file_time:
    case ValueType::system_time:
      return append_time(out, value);
    case ValueType::sid:
      return append_sid(out, bytes);
    case ValueType::size:
    case ValueType::hex32:
    case ValueType::hex64:
    case ValueType::handle:
      return append_hex_number(out, load_unsigned(bytes, fixed_size(type)));
    default:
      return append_hex_bytes(out, bytes);
  }
}

ArrayItems::ArrayItems(const RawValue& array)
    : type_(static_cast<std::uint8_t>(array.type & ~kArrayFlag)), rest_(array.bytes) {}

std::size_t ArrayItems::item_size() const {
  const auto type = static_cast<ValueType>(type_);
  if (type == ValueType::sid && rest_.size() >= 8) return 8 + 4 * std::size_t{rest_[1]};
  if (type == ValueType::size && rest_.size() % 8 != 0) return 4;
  const std::size_t size = fixed_size(type);
  return size ? size : rest_.size();
}

std::optional<RawValue> ArrayItems::next() {
  if (rest_.empty()) return std::nullopt;
  const auto type = static_cast<ValueType>(type_);
  std::size_t size, step;
  if (type == ValueType::utf16 || type == ValueType::ansi) {
    const std::size_t width = type == ValueType::utf16 ? 2 : 1;
    size = 0;
    while (size + width <= rest_.size() && (rest_[size] != 0 || rest_[size + width - 1] != 0)) size += width;
    step = size + width;
  } else {
    size = step = item_size();
  }
  const RawValue item{type_, rest_.first(std::min(size, rest_.size()))};
  rest_ = rest_.subspan(std::min(step, rest_.size()));
  return item;
}

std::optional<std::uint64_t> to_any_number(RawValue value) {
  const std::size_t size = fixed_size(static_cast<ValueType>(value.type));
  if (size == 0) return is_text(value) ? number_of_text(text_of(value)) : std::nullopt;
  if (size > 8 || value.bytes.empty()) return std::nullopt;
  return load_unsigned(value.bytes, size);
}

std::optional<Time> to_time(const RawValue& value) {
  if (value.is(ValueType::file_time) && value.bytes.size() >= 8) {
    const std::uint64_t ticks = load_u64(value.bytes.data());
    return ticks <= kLastFileTime ? std::optional(from_file_time(ticks)) : std::nullopt;
  }
  if (value.is(ValueType::system_time)) return time_of_system_time(value.bytes);
  if (is_text(value)) return time_of_text(text_of(value));
  return std::nullopt;
}

Time from_file_time(std::uint64_t file_time) {
  return Time(Ticks(static_cast<std::int64_t>(std::min(file_time, kLastFileTime)) - kFileTimeOfUnixEpoch));
}

char* write_time(char* out, Time time) {
  const std::int64_t ticks = time.time_since_epoch().count();
  const std::int64_t days = ticks / kTicksPerDay - (ticks % kTicksPerDay < 0);
  const auto of_day = static_cast<std::uint64_t>(ticks - days * kTicksPerDay);
  const Date date = date_of(days);
  const auto seconds = static_cast<unsigned>(of_day / kTicksPerSecond);
  auto fraction = static_cast<unsigned>(of_day % kTicksPerSecond);
  if (date.year > 9999) {
    out = std::to_chars(out, out + 8, date.year).ptr;
  } else {
    out = put_two(put_two(out, date.year / 100), date.year % 100);
  }
  *out++ = '-';
  out = put_two(out, date.month);
  *out++ = '-';
  out = put_two(out, date.day);
  *out++ = 'T';
  out = put_two(out, seconds / 3600);
  *out++ = ':';
  out = put_two(out, seconds / 60 % 60);
  *out++ = ':';
  out = put_two(out, seconds % 60);
  *out++ = '.';
  *out++ = static_cast<char>('0' + fraction / 1'000'000);
  fraction %= 1'000'000;
  out = put_two(out, fraction / 10'000);
  out = put_two(out, fraction / 100 % 100);
  out = put_two(out, fraction % 100);
  *out++ = 'Z';
  return out;
}

}  // namespace vmtriage
