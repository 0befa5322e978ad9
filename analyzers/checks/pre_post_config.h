#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/analyzer.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// The settings of a configuration file, keys in lower case: INI (`key = value`, `key: value`; sections are ignored,
/// the files have one) and waagent.conf (`Extensions.Enabled=y`). Comments start with `#` or `;`.
struct Setting {
  std::string value;
  Line line;  ///< a view into the text
};
std::map<std::string, Setting> parse_settings(std::string_view text);

/// A line of `stat -c '%a %U %G %n' FILE…`:
///
///     700 root root /opt/scripts/pre.sh
///     stat: cannot statx '/etc/azure/VMSnapshotScriptPluginConfig.json': No such file or directory
struct FilePermission {
  std::string path;
  bool missing = false;
  unsigned mode = 0;  ///< 0700
  std::string owner;
  Line line;
};
std::vector<FilePermission> parse_permissions(std::string_view text);

/// Reads the configuration that decides what a backup does inside the VM: pre and post scripts, what the extension logs
/// and freezes, whether the agent runs extensions at all.
class PrePostConfigAnalyzer : public Analyzer {
 public:
  /// `rules` has the words and outlives the analyzer.
  explicit PrePostConfigAnalyzer(const RuleBase& rules) : rules_(rules) {}
  std::unique_ptr<Scan> scan(const Artifact& artifact) const override;

 private:
  const RuleBase& rules_;
};

}  // namespace vmtriage
