#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace vmtriage {

/// What Azure calls this VM. A field that no source told is empty.
struct AzureVm {
  std::string subscription_id;
  std::string resource_group;
  std::string vm;
  std::string vm_id;
  std::string location;
  std::string vm_size;
  std::string publisher;  ///< of the image, with its offer and SKU
  std::string offer;
  std::string sku;
  std::string zone;
  std::string agent_version;      ///< of the Azure VM agent
  std::string extension_version;  ///< of the backup extension
};

/// The answers that a support case for Azure Backup asks for first.
struct Environment {
  std::string host_name;
  std::string os;        ///< `Ubuntu 22.04.4 LTS`
  std::string kernel;    ///< `5.15.0-1064-azure`; empty for a disk that is not running
  std::string platform;  ///< `linux` or `windows`
  AzureVm azure;
  std::string vault;                 ///< only the user knows it
  std::string vault_resource_group;  ///< of the vault
  std::vector<std::string> notes;    ///< which source told what, and what failed
  bool is_azure = false;
};

struct EnvironmentQuery {
  std::string root;  ///< a mounted disk or a copied tree; empty for this machine
  std::string imds_address =
      "169.254.169.254:80";  ///< of the instance metadata service; a literal IPv6 address in brackets
  int imds_timeout_ms = 2'000;
};

/// Asks the instance metadata service, then this machine's own files for what it did not tell. For a `root`, only files
/// below it. Never fails: what could not be learned is in the notes.
Environment read_environment(const EnvironmentQuery& query, const std::atomic<bool>* stop = nullptr);

/// Fills the fields that are still empty from what this machine says of itself. One implementation for each platform.
void read_this_host(Environment& environment);

/// Fills the empty fields of `target` and says which: `subscription, resource group, VM name`; empty when there was
/// none to fill.
std::string fill_missing(AzureVm& target, const AzureVm& source);

// ---- What the sources say. All of it is foreign: sizes and nesting are limited, what is not understood is an error
// (corrupt).

/// The instance metadata service, api-version 2021-02-01, shortened:
///
///     {"compute": {"location": "westeurope", "name": "vm1", "offer": "0001-com-ubuntu-server-jammy", "publisher":
///     "canonical",
///                  "resourceGroupName": "rg1", "sku": "22_04-lts-gen2", "subscriptionId": "8d1…", "vmId": "02a…",
///                  "vmSize": "Standard_D2s_v5", "zone": "1"}, "network": {…}}
///
/// cloud-init keeps the same document at ds.meta_data.imds of /run/cloud-init/instance-data.json; that form is read
/// too.
Result<AzureVm> parse_instance_metadata(std::string_view json);

/// `VmSettings.json` of the Linux agent (2.7 and later), from the folders below /var/lib/waagent/history:
///
///     {"hostGAPluginVersion": "1.0.8.115", "inVMMetadata": {"subscriptionId": "8e0…", "resourceGroupName": "rg1",
///      "vmName": "vm1", "location": "westeurope", "vmId": "86f…", "vmSize": "Standard_B2s", "osType": "Linux"}, …}
Result<AzureVm> parse_vm_settings(std::string_view json);

/// What `waagent_status.json` tells besides states.
struct AgentStatus {
  std::string agent_version;
  std::string extension_version;
  std::string host_name;
  std::string os;  ///< `ubuntu 22.04`
};
/// `{"aggregateStatus": {"guestAgentStatus": {"version": "2.9.1.1", …}, "handlerAggregateStatus": [{"handlerName":
/// "Microsoft.Azure.RecoveryServices.VMSnapshotLinux", "handlerVersion": "1.0.9225.0", …}]}, "guestOSInfo":
/// {"computerName": "vm1", "osName": "ubuntu", "osVersion": "22.04", "version": "2.9.1.1"}}`
Result<AgentStatus> parse_agent_status(std::string_view json);

/// The VM's name from `HostingEnvironmentConfig.xml` or `SharedConfig.xml` (their shape is the same here):
///
///     <SharedConfig …><Deployment …/><Incarnation number="1" instance="vm1_IN_0" …/><Role name="vm1"
///     …/></SharedConfig>
///
/// In Resource Manager deployments the names are `_vm1`, or a GUID in front: `4a8c…._vm1`.
Result<std::string> parse_role_name(std::string_view xml);

/// The VM's name from the InstanceId of a `GoalState.<n>.xml`, which is formed in the same way.
Result<std::string> parse_goal_state_vm(std::string_view xml);

/// `vm1` from a role instance's name: `_vm1`, `vm1_IN_0`, `<guid>._vm1`; empty when it is only a GUID.
std::string vm_name_of_role(std::string_view role);

/// The newest start-up lines of waagent.log; empty fields where it has none:
///
///     2024-05-30T13:15:45.331589Z INFO ExtHandler ExtHandler Azure Linux Agent (Goal State Agent version 2.9.1.1)
///     2024-05-30T13:15:45.332589Z INFO ExtHandler ExtHandler OS: ubuntu 22.04
///     2018/01/30 15:07:30.716273 INFO Azure Linux Agent Version:2.2.20
///     2024-05-30T13:45:45.331589Z INFO ExtHandler ExtHandler [HEARTBEAT] Agent WALinuxAgent-2.9.1.1 is running …
struct AgentLogFacts {
  std::string agent_version;
  std::string os;
};
AgentLogFacts parse_agent_log(std::string_view text);

/// PRETTY_NAME of an os-release file, else NAME and VERSION; empty when it has neither.
std::string parse_os_release(std::string_view text);

/// The VM id that Azure shows, from the system UUID of the firmware tables. Generation 1 VMs have old tables
/// (SMBIOS 2.3) whose first three fields Linux reads in the other byte order. Empty when it is no UUID.
std::string vm_id_of_system_uuid(std::string_view uuid, bool generation_1);

}  // namespace vmtriage
