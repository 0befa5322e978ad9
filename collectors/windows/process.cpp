#include "collectors/process.h"

#include <windows.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "agent/base/text.h"
#include "collectors/files.h"
#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// How long a killed process may take to go: one that waits for a driver takes for ever.
constexpr DWORD kKillGraceMs = 2000;
/// How late new output, the end and a stop request may be noticed.
constexpr DWORD kPollMs = 20;

std::string system_folder() {
  std::array<wchar_t, MAX_PATH> folder{};
  const UINT size = GetSystemDirectoryW(folder.data(), static_cast<UINT>(folder.size()));
  return path_of({folder.data(), size});
}

bool is_absolute(std::string_view path) { return path.size() > 2 && path[1] == ':' && (path[2] == '/' || path[2] == '\\'); }

/// One argument as the C runtime of the other program takes it apart again: backslashes count only before a quote.
std::wstring quoted(const std::wstring& word) {
  if (!word.empty() && word.find_first_of(L" \t\"") == std::wstring::npos) return word;
  std::wstring text = L"\"";
  std::size_t backslashes = 0;
  for (const wchar_t c : word) {
    if (c == L'"') text.append(backslashes + 1, L'\\');
    backslashes = c == L'\\' ? backslashes + 1 : 0;
    text += c;
  }
  return text.append(backslashes, L'\\') + L"\"";
}

/// With backslashes: programs that take their own command line apart would see an option in a slash.
std::wstring program_path(const std::vector<std::string>& argv) {
  std::wstring path = to_wide(argv[0]);
  std::replace(path.begin(), path.end(), L'/', L'\\');
  return path;
}

std::wstring command_line(const std::vector<std::string>& argv) {
  std::wstring line = quoted(program_path(argv));
  for (std::size_t i = 1; i < argv.size(); ++i) line += L" " + quoted(to_wide(argv[i]));
  return line;
}

/// `NAME=value` after `NAME=value`, each ending at a NUL: what Windows' own programs need, nothing of ours.
std::wstring environment() {
  const std::wstring drive = to_wide(system_drive());
  std::array<wchar_t, MAX_PATH> folder{};
  GetSystemWindowsDirectoryW(folder.data(), static_cast<UINT>(folder.size()));
  const std::wstring windows = folder.data();
  const std::wstring system = windows + L"\\System32";
  const std::array<std::wstring, 8> lines = {L"ComSpec=" + system + L"\\cmd.exe",
                                             L"PATH=" + system + L";" + windows + L";" + system + L"\\Wbem",
                                             L"PATHEXT=.COM;.EXE",
                                             L"SystemDrive=" + drive,
                                             L"SystemRoot=" + windows,
                                             L"TEMP=" + windows + L"\\Temp",
                                             L"TMP=" + windows + L"\\Temp",
                                             L"windir=" + windows};
  std::wstring block;
  for (const std::wstring& line : lines) block += line + L'\0';
  return block + L'\0';
}

struct Pipe {
  Handle read_end;
  Handle write_end;
};

Result<Pipe> open_pipe() {
  HANDLE read_end = nullptr, write_end = nullptr;
  constexpr DWORD kBufferBytes = 256 << 10;
  if (!CreatePipe(&read_end, &write_end, nullptr, kBufferBytes)) return os_error("pipe", GetLastError());
  Pipe pipe{Handle(read_end), Handle(write_end)};
  if (!SetHandleInformation(write_end, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT)) return os_error("pipe", GetLastError());
  return pipe;
}

/// A group of processes that ends with its last handle: also what the command started, and what that started.
Result<Handle> make_job() {
  Handle job(CreateJobObjectW(nullptr, nullptr));
  if (!job.get()) return os_error("job object", GetLastError());
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
  if (!SetInformationJobObject(job.get(), JobObjectExtendedLimitInformation, &limits, sizeof limits)) {
    return os_error("job object", GetLastError());
  }
  return job;
}

/// The list of the handles that the command may have, which STARTUPINFOEX wants.
class HandleList {
 public:
  explicit HandleList(std::array<HANDLE, 2> handles) : handles_(handles) {
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
    bytes_.resize(size);
    InitializeProcThreadAttributeList(get(), 1, 0, &size);
    UpdateProcThreadAttribute(get(), 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles_.data(), sizeof handles_, nullptr, nullptr);
  }
  HandleList(const HandleList&) = delete;
  HandleList& operator=(const HandleList&) = delete;
  ~HandleList() { DeleteProcThreadAttributeList(get()); }

  LPPROC_THREAD_ATTRIBUTE_LIST get() { return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(bytes_.data()); }

 private:
  std::array<HANDLE, 2> handles_;
  std::vector<std::byte> bytes_;
};

/// A file that gives the text and then ends.
Result<Handle> open_input(const std::string& text) {
  if (text.size() > kMaxInputBytes) return Error{ErrorCode::unsupported, "command: too much input"};
  SECURITY_ATTRIBUTES inherited{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  if (text.empty()) {
    Handle nothing(CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, OPEN_EXISTING, 0, nullptr));
    if (!nothing) return os_error("NUL", GetLastError());
    return nothing;
  }
  HANDLE read_end = nullptr, write_end = nullptr;
  if (!CreatePipe(&read_end, &write_end, nullptr, kMaxInputBytes)) return os_error("pipe", GetLastError());
  Handle input(read_end);
  const Handle writer(write_end);
  DWORD written = 0;
  if (!WriteFile(write_end, text.data(), static_cast<DWORD>(text.size()), &written, nullptr) || written != text.size() ||
      !SetHandleInformation(read_end, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT)) {
    return os_error("pipe", GetLastError());
  }
  return input;
}

/// Starts it stopped, so that it is in the job before it can start anything.
Result<Handle> spawn(const ProcessSpec& spec, HANDLE output, HANDLE job) {
  const Result<Handle> input = open_input(spec.input);
  if (!input) return input.error();
  HandleList handles({input->get(), output});
  STARTUPINFOEXW start{};
  start.StartupInfo.cb = sizeof start;
  start.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
  start.StartupInfo.hStdInput = input->get();
  start.StartupInfo.hStdOutput = output;
  start.StartupInfo.hStdError = output;
  start.lpAttributeList = handles.get();
  std::wstring line = command_line(spec.argv);
  std::wstring variables = environment();
  const std::wstring folder = to_wide(system_drive()) + L"\\";
  const std::wstring program = program_path(spec.argv);
  PROCESS_INFORMATION made{};
  constexpr DWORD kFlags = CREATE_NO_WINDOW | CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;
  if (!CreateProcessW(program.c_str(), line.data(), nullptr, nullptr, TRUE, kFlags, variables.data(), folder.c_str(), &start.StartupInfo,
                      &made)) {
    return os_error(printable(spec.argv[0]), GetLastError());
  }
  Handle process(made.hProcess);
  const Handle thread(made.hThread);
  if (!AssignProcessToJobObject(job, process.get())) {
    const DWORD reason = GetLastError();
    TerminateProcess(process.get(), 1);
    return os_error("job object", reason);
  }
  ResumeThread(thread.get());
  return process;
}

/// A running command, from its start to the end of the last process of its job.
class Command {
 public:
  Command(Handle process, Handle job, Handle pipe, const ProcessSpec& spec, const std::atomic<bool>* stop)
      : process_(std::move(process)), job_(std::move(job)), pipe_(std::move(pipe)), spec_(spec), stop_(stop) {}

  void follow() {
    const SteadyClock::time_point deadline = started_ + std::chrono::milliseconds(spec_.timeout_ms);
    while (!result_.truncated) {
      read_available();
      if (WaitForSingleObject(process_.get(), kPollMs) == WAIT_OBJECT_0) return;
      result_.stopped = stop_ != nullptr && stop_->load();
      result_.timed_out = !result_.stopped && SteadyClock::now() >= deadline;
      if (result_.stopped || result_.timed_out) return;
    }
  }

  ProcessOutput end() {
    read_available();
    DWORD code = 0;
    const bool ended = WaitForSingleObject(process_.get(), 0) == WAIT_OBJECT_0;
    if (ended && GetExitCodeProcess(process_.get(), &code)) result_.exit_code = static_cast<int>(code);
    TerminateJobObject(job_.get(), 1);
    result_.abandoned = WaitForSingleObject(process_.get(), kKillGraceMs) != WAIT_OBJECT_0;
    read_available();
    result_.elapsed_ms = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - started_).count();
    return std::move(result_);
  }

 private:
  void read_available() {
    std::array<char, 64 * 1024> buffer;
    DWORD waiting = 0;
    while (!result_.truncated && PeekNamedPipe(pipe_.get(), nullptr, 0, nullptr, &waiting, nullptr) && waiting > 0) {
      DWORD size = 0;
      if (!ReadFile(pipe_.get(), buffer.data(), static_cast<DWORD>(buffer.size()), &size, nullptr)) return;
      const std::size_t room = spec_.max_output_bytes - result_.output.size();
      result_.truncated = size > room;
      result_.output.append(buffer.data(), std::min<std::size_t>(size, room));
    }
  }

  Handle process_;
  Handle job_;
  Handle pipe_;
  const ProcessSpec& spec_;
  const std::atomic<bool>* const stop_;
  const SteadyClock::time_point started_ = SteadyClock::now();
  ProcessOutput result_;
};

}  // namespace

Result<ProcessOutput> run_process(const ProcessSpec& spec, const std::atomic<bool>* stop) {
  if (spec.argv.empty() || !is_absolute(spec.argv[0])) {
    return Error{ErrorCode::unsupported, (spec.argv.empty() ? "command" : spec.argv[0]) + ": not an absolute path"};
  }
  Result<Pipe> pipe = open_pipe();
  if (!pipe) return pipe.error();
  Result<Handle> job = make_job();
  if (!job) return job.error();
  Result<Handle> process = spawn(spec, pipe->write_end.get(), job->get());
  if (!process) return process.error();
  pipe->write_end.close();
  Command command(std::move(*process), std::move(*job), std::move(pipe->read_end), spec, stop);
  command.follow();
  return command.end();
}

std::optional<std::string> find_program(std::string_view name) {
  if (name.empty() || name.find_first_of("/\\:") != std::string_view::npos) return std::nullopt;
  for (const std::string_view folder : {"/", "/wbem/"}) {
    const std::string path = system_folder() + std::string(folder) + std::string(name) + (name.ends_with(".exe") ? "" : ".exe");
    const auto info = file_info(path);
    if (info && info->type == FileType::regular) return path;
  }
  return std::nullopt;
}

}  // namespace vmtriage
