#include "analyzers/checks/windows_state.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "agent/base/version.h"
#include "analyzers/checks/access_list.h"
#include "analyzers/checks/registry_text.h"
#include "analyzers/checks/state_blocks.h"
#include "analyzers/checks/text_report.h"

namespace vmtriage {
namespace {

/// What Azure Backup asked for at first, and what the platform supports today.
constexpr std::string_view kBackupMinimum = "2.6.1198.718";
constexpr std::string_view kSupportedMinimum = "2.7.41491.1010";

constexpr std::string_view kAgentServices[] = {"RdAgent", "WindowsAzureGuestAgent"};
/// A backup needs each of them, at least on request.
constexpr std::string_view kNeededServices[] = {"VSS",   "swprv",    "EventSystem", "COMSysApp", "MSDTC",
                                                "RpcSs", "CryptSvc", "KeyIso",      "msiserver", "Winmgmt"};
/// Of those that start with Windows, the ones that stay: VSS, swprv and COMSysApp end by themselves when nobody asks.
constexpr std::string_view kLastingServices[] = {"EventSystem", "MSDTC", "CryptSvc", "SQLWriter", "RpcSs", "Winmgmt"};
/// A list of all services is longer than this; a few that somebody asked for are not.
constexpr std::size_t kWholeList = 30;
constexpr std::uint64_t kLittleSpace = 500 << 20;
constexpr std::uint64_t kNoSpace = 20 << 20;
constexpr std::uint64_t kNearlyFullPercent = 95;

template <std::size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) {
  return std::any_of(std::begin(names), std::end(names), [name](std::string_view one) { return equal_no_case(one, name); });
}

bool ends_with_no_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && equal_no_case(text.substr(text.size() - end.size()), end);
}

bool is_version(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos && text.find('.') != std::string_view::npos;
}

/// `1234` of `1234 (1.2 KiB)`.
std::optional<std::uint64_t> leading_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc()) return std::nullopt;
  return number;
}

/// What one text means, as findings.
class StateReport : public TextReport {
 public:
  using TextReport::TextReport;

  void services() {
    const std::vector<ServiceState> services = parse_service_states(text_);
    bool any_agent = false;
    const ServiceState* missing = nullptr;
    for (const ServiceState& service : services) {
      if (service.state == "not installed") {
        if (is_one_of(service.name, kAgentServices)) missing = &service;
        continue;
      }
      any_agent = any_agent || is_one_of(service.name, kAgentServices);
      judge(service);
    }
    if (any_agent || services.empty()) return;
    if (missing == nullptr && services.size() < kWholeList) return;
    add("windows.host.agent-not-installed", {{"component", "RdAgent"}}, missing != nullptr ? missing->line : services.front().line);
  }

  void file_versions() {
    std::string_view newest;
    Line line;
    for (const StateBlock& block : parse_state_blocks(text_)) {
      const bool agent = ends_with_no_case(block.heading, "\\WaAppAgent.exe") || ends_with_no_case(block.heading, "\\WindowsAzureGuestAgent.exe");
      const StateBlock::Field* version = block.find("product version");
      if (!agent || version == nullptr || !is_version(version->value)) continue;
      // Older versions stay in their folders; the newest is the one that runs.
      if (!newest.empty() && !version_less(newest, version->value)) continue;
      newest = version->value;
      line = version->line;
    }
    if (!newest.empty()) agent_version(newest, line);
  }

  void permissions() {
    for (const StateBlock& block : parse_state_blocks(text_)) {
      const StateBlock::Field* sddl = block.find("sddl");
      if (sddl == nullptr || sddl->value.find("D:") == std::string_view::npos) continue;
      const auto has = [&](const Trustee& trustee, std::uint32_t rights) {
        return (rights_in_sddl(sddl->value, trustee) & rights) == rights;
      };
      if (ends_with_no_case(block.heading, "\\Crypto\\RSA\\MachineKeys")) {
        const bool agent = has(kEveryone, kReadWrite) || has(kSystem, kFullControl);
        if (!agent || !has(kAdministrators, kFullControl)) {
          add("windows.host.machine-keys-permissions", {{"component", std::string(block.heading)}}, sddl->line);
        }
      } else if (ends_with_no_case(block.heading, ":\\WindowsAzure") && !has(kSystem, kFullControl)) {
        add("windows.host.agent-folder-permissions", {{"component", std::string(block.heading)}}, sddl->line);
      }
    }
  }

  void registry() {
    const RegistryText registry = parse_registry_text(text_);
    for (const RegistryValue& value : registry.values) registry_value(value);
    for (const auto& [key, line] : registry.keys) {
      const bool backup_of_profile = find_no_case(key, "\\ProfileList\\") != std::string_view::npos && ends_with_no_case(key, ".bak");
      if (backup_of_profile) add("windows.registry.profile-backup", {{"component", key.substr(key.rfind('\\') + 1)}}, line);
    }
  }

  /// That of the system drive: there the agent and its extensions write.
  void volumes() {
    for (const StateBlock& block : parse_state_blocks(text_)) {
      const bool system = std::any_of(block.fields.begin(), block.fields.end(), [](const StateBlock::Field& field) {
        return field.name == "mounted at" && equal_no_case(field.value, "C:\\");
      });
      const StateBlock::Field* free_field = block.find("free");
      const auto size = leading_number(block.get("size"));
      const auto free = leading_number(block.get("free"));
      if (!system || !size || !free || *free >= kLittleSpace || *free > *size / 100 * (100 - kNearlyFullPercent)) continue;
      add("windows.host.disk-full", *free < kNoSpace ? Severity::error : Severity::warning,
          {{"component", "C:\\"}, {"free", format_size(*free)}}, free_field->line);
    }
  }

  void platform_services() {
    const std::string os = artifact_.id.starts_with("linux.") ? "linux" : "windows";
    bool in_azure = false;
    const StateBlock::Field* silent = nullptr;
    std::string names;
    const std::vector<StateBlock> blocks = parse_state_blocks(text_);
    for (const StateBlock& block : blocks) {
      const bool answers = block.find("answer") != nullptr;
      in_azure = in_azure || answers;
      const StateBlock::Field* reason = block.find("no answer");
      if (answers || reason == nullptr || block.heading == "metadata-service") continue;
      if (silent == nullptr) silent = reason;
      names += (names.empty() ? "" : ", ") + std::string(block.get("url"));
    }
    if (silent == nullptr) return;
    const std::string rule = os + (in_azure ? ".host.wire-server-unreachable" : ".host.platform-unreachable");
    add(rule, {{"component", "168.63.129.16"}, {"urls", names}, {"reason", std::string(silent->value)}}, silent->line);
  }

 private:
  void judge(const ServiceState& service) {
    const Values values = {{"component", service.name}, {"state", service.state}, {"start", service.start}};
    if (is_one_of(service.name, kAgentServices)) {
      const bool runs = service.state == "running" || service.state == "starting";
      if (service.binary_missing) return add("windows.host.agent-binary-missing", values, service.line);
      if (!runs) return add("windows.host.agent-stopped", values, service.line);
      const bool automatic = service.start.empty() || service.start.starts_with("automatic");
      if (!automatic) add("windows.host.agent-not-automatic", values, service.line);
      return;
    }
    if (is_one_of(service.name, kNeededServices) && service.start == "disabled") {
      return add("windows.host.service-disabled", values, service.line);
    }
    const bool stopped = service.state == "stopped" && service.start.starts_with("automatic");
    if (stopped && is_one_of(service.name, kLastingServices)) add("windows.host.service-stopped", values, service.line);
  }

  void agent_version(std::string_view version, const Line& line) {
    const bool too_old = version_less(version, kBackupMinimum);
    if (!too_old && !version_less(version, kSupportedMinimum)) return;
    add(too_old ? "windows.agent.below-backup-minimum" : "windows.agent.old-version", {{"component", std::string(version)}}, line);
  }

  void registry_value(const RegistryValue& value) {
    constexpr std::string_view kBackupType[] = {"USEVSSCOPYBACKUP", "UseVssFullBackup"};
    constexpr std::string_view kSettings[] = {"SnapshotWithoutThreads", "SnapshotMethod", "CalculateSnapshotTimeFromHost",
                                              "IsProviderInstalled", "IsCommonProviderInstalled"};
    const Values values = {{"component", value.name}, {"value", value.data}};
    const bool of_backup = ends_with_no_case(value.key, "\\BcdrAgent") || ends_with_no_case(value.key, "\\BcdrAgentPersistentKeys");
    if (of_backup && is_one_of(value.name, kBackupType)) add("windows.registry.vss-backup-type", values, value.line);
    if (of_backup && is_one_of(value.name, kSettings)) add("windows.registry.backup-setting", values, value.line);
    if (ends_with_no_case(value.key, "\\Virtual Machine\\Guest") && equal_no_case(value.name, "GuestAgentVersion") && is_version(value.data)) {
      agent_version(value.data, value.line);
    }
    service_value(value);
    tls_value(value);
    const bool typelib = find_no_case(value.key, "\\EventClasses\\{FAF53CC4-BD73-4E36-83F1-2B23F46E513E}") != std::string_view::npos &&
                         equal_no_case(value.name, "TypeLib");
    if (typelib && !ends_with_no_case(value.data, "\\system32\\eventcls.dll")) {
      add("windows.registry.event-class", {{"component", value.data}}, value.line);
    }
  }

  /// Below `…\Services\VSS` and the like.
  void service_value(const RegistryValue& value) {
    constexpr std::uint64_t kDisabled = 4;
    constexpr std::string_view kServices = "\\Services\\";
    const std::size_t at = find_no_case(value.key, kServices);
    if (at == std::string_view::npos) return;
    const std::string name = value.key.substr(at + kServices.size());
    if (is_one_of(name, kNeededServices) && equal_no_case(value.name, "Start") && value.number == kDisabled) {
      add("windows.host.service-disabled", {{"component", name}, {"start", "disabled"}}, value.line);
    }
    if (equal_no_case(name, "VSS\\VssAccessControl") && value.number == 0) {
      add("windows.registry.vss-access-denied", {{"component", value.name}}, value.line);
    }
    if (equal_no_case(name, "swprv\\Parameters") && equal_no_case(value.name, "ServiceDll") &&
        !ends_with_no_case(value.data, "\\system32\\swprv.dll")) {
      add("windows.registry.swprv-dll", {{"component", value.data}}, value.line);
    }
  }

  void tls_value(const RegistryValue& value) {
    const bool client = ends_with_no_case(value.key, "\\Protocols\\TLS 1.2\\Client");
    const bool off = client && ((equal_no_case(value.name, "Enabled") && value.number == 0) ||
                                (equal_no_case(value.name, "DisabledByDefault") && value.number.value_or(0) != 0));
    const bool weak = ends_with_no_case(value.key, "\\.NETFramework\\v4.0.30319") && equal_no_case(value.name, "SchUseStrongCrypto") &&
                      value.number == 0;
    if (off || weak) add("windows.connectivity.tls12", {{"component", value.name + "=" + value.data}}, value.line);
  }
};

constexpr TextReader<StateReport> kReaders[] = {
    {"windows.command.services", &StateReport::services},
    {"windows.command.file-versions", &StateReport::file_versions},
    {"windows.command.machine-keys-permissions", &StateReport::permissions},
    {"windows.command.volume-space", &StateReport::volumes},
    {"windows.command.azure-services", &StateReport::platform_services},
    {"linux.command.platform-services", &StateReport::platform_services},
};

/// `1` of `        STATE              : 1  STOPPED`.
std::string_view sc_state(std::string_view words) {
  constexpr std::string_view kNames[] = {"", "stopped", "starting", "stopping", "running", "continuing", "pausing", "paused"};
  const std::size_t colon = words.find(':');
  if (!words.starts_with("STATE") || colon == std::string_view::npos) return {};
  const auto number = leading_number(trim(words.substr(colon + 1)));
  return number && *number < std::size(kNames) ? kNames[*number] : std::string_view();
}

std::vector<ServiceState> parse_sc(std::string_view text) {
  constexpr std::string_view kHead = "SERVICE_NAME:";
  std::vector<ServiceState> services;
  each_line(Block{text, false}, 1, [&](const Line& line) {
    const std::string_view words = trim(line.text);
    if (words.starts_with(kHead)) services.push_back({std::string(trim(words.substr(kHead.size()))), {}, {}, false, line});
    const std::string_view state = services.empty() ? std::string_view() : sc_state(words);
    if (state.empty() || !services.back().state.empty()) return;
    services.back().state = state;
    services.back().line = line;
  });
  return services;
}

}  // namespace

std::vector<ServiceState> parse_service_states(std::string_view text) {
  constexpr std::string_view kHead = "service ";
  std::vector<ServiceState> services;
  for (const StateBlock& block : parse_state_blocks(text)) {
    const StateBlock::Field* state = block.find("state");
    if (!block.heading.starts_with(kHead) || state == nullptr) continue;
    services.push_back({std::string(block.heading.substr(kHead.size())), std::string(state->value), std::string(block.get("start type")),
                        block.get("binary found") == "no", state->line});
  }
  return services.empty() ? parse_sc(text) : services;
}

std::unique_ptr<Scan> WindowsStateAnalyzer::scan(const Artifact& artifact) const {
  if (artifact.id.starts_with("windows.registry.")) return scan_text(rules_, artifact, &StateReport::registry);
  return scan_text(rules_, artifact, kReaders);
}

}  // namespace vmtriage
