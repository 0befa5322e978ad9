#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/finding.h"
#include "analyzers/event_timeline.h"

namespace vmtriage {

/// What the events of one log tell about backup runs of a Windows VM:
///
/// - a writer that failed: file-system consistent, and which writer, and what was logged beside it;
/// - a snapshot that failed: no recovery point, so that no level can be told;
/// - a shadow copy that Azure Backup made while no writer complained: application consistent;
/// - a time in which the VM was off: crash consistent;
/// - a log that was cleared: nothing is known before.
///
/// Events of a Windows Server Backup are no run of Azure Backup, but are named where they stand beside one. An event
/// without a time makes a verdict without one. Source: Azure Backup "Snapshot consistency".
std::vector<RunVerdict> judge_windows_runs(const QuotedLog& log, const std::vector<Signal>& signals);

/// Sentences that every source of a verdict needs.
LocalText application_because();
/// `writers` failed, because of `why` (may be empty).
LocalText file_system_because(const std::vector<std::string>& writers, const LocalText& why);

}  // namespace vmtriage
