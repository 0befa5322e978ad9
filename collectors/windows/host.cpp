#include <windows.h>

#include <array>
#include <cstdlib>

#include "agent/base/text.h"
#include "collectors/environment.h"
#include "collectors/windows/native.h"
#include "collectors/windows/registry.h"
#include "collectors/windows_host.h"

namespace vmtriage {
namespace {

const std::string kVersionKey = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
constexpr std::uint32_t kFirstBuildOfWindows11 = 22000;

std::string computer_name() {
  std::array<wchar_t, 256> name{};
  auto size = static_cast<DWORD>(name.size());
  if (!GetComputerNameExW(ComputerNamePhysicalDnsHostname, name.data(), &size)) return {};
  return printable(to_utf8({name.data(), size}));
}

/// `10.0.20348.2402`
std::string build_of_windows() {
  const auto build = registry_text(kVersionKey, "CurrentBuild");
  if (!build) return {};
  const auto major = registry_number(kVersionKey, "CurrentMajorVersionNumber");
  const auto revision = registry_number(kVersionKey, "UBR");
  const std::string version = major ? std::to_string(*major) + ".0" : registry_text(kVersionKey, "CurrentVersion").value_or("");
  return printable(version + "." + *build + (revision ? "." + std::to_string(*revision) : ""));
}

/// Windows 11 still calls itself `Windows 10` there.
std::string product_name() {
  std::string name = registry_text(kVersionKey, "ProductName").value_or("Windows");
  const std::string build = registry_text(kVersionKey, "CurrentBuild").value_or("0");
  const bool is_11 = std::strtoul(build.c_str(), nullptr, 10) >= kFirstBuildOfWindows11;
  if (is_11 && name.starts_with("Windows 10")) name.replace(0, 10, "Windows 11");
  return printable(name);
}

/// What the guest agent writes into the registry proves an Azure VM.
void read_guest_agent(Environment& environment) {
  const auto version = registry_text("SOFTWARE\\Microsoft\\Virtual Machine\\Guest", "GuestAgentVersion");
  const auto vm_id = registry_text("SOFTWARE\\Microsoft\\Windows Azure", "VmId");
  AzureVm vm;
  vm.agent_version = printable(version.value_or(""));
  vm.vm_id = printable(vm_id.value_or(""));
  const std::string told = fill_missing(environment.azure, vm);
  if (told.empty()) return;
  environment.is_azure = true;
  environment.notes.push_back("registry: " + told);
}

}  // namespace

void read_this_host(Environment& environment) {
  environment.host_name = computer_name();
  environment.os = product_name();
  environment.kernel = build_of_windows();
  read_guest_agent(environment);
  read_windows_host("", environment);
}

}  // namespace vmtriage
