#include "agent/base/time.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;

/// Reads fields off the front of a text; `ok` stays false once something did not fit.
class Cursor {
 public:
  explicit Cursor(std::string_view text, std::size_t at = 0) : text_(text), at_(at) {}

  int number(int min_digits, int max_digits) {
    int value = 0, digits = 0;
    while (digits < max_digits && is_digit(peek())) {
      value = value * 10 + (text_[at_++] - '0');
      ++digits;
    }
    if (digits < min_digits) ok_ = false;
    return value;
  }
  bool skip(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) { ok_ = skip(c) && ok_; }
  void skip_blanks() {
    while (peek() == ' ') ++at_;
  }
  /// 1 to 9 digits behind a point, as ticks.
  std::int64_t fraction() {
    std::int64_t ticks = 0;
    int digits = 0;
    for (; is_digit(peek()); ++at_, ++digits) {
      if (digits < 7) ticks = ticks * 10 + (text_[at_] - '0');
    }
    if (digits == 0) ok_ = false;
    for (; digits < 7; ++digits) ticks *= 10;
    return ticks;
  }
  std::string_view word() {
    const std::size_t begin = at_;
    while (is_alpha(peek())) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool ok() const { return ok_; }
  std::size_t at() const { return at_; }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

 private:
  std::string_view text_;
  std::size_t at_;
  bool ok_ = true;
};

int month_number(std::string_view name) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto found = std::find(kMonths.begin(), kMonths.end(), name);
  return found == kMonths.end() ? 0 : static_cast<int>(found - kMonths.begin()) + 1;
}

bool is_weekday(std::string_view name) {
  constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  return std::find(kDays.begin(), kDays.end(), name) != kDays.end();
}

struct TimeOfDay {
  int hour = 0, minute = 0, second = 0;
  std::int64_t ticks = 0;
};

/// `17:18:09[.766289]`, `17:18:09,766`, and extension.log's host daemon form `17:18:09:766`.
TimeOfDay read_time_of_day(Cursor& in) {
  TimeOfDay time;
  time.hour = in.number(1, 2);
  in.expect(':');
  time.minute = in.number(2, 2);
  in.expect(':');
  time.second = in.number(2, 2);
  if (in.ok() && (in.skip('.') || in.skip(',') || in.skip(':'))) time.ticks = in.fraction();
  return time;
}

/// `Z`, `+09:00`, `-0400` behind a time; sets the clock and gives the offset in minutes.
int read_zone(Cursor& in, Clock& clock) {
  if (in.skip('Z')) {
    clock = Clock::utc;
    return 0;
  }
  const char sign = in.peek();
  if (sign != '+' && sign != '-') return 0;
  Cursor ahead = in;
  ahead.skip(sign);
  const int hour = ahead.number(2, 2);
  ahead.skip(':');
  const int minute = ahead.number(2, 2);
  if (!ahead.ok()) return 0;
  in = ahead;
  clock = Clock::utc;
  return (sign == '-' ? -1 : 1) * (hour * 60 + minute);
}

std::optional<Stamp> finish(Cursor& in, std::size_t begin, int year, int month, int day, const TimeOfDay& time,
                            Clock clock, int offset_minutes = 0) {
  if (!in.ok()) return std::nullopt;
  const auto moment = make_time(year, month, day, time.hour, time.minute, time.second, time.ticks);
  if (!moment) return std::nullopt;
  return Stamp{*moment - minutes(offset_minutes), clock, begin, in.at()};
}

/// `2024-05-30T13:15:45.33Z`, `2016-12-16 17:18:09.766`, `2016/12/16 17:18:09`.
std::optional<Stamp> year_first(std::string_view line, std::size_t begin) {
  Cursor in(line, begin);
  const int year = in.number(4, 4);
  const char separator = in.peek();
  if (separator != '-' && separator != '/') return std::nullopt;
  in.skip(separator);
  const int month = in.number(1, 2);
  in.expect(separator);
  const int day = in.number(1, 2);
  if (!in.skip('T')) in.expect(' ');
  const TimeOfDay time = read_time_of_day(in);
  // extension.log's Python 3 lines carry UTC without saying so, its slashed lines local time; a bare stamp stays `local`.
  Clock clock = Clock::local;
  const int offset = in.ok() ? read_zone(in, clock) : 0;
  return finish(in, begin, year, month, day, time, clock, offset);
}

/// `12/11/2018 06:27:55.66`
std::optional<Stamp> month_first(std::string_view line, std::size_t begin) {
  Cursor in(line, begin);
  const int month = in.number(1, 2);
  in.expect('/');
  const int day = in.number(1, 2);
  in.expect('/');
  const int year = in.number(4, 4);
  in.expect(' ');
  const TimeOfDay time = read_time_of_day(in);
  return finish(in, begin, year, month, day, time, Clock::local);
}

/// `Jan 15 13:59:08`: the year that puts it nearest to, and not a day behind, the reference.
std::optional<Stamp> syslog(std::string_view line, std::size_t begin, Time reference) {
  Cursor in(line, begin);
  const int month = month_number(in.word());
  in.expect(' ');
  in.skip_blanks();
  const int day = in.number(1, 2);
  in.expect(' ');
  const TimeOfDay time = read_time_of_day(in);
  if (month == 0 || !in.ok()) return std::nullopt;
  const auto today = std::chrono::year_month_day(floor<days>(reference));
  int year = static_cast<int>(today.year());
  const auto moment = make_time(year, month, day, time.hour, time.minute, time.second, time.ticks);
  if (!moment || *moment > reference + days(2)) --year;
  return finish(in, begin, year, month, day, time, Clock::assumed);
}

/// `Mon Nov 18 00:05:10 UTC 2019` and `Thu May 21 05:04:31 PM UTC 2026`
std::optional<Stamp> date_command(std::string_view line, std::size_t begin) {
  Cursor in(line, begin);
  if (!is_weekday(in.word())) return std::nullopt;
  in.expect(' ');
  const int month = month_number(in.word());
  in.expect(' ');
  in.skip_blanks();
  const int day = in.number(1, 2);
  in.expect(' ');
  TimeOfDay time = read_time_of_day(in);
  in.skip_blanks();
  std::string_view word = in.word();
  if (word == "AM" || word == "PM") {
    time.hour = time.hour % 12 + (word == "PM" ? 12 : 0);
    in.skip_blanks();
    word = in.word();
  }
  in.skip_blanks();
  const int year = in.number(4, 4);
  return finish(in, begin, year, month, day, time, word == "UTC" ? Clock::utc : Clock::local);
}

std::optional<Stamp> stamp_at(std::string_view line, std::size_t begin, Time reference) {
  const char c = line[begin];
  if (Cursor::is_digit(c)) {
    if (auto stamp = year_first(line, begin)) return stamp;
    return month_first(line, begin);
  }
  if (auto stamp = syslog(line, begin, reference)) return stamp;
  return date_command(line, begin);
}

}  // namespace

std::string_view name_of(Clock clock) {
  switch (clock) {
    case Clock::utc: return "utc";
    case Clock::local: return "local";
    case Clock::assumed: return "assumed";
  }
  return "assumed";
}

std::optional<Stamp> find_stamp(std::string_view line, Time reference) {
  // A stamp starts the line or follows a short prefix in brackets: "[", "[00000018] ", "<13>".
  constexpr std::size_t kFarthestStart = 24;
  for (std::size_t at = 0; at < std::min(line.size(), kFarthestStart); ++at) {
    const char c = line[at];
    const bool start = at == 0 || line[at - 1] == '[' || line[at - 1] == ' ' || line[at - 1] == '>';
    if (!start || !(Cursor::is_digit(c) || Cursor::is_alpha(c))) continue;
    if (at != 0 && line[0] != '[' && line[0] != '<' && line[0] != ' ') return std::nullopt;
    if (auto stamp = stamp_at(line.substr(0, std::min<std::size_t>(line.size(), at + 64)), at, reference)) return stamp;
  }
  return std::nullopt;
}

std::optional<Time> make_time(int year, int month, int day, int hour, int minute, int second, std::int64_t ticks) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (month < 1 || month > 12 || day < 1 || !date.ok() || year < 1601 || year > 9999) return std::nullopt;
  if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
  return Time(sys_days(date)) + hours(hour) + minutes(minute) + seconds(second) + Ticks(ticks);
}

std::string format_time(Time time, bool fraction) {
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date(day);
  const auto rest = time - day;
  const auto second = std::chrono::duration_cast<seconds>(rest);
  const auto ticks = (rest - second).count();
  std::array<char, 48> text{};
  const int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                   static_cast<int>(second.count() / 3600), static_cast<int>(second.count() / 60 % 60),
                                   static_cast<int>(second.count() % 60));
  std::string out(text.data(), static_cast<std::size_t>(length));
  if (fraction) {
    std::snprintf(text.data(), text.size(), ".%07lld", static_cast<long long>(ticks));
    out += text.data();
  }
  return out + "Z";
}

std::optional<Time> parse_user_time(std::string_view text, Time now) {
  text = trim(text);
  const Time midnight = floor<days>(now);
  if (text == "now") return now;
  if (text == "today") return midnight;
  if (text == "yesterday") return midnight - days(1);
  Cursor in(text);
  const int count = in.number(1, 6);
  if (in.ok() && in.at() + 1 == text.size()) {
    switch (in.peek()) {
      case 'm': return now - minutes(count);
      case 'h': return now - hours(count);
      case 'd': return now - days(count);
      case 'w': return now - days(7 * count);
      default: return std::nullopt;
    }
  }
  Cursor date(text);
  const int year = date.number(4, 4);
  date.expect('-');
  const int month = date.number(2, 2);
  date.expect('-');
  const int day = date.number(2, 2);
  TimeOfDay time;
  int offset = 0;
  if (date.ok() && date.at() < text.size()) {
    if (!date.skip('T')) date.expect(' ');
    time.hour = date.number(2, 2);
    date.expect(':');
    time.minute = date.number(2, 2);
    if (date.skip(':')) time.second = date.number(2, 2);
    if (date.skip('.')) time.ticks = date.fraction();
    Clock clock = Clock::utc;
    offset = read_zone(date, clock);
  }
  if (!date.ok() || date.at() != text.size()) return std::nullopt;
  const auto moment = make_time(year, month, day, time.hour, time.minute, time.second, time.ticks);
  if (!moment) return std::nullopt;
  return *moment - minutes(offset);
}

Time from_unix_seconds(std::int64_t value) { return Time(seconds(value)); }
std::int64_t to_unix_seconds(Time time) { return floor<seconds>(time).time_since_epoch().count(); }
Time now() { return std::chrono::time_point_cast<Ticks>(std::chrono::system_clock::now()); }

}  // namespace vmtriage
