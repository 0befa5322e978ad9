#include "analyzers/checks/vss_copies.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "agent/base/text.h"
#include "analyzers/checks/vss_lines.h"

namespace vmtriage {
namespace {

constexpr std::string_view kVolumePrefix = "\\\\?\\Volume{";
constexpr std::string_view kDevice = "HarddiskVolumeShadowCopy";
/// Far beyond what Windows allows for all volumes of a VM.
constexpr std::size_t kMaxCopies = 65536;
constexpr std::size_t kMaxEntries = 4096;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// `C:` of `(C:)\\?\Volume{…}\` and of `\\?\Volume{…}\ [C:\]`; nothing when the line names no volume.
std::optional<std::string> volume_in(std::string_view line) {
  const std::size_t at = line.find(kVolumePrefix);
  if (at == std::string_view::npos) return std::nullopt;
  if (at >= 4 && line[at - 1] == ')' && line[at - 2] == ':' && is_letter(line[at - 3]) && line[at - 4] == '(') {
    return std::string(line.substr(at - 3, 2));
  }
  if (const std::size_t bracket = line.find('[', at); bracket != std::string_view::npos) {
    const std::string_view path = line.substr(bracket + 1, line.find(']', bracket) - bracket - 1);
    if (path.size() >= 2 && path[1] == ':')
      return std::string(path.substr(0, path.ends_with('\\') ? path.size() - 1 : path.size()));
  }
  const std::string_view name = line.substr(at + 4);
  return std::string(name.substr(0, name.find('\\')));
}

/// `1.0.0.7`
bool is_version(std::string_view text) {
  return std::count(text.begin(), text.end(), '.') >= 2 &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
}

/// `1.93`, `1,93`, `1,023`: a comma before exactly three digits parts thousands.
double parse_number(std::string_view digits) {
  std::string plain(digits);
  const std::size_t comma = plain.find(',');
  if (comma != std::string::npos && plain.size() - comma == 4 && comma > 0) {
    plain.erase(comma, 1);
  } else {
    std::replace(plain.begin(), plain.end(), ',', '.');
  }
  double value = 0;
  std::from_chars(plain.data(), plain.data() + plain.size(), value);
  return value;
}

/// What a unit stands for, by its first letter in Latin and Cyrillic: `GB`, `Go`, `ГБ`; all others are bytes.
double unit_bytes(std::string_view unit) {
  constexpr std::pair<std::string_view, int> kUnits[] = {{"k", 1}, {"К", 1}, {"m", 2}, {"М", 2}, {"g", 3},
                                                         {"Г", 3}, {"t", 4}, {"Т", 4}, {"p", 5}, {"П", 5}};
  for (const auto& [letter, power] : kUnits) {
    if (starts_with_no_case(unit, letter)) return static_cast<double>(std::uint64_t{1} << (10 * power));
  }
  return 1;
}

struct Size {
  std::optional<double> bytes;  ///< nothing for UNBOUNDED
  std::optional<int> percent;
};

/// `1.93 GB (1%)`, `UNBOUNDED (100%)`, `無制限`
Size parse_storage_size(std::string_view value) {
  Size size;
  const std::string_view number = value.substr(0, value.find_first_not_of("0123456789.,"));
  if (!number.empty()) {
    std::string_view unit = value.substr(number.size());
    while (unit.starts_with(' ') || unit.starts_with("\xC2\xA0")) unit.remove_prefix(unit.front() == ' ' ? 1 : 2);
    size.bytes = parse_number(number) * unit_bytes(unit);
  }
  const std::size_t open = value.rfind('(');
  int percent = 0;
  if (open == std::string_view::npos) return size;
  const auto [end, error] = std::from_chars(value.data() + open + 1, value.data() + value.size(), percent);
  if (error == std::errc()) size.percent = percent;
  return size;
}

/// Whether the value can be a size: a number, or one word (UNBOUNDED in some language) and no path.
bool is_size(std::string_view value) {
  return !value.empty() && (is_digit(value.front()) || value.find_first_of("\\:{'[") == std::string_view::npos);
}

class StorageParser {
 public:
  std::vector<ShadowStorage> parse(std::string_view text) {
    for (const VssLine& line : vss_lines(text)) {
      if (found_.size() == kMaxEntries) break;
      read(line);
    }
    close();
    return std::move(found_);
  }

 private:
  void read(const VssLine& line) {
    const auto value = after_label(line.text);
    if (const auto volume = volume_in(line.text); volume && value) {
      read_volume(*volume, line);
    } else if (value && is_size(*value) && volumes_ == 2) {
      read_size(*value, line.text);
    } else if (value) {
      // A line without a colon is the rest of one that the console broke.
      close();
    }
  }

  void read_volume(const std::string& volume, const VssLine& line) {
    if (volumes_ == 2) close();
    if (++volumes_ > 1) return;
    entry_ = ShadowStorage();
    entry_.volume = volume;
    entry_.line = line.number;
    entry_.excerpt = line.text;
  }

  void read_size(std::string_view value, std::string_view line) {
    const Size size = parse_storage_size(value);
    entry_.excerpt += " | " + std::string(line);
    switch (sizes_++) {
      case 0:
        entry_.used = size.bytes;
        break;
      case 1:
        break;
      default:
        entry_.maximum = size.bytes;
        entry_.unbounded = !size.bytes;
        entry_.maximum_percent = size.percent;
        close();
    }
  }

  void close() {
    if (volumes_ == 2 && sizes_ > 0) found_.push_back(std::move(entry_));
    volumes_ = 0;
    sizes_ = 0;
  }

  std::vector<ShadowStorage> found_;
  ShadowStorage entry_;
  int volumes_ = 0;
  int sizes_ = 0;
};

}  // namespace

std::vector<VssProvider> parse_provider_list(std::string_view text) {
  std::vector<VssProvider> providers;
  const auto lines = vss_lines(text);
  for (std::size_t at = 0; at + 2 < lines.size() && providers.size() < kMaxEntries; ++at) {
    const auto name = quoted_value(lines[at].text);
    const bool typed =
        after_label(lines[at + 1].text) && !quoted_value(lines[at + 1].text) && guid_in(lines[at + 1].text).empty();
    const std::string id = guid_in(lines[at + 2].text);
    // Shadow copies name their provider too; the next id there is that of a set, behind more lines.
    if (!name || !typed || id.empty() || after_label(lines[at + 1].text)->starts_with('[')) continue;
    VssProvider provider{std::string(*name), id, "", lines[at].number};
    if (at + 3 < lines.size()) {
      const auto version = after_label(lines[at + 3].text);
      if (version && is_version(*version)) provider.version = *version;
    }
    providers.push_back(std::move(provider));
  }
  return providers;
}

bool is_microsoft_provider(const VssProvider& provider) {
  constexpr std::array<std::string_view, 3> kIds = {"b5946137-7b9f-4925-af80-51abd60b20d5",
                                                    "74600e39-7dc5-4567-a03b-f091d6c7b092",
                                                    "89300202-3cec-4981-9171-19f59559e0f2"};
  constexpr std::array<std::string_view, 5> kNames = {"Microsoft", "Hyper-V", "Azure", "IaaS", "Windows"};
  return std::find(kIds.begin(), kIds.end(), provider.id) != kIds.end() ||
         std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view start) { return starts_with_no_case(provider.name, start); });
}

std::vector<ShadowCopy> parse_shadow_list(std::string_view text) {
  std::vector<ShadowCopy> copies;
  std::set<std::string, std::less<>> known;
  std::string volume;
  for (const VssLine& line : vss_lines(text)) {
    if (copies.size() == kMaxCopies) break;
    if (auto named = volume_in(line.text)) volume = std::move(*named);
    const std::size_t at = line.text.find(kDevice);
    if (at == std::string_view::npos || volume.empty()) continue;
    const std::string_view rest = line.text.substr(at);
    const std::size_t end = rest.find_first_not_of("0123456789", kDevice.size());
    const std::string_view device = rest.substr(0, end);
    if (known.emplace(device).second) copies.push_back({volume, std::string(device), line.number});
  }
  return copies;
}

std::vector<ShadowStorage> parse_storage_list(std::string_view text) { return StorageParser().parse(text); }

}  // namespace vmtriage
