#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/analyzer.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// A service and its state, as this program's own question and `sc query` tell them.
struct ServiceState {
  std::string name;
  std::string state;  ///< `running`, `stopped`, … or `not installed`
  std::string start;  ///< `automatic`, `automatic (delayed)`, `manual`, `disabled`; empty: not told
  bool binary_missing = false;
  Line line;
};

/// Reads both forms; the numbers of `sc` are the same in every language:
///
///     service VSS                      SERVICE_NAME: VSS
///         state: stopped                       STATE              : 1  STOPPED
///         start type: manual
std::vector<ServiceState> parse_service_states(std::string_view text);

/// Reads what the system itself said: services, versions, permissions, registry keys, volumes, services of the platform.
class WindowsStateAnalyzer : public Analyzer {
 public:
  /// `rules` has the words and outlives the analyzer.
  explicit WindowsStateAnalyzer(const RuleBase& rules) : rules_(rules) {}
  std::unique_ptr<Scan> scan(const Artifact& artifact) const override;

 private:
  const RuleBase& rules_;
};

}  // namespace vmtriage
