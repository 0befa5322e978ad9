#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/analyzer.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// A file system as `df` shows it. `df -PTk` counts kilobytes, `df -Pi` inodes:
///
///     Filesystem     Type 1024-blocks    Used Available Capacity Mounted on
///     /dev/sda1      ext4    30298176 4000000  26281792      14% /
///     Filesystem      Inodes  IUsed   IFree IUse% Mounted on
///     /dev/sda1      3870720 120000 3750720    4% /
struct DiskUse {
  std::string mount;
  std::string type;  ///< empty for `df -Pi`
  std::uint64_t total = 0;
  std::uint64_t available = 0;
  unsigned percent = 0;
  Line line;
};
std::vector<DiskUse> parse_df(std::string_view text);

/// A line of /proc/self/mounts or of `mount`:
///
///     /dev/sda1 / ext4 rw,relatime,discard,errors=remount-ro 0 0
///     /dev/sda1 on / type ext4 (rw,relatime,discard,errors=remount-ro)
struct Mount {
  std::string device;
  std::string point;  ///< `\040` and the like are resolved
  std::string type;
  std::vector<std::string_view> options;
  Line line;

  bool has(std::string_view option) const;
};
std::vector<Mount> parse_mounts(std::string_view text);

/// The blocks of `systemctl show UNIT…`, separated by an empty line: `Id=walinuxagent.service`, `LoadState=loaded` …
struct UnitState {
  std::map<std::string, std::string> properties;
  Line line;  ///< its first; of `systemctl status` the one that tells its state

  std::string get(const std::string& name) const;
};
std::vector<UnitState> parse_units(std::string_view text);

/// The agent's units in what `systemctl status` prints for people, with the same properties:
///
///     ● walinuxagent.service - Azure Linux Agent
///          Loaded: loaded (/lib/systemd/system/walinuxagent.service; enabled; vendor preset: enabled)
///          Active: inactive (dead) since Tue 2017-07-18 15:54:27 CST; 10min ago
std::vector<UnitState> parse_unit_status(std::string_view text);

/// A Python interpreter in a listing, `ls -l` or path and version:
///
///     lrwxrwxrwx 1 root root 10 Aug  7  2024 /usr/bin/python3 -> python3.12
///     /usr/bin/python3 3.12.3
struct Interpreter {
  std::string path;
  unsigned major = 0;  ///< 0 when the line does not tell the version
  unsigned minor = 0;
  Line line;
};
std::vector<Interpreter> parse_interpreters(std::string_view text);

/// Reads what commands say about the VM: full disks, mount options that stop extensions, the agent's service, Python.
class HostStateAnalyzer : public Analyzer {
 public:
  /// `rules` has the words and outlives the analyzer.
  explicit HostStateAnalyzer(const RuleBase& rules) : rules_(rules) {}
  std::unique_ptr<Scan> scan(const Artifact& artifact) const override;

 private:
  const RuleBase& rules_;
};

}  // namespace vmtriage
