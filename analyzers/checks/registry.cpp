#include "analyzers/checks/registry.h"

#include "analyzers/checks/freeze_run.h"
#include "analyzers/checks/hana_backup.h"
#include "analyzers/checks/host_state.h"
#include "analyzers/checks/pre_post_config.h"
#include "analyzers/checks/status_json.h"
#include "analyzers/checks/vssadmin.h"
#include "analyzers/checks/windows_consistency.h"
#include "analyzers/checks/windows_state.h"

namespace vmtriage {

std::vector<std::unique_ptr<Analyzer>> make_checks(const RuleBase& rules) {
  std::vector<std::unique_ptr<Analyzer>> checks;
  checks.push_back(std::make_unique<FreezeRunAnalyzer>(rules));
  checks.push_back(std::make_unique<StatusJsonAnalyzer>(rules));
  checks.push_back(std::make_unique<HanaBackupAnalyzer>(rules));
  checks.push_back(std::make_unique<PrePostConfigAnalyzer>(rules));
  checks.push_back(std::make_unique<HostStateAnalyzer>(rules));
  checks.push_back(std::make_unique<VssadminAnalyzer>(rules));
  checks.push_back(std::make_unique<WindowsConsistencyAnalyzer>(rules));
  checks.push_back(std::make_unique<WindowsStateAnalyzer>(rules));
  return checks;
}

}  // namespace vmtriage
