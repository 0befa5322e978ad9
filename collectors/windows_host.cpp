#include "collectors/windows_host.h"

#include "agent/base/text.h"
#include "agent/base/version.h"
#include "collectors/root_folder.h"

namespace vmtriage {
namespace {

constexpr std::size_t kMaxFileBytes = 4 << 20;
constexpr std::string_view kStatus = "/WindowsAzure/Logs/AggregateStatus/aggregatestatus.json";
constexpr std::string_view kAgentFolder = "/WindowsAzure";
constexpr std::string_view kAgentPrefix = "GuestAgent_";
constexpr std::string_view kExtensionFolder = "/Packages/Plugins/Microsoft.Azure.RecoveryServices.VMSnapshot";

/// `2.7.41491.1125` of `2.7.41491.1125_2024-05-30_131545`.
std::string_view leading_version(std::string_view text) {
  return text.substr(0, text.find_first_not_of("0123456789."));
}

/// The newest version in the names of a folder that begin with `prefix`; empty when there is none.
std::string newest_version(const RootFolder& root, std::string_view folder, std::string_view prefix) {
  std::string newest;
  const Result<std::vector<std::string>> names = root.list(folder);
  if (!names) return newest;
  for (const std::string_view name : *names) {
    if (!equal_no_case(name.substr(0, prefix.size()), prefix)) continue;
    const std::string_view version = leading_version(name.substr(prefix.size()));
    if (version_less(newest, version)) newest = version;
  }
  return newest;
}

void accept(std::string_view source, const AzureVm& vm, Environment& environment) {
  const std::string told = fill_missing(environment.azure, vm);
  if (told.empty()) return;
  environment.is_azure = true;
  environment.notes.push_back(std::string(source) + ": " + told);
}

void read_status(const RootFolder& root, Environment& environment) {
  const Result<std::string> text = root.read_file(kStatus, kMaxFileBytes);
  if (!text) return;
  const Result<AgentStatus> status = parse_agent_status(*text);
  if (!status) return environment.notes.push_back(std::string(kStatus) + ": " + status.error().what);
  AzureVm vm;
  vm.agent_version = status->agent_version;
  vm.extension_version = status->extension_version;
  if (environment.host_name.empty()) environment.host_name = status->host_name;
  if (environment.os.empty()) environment.os = status->os;
  accept(kStatus, vm, environment);
}

}  // namespace

void read_windows_host(const std::string& root, Environment& environment) {
  environment.platform = "windows";
  const Result<RootFolder> folder = RootFolder::open(root.empty() ? "/" : root, Names::any_case);
  if (!folder) return environment.notes.push_back(folder.error().what);
  read_status(*folder, environment);
  AzureVm agent, extension;
  agent.agent_version = newest_version(*folder, kAgentFolder, kAgentPrefix);
  extension.extension_version = newest_version(*folder, kExtensionFolder, "");
  accept(kAgentFolder, agent, environment);
  accept(kExtensionFolder, extension, environment);
}

}  // namespace vmtriage
