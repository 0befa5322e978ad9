#pragma once

#include <memory>
#include <optional>

#include "agent/base/finding.h"
#include "analyzers/analyzer.h"
#include "analyzers/checks/status_json.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// The recovery point that a status of the Windows VMSnapshot extension speaks of; nothing while the run is under way,
/// when the status is of another extension or of another operation. The consistency it reports decides, then its code's
/// name, then the words of its message; without any of them the level is unknown.
std::optional<RunVerdict> judge_windows_status(const ExtensionStatus& status);

/// Reads what the extensions of a Windows VM report: `Status\<n>.status`, `aggregatestatus.json` of the agent, and the
/// lines of the VMSnapshot extension's log that tell how a snapshot came out.
class WindowsConsistencyAnalyzer : public Analyzer {
 public:
  /// `rules` has the words and outlives the analyzer.
  explicit WindowsConsistencyAnalyzer(const RuleBase& rules) : rules_(rules) {}
  std::unique_ptr<Scan> scan(const Artifact& artifact) const override;

 private:
  const RuleBase& rules_;
};

}  // namespace vmtriage
