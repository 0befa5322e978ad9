#include <windows.h>

#include <optional>

#include "agent/base/text.h"
#include "collectors/files.h"
#include "collectors/owned.h"
#include "collectors/windows/native.h"
#include "collectors/windows/questions.h"

namespace vmtriage {
namespace {

/// Settings of a service are at most 8 KiB, says QueryServiceConfigW.
constexpr DWORD kMaxConfigBytes = 8 << 10;
constexpr DWORD kMaxListBytes = 256 << 10;  // what EnumServicesStatusExW gives in one piece

struct ServiceTraits {
  using Value = SC_HANDLE;
  static SC_HANDLE none() { return nullptr; }
  static bool is_none(SC_HANDLE handle) { return handle == nullptr; }
  static void close(SC_HANDLE handle) { CloseServiceHandle(handle); }
};
/// A service, or the manager of all.
using Service = Owned<ServiceTraits>;

std::string state_name(DWORD state) {
  switch (state) {
    case SERVICE_STOPPED: return "stopped";
    case SERVICE_START_PENDING: return "starting";
    case SERVICE_STOP_PENDING: return "stopping";
    case SERVICE_RUNNING: return "running";
    case SERVICE_CONTINUE_PENDING: return "continuing";
    case SERVICE_PAUSE_PENDING: return "pausing";
    case SERVICE_PAUSED: return "paused";
    default: return "state " + std::to_string(state);
  }
}

std::string start_name(DWORD type) {
  switch (type) {
    case SERVICE_BOOT_START: return "boot";
    case SERVICE_SYSTEM_START: return "system";
    case SERVICE_AUTO_START: return "automatic";
    case SERVICE_DEMAND_START: return "manual";
    case SERVICE_DISABLED: return "disabled";
    default: return "type " + std::to_string(type);
  }
}

std::string text(const wchar_t* wide) { return wide == nullptr ? std::string() : to_utf8(wide); }

std::string expanded(const std::string& path) {
  std::wstring out(MAX_PATH * 4, L'\0');
  const DWORD size = ExpandEnvironmentStringsW(to_wide(path).c_str(), out.data(), static_cast<DWORD>(out.size()));
  return size == 0 || size > out.size() ? path : to_utf8({out.data(), size - 1});
}

/// The program of a service's command line: `"C:\a b\x.exe" -k`, `C:\Windows\system32\svchost.exe -k netsvcs`.
std::string program_of(const std::string& command_line) {
  const std::string line = expanded(command_line);
  if (line.starts_with('"')) return line.substr(1, line.find('"', 1) - 1);
  const std::size_t end = find_no_case(line, ".exe");
  return end == std::string::npos ? line.substr(0, line.find(' ')) : line.substr(0, end + 4);
}

/// Nothing for a program elsewhere than on a disk of this machine: a server may not answer.
std::optional<bool> is_there(const std::string& program) {
  const bool has_drive = program.size() > 3 && program[1] == ':';
  if (!has_drive || GetDriveTypeW(to_wide(program.substr(0, 2) + "\\").c_str()) != DRIVE_FIXED) return std::nullopt;
  const auto info = file_info(program);
  if (!info && info.error().code != ErrorCode::not_found) return std::nullopt;
  return info.ok();
}

class ServiceReader {
 public:
  ServiceReader(const Service& manager, AnswerWriter& answer) : manager_(manager), answer_(answer) {}

  void describe(const std::string& name) {
    answer_.asking("service " + name);
    const Service service(OpenServiceW(manager_.get(), to_wide(name).c_str(), SERVICE_QUERY_CONFIG | SERVICE_QUERY_STATUS));
    const DWORD reason = service ? ERROR_SUCCESS : GetLastError();
    answer_.heading("service " + name);
    if (reason == ERROR_SERVICE_DOES_NOT_EXIST) return answer_.field("state", "not installed");
    if (!service) return answer_.fail(os_error("service " + name, reason));
    write_status(service, name);
    write_config(service, name);
  }

  void list() {
    answer_.asking("the list of all services");
    answer_.heading("all services");
    std::string buffer(kMaxListBytes, '\0');
    DWORD resume = 0;
    for (bool more = true; more && answer_.is_wanted();) {
      DWORD needed = 0, count = 0;
      const BOOL whole = EnumServicesStatusExW(manager_.get(), SC_ENUM_PROCESS_INFO, SERVICE_WIN32, SERVICE_STATE_ALL,
                                               reinterpret_cast<BYTE*>(buffer.data()), kMaxListBytes, &needed, &count, &resume, nullptr);
      const DWORD reason = whole ? ERROR_SUCCESS : GetLastError();
      if (!whole && reason != ERROR_MORE_DATA) return answer_.fail(os_error("the list of all services", reason));
      more = !whole && count > 0;
      const auto* services = reinterpret_cast<const ENUM_SERVICE_STATUS_PROCESSW*>(buffer.data());
      for (DWORD i = 0; i < count; ++i) write_line(services[i]);
    }
  }

 private:
  void write_line(const ENUM_SERVICE_STATUS_PROCESSW& service) {
    const SERVICE_STATUS_PROCESS& status = service.ServiceStatusProcess;
    const std::string process = status.dwProcessId == 0 ? "" : ", process " + std::to_string(status.dwProcessId);
    const std::string code = status.dwWin32ExitCode == 0 ? "" : ", exit code " + std::to_string(status.dwWin32ExitCode);
    answer_.field(text(service.lpServiceName), state_name(status.dwCurrentState) + process + code + ", " + text(service.lpDisplayName));
  }

  void write_status(const Service& service, const std::string& name) {
    SERVICE_STATUS_PROCESS status{};
    DWORD needed = 0;
    if (!QueryServiceStatusEx(service.get(), SC_STATUS_PROCESS_INFO, reinterpret_cast<BYTE*>(&status), sizeof status, &needed)) {
      return answer_.fail(os_error("service " + name, GetLastError()));
    }
    answer_.field("state", state_name(status.dwCurrentState));
    if (status.dwProcessId != 0) answer_.field("process", std::to_string(status.dwProcessId));
    answer_.field("exit code", std::to_string(status.dwWin32ExitCode));
    answer_.field("service exit code", std::to_string(status.dwServiceSpecificExitCode));
  }

  void write_config(const Service& service, const std::string& name) {
    std::string buffer(kMaxConfigBytes, '\0');
    DWORD needed = 0;
    auto* config = reinterpret_cast<QUERY_SERVICE_CONFIGW*>(buffer.data());
    if (!QueryServiceConfigW(service.get(), config, kMaxConfigBytes, &needed)) {
      return answer_.fail(os_error("service " + name, GetLastError()));
    }
    const std::string command_line = text(config->lpBinaryPathName);
    answer_.field("display name", text(config->lpDisplayName));
    answer_.field("start type", start_name(config->dwStartType) + (is_delayed(service) ? " (delayed)" : ""));
    answer_.field("account", text(config->lpServiceStartName));
    answer_.field("binary", command_line);
    const auto found = is_there(program_of(command_line));
    if (found) answer_.field("binary found", *found ? "yes" : "no");
  }

  static bool is_delayed(const Service& service) {
    SERVICE_DELAYED_AUTO_START_INFO info{};
    DWORD needed = 0;
    return QueryServiceConfig2W(service.get(), SERVICE_CONFIG_DELAYED_AUTO_START_INFO, reinterpret_cast<BYTE*>(&info), sizeof info,
                                &needed) &&
           info.fDelayedAutostart;
  }

  const Service& manager_;
  AnswerWriter& answer_;
};

}  // namespace

void ask_services(const std::vector<std::string>& names, AnswerWriter& answer) {
  answer.asking("the service control manager");
  const Service manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE));
  if (!manager) return answer.fail(os_error("the service control manager", GetLastError()));
  ServiceReader reader(manager, answer);
  for (const std::string& name : names) {
    if (answer.is_wanted()) reader.describe(name);
  }
  if (answer.is_wanted()) reader.list();
}

}  // namespace vmtriage
