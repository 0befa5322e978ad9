#include "analyzers/checks/host_state.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "analyzers/checks/text_report.h"

namespace vmtriage {
namespace {

/// Where the agent and the extensions write.
constexpr std::string_view kNeededMounts[] = {
    "/", "/var", "/var/log", "/var/log/azure", "/var/lib", "/var/lib/waagent", "/opt", "/tmp", "/etc"};
constexpr unsigned kNearlyFullPercent = 95;
constexpr std::uint64_t kLittleSpaceKib = 500 * 1024;
constexpr std::uint64_t kNoSpaceKib = 20 * 1024;
constexpr std::uint64_t kFewInodes = 5000;
constexpr std::uint64_t kNoInodes = 100;

template <typename Number>
std::optional<Number> to_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// `31G`, `2.0M`, `76`: the units of `df -h`, here all of 1024.
std::optional<std::uint64_t> to_amount(std::string_view text) {
  constexpr std::string_view kUnits = "KMGTP";
  const std::size_t unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
  if (unit == std::string_view::npos) return to_number<std::uint64_t>(text);
  const auto parts = split(text.substr(0, text.size() - 1), '.');
  const auto whole = to_number<std::uint32_t>(parts[0]);
  const auto tenth = parts.size() == 2 ? to_number<unsigned>(parts[1]) : std::optional<unsigned>(0);
  if (!whole || !tenth || *tenth > 9 || parts.size() > 2) return std::nullopt;
  const std::uint64_t factor = std::uint64_t{1} << (10 * (unit + 1));
  return *whole * factor + *tenth * factor / 10;
}

bool is_needed(std::string_view mount) {
  return std::find(std::begin(kNeededMounts), std::end(kNeededMounts), mount) != std::end(kNeededMounts);
}

/// Types that are full by nature or hold nothing of the agent's.
bool is_always_full(std::string_view type) {
  constexpr std::string_view kTypes[] = {"squashfs", "iso9660", "udf", "erofs", "cramfs"};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

/// `/mnt/my disk` of `/mnt/my\040disk`.
std::string unescape_mount(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto code = text[i] == '\\' && i + 3 < text.size() ? text.substr(i + 1, 3) : std::string_view();
    unsigned value = 0;
    const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), value, 8);
    if (code.size() == 3 && error == std::errc() && end == code.data() + 3 && value < 256) {
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_freezable(std::string_view type) { return type == "ext3" || type == "ext4" || type == "xfs"; }

bool is_below(std::string_view path, std::string_view mount) {
  return mount == "/" || path == mount || (path.starts_with(mount) && path[mount.size()] == '/');
}

/// The names that main/handle.sh of the snapshot extension looks for.
bool is_tried_by_extension(std::string_view path) {
  constexpr std::string_view kNames[] = {"python3.8", "python3.7", "python3.6", "python3.5", "python3.4", "python3.3",
                                         "python3",   "python2.7", "python2.6", "python2",   "python"};
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

/// Reads `3.12` off the front of `3.12.3`; false when there is no such number.
bool read_version(std::string_view text, Interpreter& python) {
  const auto parts = split(text, '.');
  if (parts.size() < 2) return false;
  const auto major = to_number<unsigned>(parts[0]);
  const auto minor = to_number<unsigned>(parts[1]);
  if (!major || !minor) return false;
  python.major = *major;
  python.minor = *minor;
  return true;
}

/// The agent's unit when the line is the head of its block in `systemctl status`: `● waagent.service - Azure Linux Agent`.
std::optional<std::string_view> agent_unit_of(std::span<const std::string_view> words) {
  const auto is_unit = [](std::string_view word) { return word == "walinuxagent.service" || word == "waagent.service"; };
  if (words.size() > 1 && !is_unit(words[0])) words = words.subspan(1);  // the bullet
  if (words.empty() || !is_unit(words[0]) || (words.size() > 1 && words[1] != "-")) return std::nullopt;
  return words[0];
}

/// `Loaded: loaded (/lib/…; enabled; …)` and `Active: inactive (dead) since …`.
void read_unit_state(const std::vector<std::string_view>& words, const Line& line, UnitState& unit) {
  if (words[0] == "Loaded:" && unit.properties.emplace("LoadState", words[1]).second) {
    const bool disabled = words.size() > 3 && words[3].starts_with("disabled");
    unit.properties["UnitFileState"] = disabled ? "disabled" : "enabled";
    if (words[1] != "loaded") unit.line = line;
  }
  if (words[0] == "Active:" && unit.properties.emplace("ActiveState", words[1]).second &&
      unit.get("LoadState") == "loaded") {
    unit.line = line;
  }
}

/// What one command's output means, as findings.
class StateReport : public TextReport {
 public:
  using TextReport::TextReport;

  void free_space() {
    for (const DiskUse& disk : parse_df(text_)) {
      if (!is_needed(disk.mount) || is_always_full(disk.type) || disk.total == 0) continue;
      if (disk.percent < kNearlyFullPercent || disk.available >= kLittleSpaceKib) continue;
      const Severity severity = disk.available < kNoSpaceKib ? Severity::error : Severity::warning;
      add("linux.host.disk-full", severity,
          {{"component", disk.mount},
           {"free", format_size(disk.available * 1024)},
           {"percent", std::to_string(disk.percent)}},
          disk.line);
    }
  }

  void inodes() {
    for (const DiskUse& disk : parse_df(text_)) {
      if (!is_needed(disk.mount) || disk.total == 0) continue;
      if (disk.percent < kNearlyFullPercent || disk.available >= kFewInodes) continue;
      const Severity severity = disk.available < kNoInodes ? Severity::error : Severity::warning;
      add("linux.host.inodes-used-up", severity, {{"component", disk.mount}, {"free", std::to_string(disk.available)}},
          disk.line);
    }
  }

  void mounts() {
    const std::vector<Mount> mounts = parse_mounts(text_);
    if (const Mount* home = mount_of(mounts, "/var/lib/waagent"); home != nullptr && home->has("noexec")) {
      add("linux.host.noexec", Severity::error, {{"component", home->point}}, home->line);
    }
    for (const Mount& mount : mounts) {
      const bool by_error = mount.has("emergency_ro") || (mount.has("ro") && mount.has("errors=remount-ro"));
      if (is_freezable(mount.type) && by_error && mount.point != "/usr") {
        add("linux.host.read-only", Severity::warning, {{"component", mount.point}}, mount.line);
      }
    }
  }

  void failed_units() {
    each_line(Block{text_, false}, 1, [this](const Line& line) {
      for (const std::string_view word : split_words(line.text)) {
        if (!word.ends_with(".service")) continue;
        const bool agent = word == "walinuxagent.service" || word == "waagent.service";
        const bool backup = word.starts_with("msawb-pluginhost") || word == "directsnapshot.service";
        if (agent) add("linux.host.agent-failed", Severity::error, {{"component", std::string(word)}}, line);
        if (backup) add("linux.host.backup-service-failed", Severity::error, {{"component", std::string(word)}}, line);
        break;
      }
    });
  }

  /// The agent's unit is walinuxagent on Debian and Ubuntu, waagent elsewhere: one of the two is always missing.
  void agent_service() {
    const bool shown = text_.find("ActiveState=") != std::string_view::npos;
    const std::vector<UnitState> units = shown ? parse_units(text_) : parse_unit_status(text_);
    const UnitState* worst = nullptr;
    for (const UnitState& unit : units) {
      const std::string active = unit.get("ActiveState");
      if (active == "active" || active == "activating" || active == "reloading") return agent_start(unit);
      const bool known = unit.get("LoadState") != "not-found";
      if (worst == nullptr || (known && worst->get("LoadState") == "not-found")) worst = &unit;
    }
    if (worst == nullptr) return;
    const std::string load = worst->get("LoadState");
    const std::string_view rule = load == "masked"      ? "linux.host.agent-masked"
                                  : load == "not-found" ? "linux.host.agent-not-installed"
                                                        : "linux.host.agent-stopped";
    add(rule, Severity::error, {{"component", worst->get("Id")}, {"state", worst->get("ActiveState")}}, worst->line);
  }

  void python_versions() {
    bool usable = false;
    for (const Interpreter& python : parse_interpreters(text_)) {
      usable = usable || is_tried_by_extension(python.path);
      constexpr unsigned kWithoutImp = 12;
      if (python.major == 3 && python.minor >= kWithoutImp && python.path.ends_with("/python3")) {
        add("linux.host.python-new", Severity::info,
            {{"component", python.path},
             {"version", std::to_string(python.major) + "." + std::to_string(python.minor)}},
            python.line);
      }
    }
    if (!usable) add("linux.host.no-python", Severity::warning, {{"component", "python"}}, {trim(text_), 1});
  }

 private:
  void agent_start(const UnitState& unit) {
    if (unit.get("UnitFileState") != "disabled") return;
    add("linux.host.agent-not-enabled", Severity::warning, {{"component", unit.get("Id")}}, unit.line);
  }

  static const Mount* mount_of(const std::vector<Mount>& mounts, std::string_view path) {
    const Mount* best = nullptr;
    for (const Mount& mount : mounts) {
      // A later mount on the same point covers the earlier one.
      if (is_below(path, mount.point) && (best == nullptr || mount.point.size() >= best->point.size())) best = &mount;
    }
    return best;
  }
};

constexpr TextReader<StateReport> kReaders[] = {
    {"linux.command.free-space", &StateReport::free_space},
    {"linux.command.inodes", &StateReport::inodes},
    {"linux.command.mounts", &StateReport::mounts},
    {"linux.command.failed-units", &StateReport::failed_units},
    {"linux.command.agent-service", &StateReport::agent_service},
    {"linux.command.python-versions", &StateReport::python_versions},
};

}  // namespace

std::vector<DiskUse> parse_df(std::string_view text) {
  std::vector<DiskUse> disks;
  // `df -h` prints bytes with a unit where the other forms count kilobytes.
  const std::size_t size_column = text.find(" Size ");
  const std::uint64_t unit = size_column != std::string_view::npos && text.find('\n') > size_column ? 1024 : 1;
  each_line(Block{text, false}, 1, [&](const Line& line) {
    const auto words = split_words(line.text);
    const auto capacity = std::find_if(words.begin(), words.end(), [](std::string_view word) {
      return word.size() > 1 && word.back() == '%' && to_number<unsigned>(word.substr(0, word.size() - 1));
    });
    const auto column = static_cast<std::size_t>(capacity - words.begin());
    if (capacity == words.end() || column < 4 || column + 1 >= words.size()) return;
    const auto total = to_amount(words[column - 3]);
    const auto available = to_amount(words[column - 1]);
    if (!total || !available) return;
    DiskUse disk;
    disk.mount = line.text.substr(static_cast<std::size_t>(words[column + 1].data() - line.text.data()));
    if (column >= 5) disk.type = words[column - 4];
    disk.total = *total / unit;
    disk.available = *available / unit;
    disk.percent = *to_number<unsigned>(capacity->substr(0, capacity->size() - 1));
    disk.line = line;
    disks.push_back(std::move(disk));
  });
  return disks;
}

bool Mount::has(std::string_view option) const {
  return std::find(options.begin(), options.end(), option) != options.end();
}

std::vector<Mount> parse_mounts(std::string_view text) {
  std::vector<Mount> mounts;
  each_line(Block{text, false}, 1, [&](const Line& line) {
    auto words = split_words(line.text);
    if (words.size() >= 6 && words[1] == "on" && words[3] == "type") {
      words = {words[0], words[2], words[4], words[5].substr(words[5].starts_with("("))};
      if (words[3].ends_with(")")) words[3].remove_suffix(1);
    }
    if (words.size() < 4 || !words[1].starts_with("/")) return;
    mounts.push_back(
        {std::string(words[0]), unescape_mount(words[1]), std::string(words[2]), split(words[3], ','), line});
  });
  return mounts;
}

std::string UnitState::get(const std::string& name) const {
  const auto found = properties.find(name);
  return found == properties.end() ? std::string() : found->second;
}

std::vector<UnitState> parse_units(std::string_view text) {
  std::vector<UnitState> units;
  bool in_block = false;
  each_line(Block{text, false}, 1, [&](const Line& line) {
    const std::size_t equals = line.text.find('=');
    if (equals == std::string_view::npos) {
      in_block = false;
      return;
    }
    if (!in_block) units.push_back({{}, line});
    in_block = true;
    units.back().properties[std::string(line.text.substr(0, equals))] = trim(line.text.substr(equals + 1));
  });
  return units;
}

std::vector<UnitState> parse_unit_status(std::string_view text) {
  std::vector<UnitState> units;
  each_line(Block{text, false}, 1, [&](const Line& line) {
    const auto words = split_words(line.text);
    if (const auto name = agent_unit_of(words)) {
      units.push_back({{{"Id", std::string(*name)}}, line});
    } else if (!units.empty() && words.size() >= 2) {
      read_unit_state(words, line, units.back());
    }
  });
  std::erase_if(units, [](const UnitState& unit) { return !unit.properties.contains("ActiveState"); });
  return units;
}

std::vector<Interpreter> parse_interpreters(std::string_view text) {
  constexpr std::string_view kName = "python";
  std::vector<Interpreter> found;
  each_line(Block{text, false}, 1, [&](const Line& line) {
    Interpreter python;
    for (const std::string_view word : split_words(line.text)) {
      const std::string_view name = word.substr(word.rfind('/') + 1);
      if (python.path.empty() && word.starts_with("/") && name.starts_with(kName)) python.path = word;
      // The version stands behind the name, in the name, or in the name of what a link leads to.
      if (!python.path.empty()) read_version(name.starts_with(kName) ? name.substr(kName.size()) : name, python);
    }
    python.line = line;
    if (!python.path.empty()) found.push_back(std::move(python));
  });
  return found;
}

std::unique_ptr<Scan> HostStateAnalyzer::scan(const Artifact& artifact) const {
  return scan_text(rules_, artifact, kReaders);
}

}  // namespace vmtriage
