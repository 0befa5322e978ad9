#include "collectors/linux_host.h"

#include <algorithm>

#include "agent/base/text.h"
#include "agent/base/version.h"
#include "collectors/root_folder.h"

namespace vmtriage {
namespace {

constexpr std::size_t kMaxFileBytes = 4 << 20;
constexpr std::size_t kMaxSmallFileBytes = 64 << 10;
/// The agent says which version runs every 30 minutes; a busy agent writes less than this in that time.
constexpr std::size_t kLogTailBytes = 1 << 20;
/// Of the agent's history, how many of the newest goal states are opened in search of one with VM settings.
constexpr int kMaxHistoryFolders = 10;
/// Every Azure VM has this chassis asset tag, and nothing else has.
constexpr std::string_view kAzureChassisTag = "7783-7084-3265-9085-8269-3286-77";
constexpr std::string_view kAgentFolder = "/var/lib/waagent";
constexpr std::string_view kAgentLog = "/var/log/waagent.log";
constexpr std::string_view kExtensionPrefix = "Microsoft.Azure.RecoveryServices.VMSnapshotLinux-";
constexpr std::string_view kAgentPrefix = "WALinuxAgent-";

/// Reads one machine's files into an Environment and notes where each answer is from.
class HostReader {
 public:
  HostReader(const RootFolder& root, bool running, Environment& environment)
      : root_(root), running_(running), environment_(environment) {}

  void read() {
    environment_.platform = "linux";
    read_system();
    if (running_) read_firmware();
    if (running_) add_vm("/run/cloud-init/instance-data.json", parse_instance_metadata);
    read_agent_folder();
    read_agent_log();
  }

 private:
  void note(std::string_view source, std::string_view text) {
    environment_.notes.push_back(std::string(source).append(": ").append(text));
  }

  /// Missing files are the rule (another agent, another distribution); everything else is worth a line.
  template <typename T>
  void note_failure(std::string_view source, const Result<T>& result) {
    if (result || result.error().code == ErrorCode::not_found) return;
    const std::string& what = result.error().what;
    environment_.notes.push_back(what.starts_with(source) ? what : std::string(source).append(": ").append(what));
  }

  std::string first_line(std::string_view path) {
    const Result<std::string> text = root_.read_start(path, kMaxSmallFileBytes);
    note_failure(path, text);
    if (!text) return {};
    return printable(trim(std::string_view(*text).substr(0, text->find('\n'))));
  }

  void read_system() {
    if (!running_) environment_.host_name = first_line("/etc/hostname");
    for (const std::string_view path : {"/etc/os-release", "/usr/lib/os-release"}) {
      const Result<std::string> text = root_.read_start(path, kMaxSmallFileBytes);
      note_failure(path, text);
      if (text && environment_.os.empty()) environment_.os = parse_os_release(*text);
    }
    // Distributions before os-release existed.
    if (environment_.os.empty()) environment_.os = first_line("/etc/redhat-release");
  }

  void read_firmware() {
    const std::string tag = first_line("/sys/class/dmi/id/chassis_asset_tag");
    firmware_says_no_ = !tag.empty() && tag != kAzureChassisTag && !environment_.is_azure;
    if (firmware_says_no_) note("firmware", "the chassis asset tag is not that of an Azure VM");
    if (tag != kAzureChassisTag) return;
    environment_.is_azure = true;
    const Result<std::string> uuid = root_.read_start("/sys/class/dmi/id/product_uuid", kMaxSmallFileBytes);
    AzureVm vm;
    if (uuid) vm.vm_id = vm_id_of_system_uuid(*uuid, !root_.exists("/sys/firmware/efi"));
    const std::string told = fill_missing(environment_.azure, vm);
    if (!told.empty()) note("firmware", told);
  }

  void read_agent_folder() {
    const Result<std::vector<std::string>> names = root_.list(kAgentFolder);
    note_failure(kAgentFolder, names);
    if (!names) return;
    const std::string folder = std::string(kAgentFolder) + "/";
    read_agent_status(folder, *names);
    read_history(folder + "history");
    for (const std::string_view name : {"HostingEnvironmentConfig.xml", "SharedConfig.xml"}) {
      add_name(folder + std::string(name), parse_role_name);
    }
    const auto goal_state = std::find_if(names->rbegin(), names->rend(), [](std::string_view name) {
      return name.starts_with("GoalState.") && name.ends_with(".xml");
    });
    if (goal_state != names->rend()) add_name(folder + *goal_state, parse_goal_state_vm);
    add_versions(*names);
  }

  void read_agent_status(const std::string& folder, const std::vector<std::string>& names) {
    // Agents before 2.3 put the goal state's number into the name.
    const auto newest = std::find_if(names.rbegin(), names.rend(), [](std::string_view name) {
      return name.starts_with("waagent_status") && name.ends_with(".json");
    });
    if (newest == names.rend()) return;
    const std::string path = folder + *newest;
    const Result<AgentStatus> status = parse_file(path, parse_agent_status);
    note_failure(path, status);
    if (!status) return;
    AzureVm versions;
    versions.agent_version = status->agent_version;
    versions.extension_version = status->extension_version;
    if (environment_.host_name.empty()) environment_.host_name = status->host_name;
    if (environment_.os.empty()) environment_.os = status->os;
    accept(path, versions);
  }

  /// `history/2024-05-30T13-15-45__17/VmSettings.json`; the names sort by time.
  void read_history(const std::string& history) {
    const Result<std::vector<std::string>> folders = root_.list(history);
    note_failure(history, folders);
    if (!folders) return;
    int opened = 0;
    for (auto folder = folders->rbegin(); folder != folders->rend() && opened < kMaxHistoryFolders; ++folder) {
      if (folder->find('.') != std::string::npos) continue;  // an archive (.zip)
      ++opened;
      const std::string path = history + "/" + *folder + "/VmSettings.json";
      if (add_vm(path, parse_vm_settings)) return;
    }
  }

  /// The folders' names tell the versions that are installed; of several, the newest is the one in use.
  void add_versions(const std::vector<std::string>& names) {
    AzureVm versions;
    for (const std::string& name : names) {
      for (const auto& [prefix, field] : {std::pair{kExtensionPrefix, &AzureVm::extension_version},
                                          std::pair{kAgentPrefix, &AzureVm::agent_version}}) {
        const std::string_view version = std::string_view(name).substr(std::min(prefix.size(), name.size()));
        if (!name.starts_with(prefix) || version.find_first_not_of("0123456789.") != std::string_view::npos) continue;
        if (version_less(versions.*field, version)) versions.*field = version;
      }
    }
    accept(kAgentFolder, versions);
  }

  void read_agent_log() {
    if (!environment_.azure.agent_version.empty() && !environment_.os.empty()) return;
    const Result<std::string> text = root_.read_tail(kAgentLog, kLogTailBytes);
    note_failure(kAgentLog, text);
    if (!text) return;
    const AgentLogFacts facts = parse_agent_log(*text);
    if (environment_.os.empty()) environment_.os = facts.os;
    AzureVm versions;
    versions.agent_version = facts.agent_version;
    accept(kAgentLog, versions);
  }

  template <typename Parse>
  auto parse_file(const std::string& path, Parse parse) -> decltype(parse(std::string_view())) {
    const Result<std::string> text = root_.read_file(path, kMaxFileBytes);
    if (!text) return text.error();
    return parse(*text);
  }

  bool add_vm(const std::string& path, Result<AzureVm> (*parse)(std::string_view)) {
    const Result<AzureVm> vm = parse_file(path, parse);
    // A document without the VM's data is normal here (cloud-init elsewhere than in Azure, a goal state of the old
    // kind).
    if (!vm && vm.error().code != ErrorCode::corrupt) note_failure(path, vm);
    if (vm) accept(path, *vm);
    return vm.ok();
  }

  void add_name(const std::string& path, Result<std::string> (*parse)(std::string_view)) {
    if (!environment_.azure.vm.empty()) return;
    const Result<std::string> name = parse_file(path, parse);
    note_failure(path, name);
    if (!name) return;
    AzureVm vm;
    vm.vm = *name;
    accept(path, vm);
  }

  /// Takes over what is new. The agent's files prove an Azure VM, unless the firmware of the running machine says
  /// otherwise: then they came with a copied disk.
  void accept(std::string_view source, const AzureVm& vm) {
    const std::string told = fill_missing(environment_.azure, vm);
    if (told.empty()) return;
    if (!firmware_says_no_) environment_.is_azure = true;
    note(source, told);
  }

  const RootFolder& root_;
  const bool running_;
  Environment& environment_;
  bool firmware_says_no_ = false;
};

}  // namespace

void read_linux_host(const std::string& root, Environment& environment) {
  const Result<RootFolder> folder = RootFolder::open(root.empty() ? "/" : root);
  if (!folder) {
    environment.platform = "linux";
    environment.notes.push_back(folder.error().what);
    return;
  }
  HostReader(*folder, root.empty(), environment).read();
}

}  // namespace vmtriage
