#include "tests/cli/program.h"

#include <windows.h>

#include <psapi.h>

#include <algorithm>
#include <array>
#include <iomanip>
#include <sstream>
#include <stdexcept>

#include "collectors/windows/native.h"
#include "tests/cli/windows/try_to_start.h"

namespace vmtriage {
namespace {

/// One argument as the C runtime takes it apart again: backslashes count only before a quote.
std::wstring quoted(const std::string& word) {
  std::wstring text = L"\"";
  std::size_t backslashes = 0;
  for (const wchar_t c : to_wide(word)) {
    if (c == L'"') text.append(backslashes + 1, L'\\');
    backslashes = c == L'\\' ? backslashes + 1 : 0;
    text += c;
  }
  return text.append(backslashes, L'\\') + L"\"";
}

/// Our own variables and `more`: without some of them no Windows program starts.
std::wstring environment_with(const std::vector<std::string>& more) {
  std::wstring block;
  const auto is_given = [&](std::wstring_view line) {
    return std::any_of(more.begin(), more.end(), [&](const std::string& given) {
      return line.starts_with(to_wide(given.substr(0, given.find('=') + 1)));
    });
  };
  wchar_t* own = GetEnvironmentStringsW();
  for (const wchar_t* line = own; *line != L'\0'; line += wcslen(line) + 1) {
    if (!is_given(line)) block.append(line, wcslen(line) + 1);
  }
  FreeEnvironmentStringsW(own);
  for (const std::string& line : more) block += to_wide(line) + L'\0';
  return block + L'\0';
}

/// Our own rights without an administrator's, as programs have them that are not started elevated; nothing where the
/// system cannot do that.
Handle ordinary_token() {
  HANDLE own = nullptr, restricted = nullptr;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &own)) return Handle();
  const Handle token(own);
  if (!CreateRestrictedToken(own, LUA_TOKEN, 0, nullptr, 0, nullptr, 0, nullptr, &restricted)) return Handle();
  return Handle(restricted);
}

Handle inheritable(const std::string& path, DWORD access, DWORD disposition) {
  SECURITY_ATTRIBUTES inherited{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  return Handle(CreateFileW(to_wide(path).c_str(), access, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, disposition,
                            FILE_ATTRIBUTE_NORMAL, nullptr));
}

std::string hexadecimal(DWORD number) {
  std::ostringstream text;
  text << "0x" << std::hex << std::uppercase << std::setw(8) << std::setfill('0') << number;
  return text.str();
}

}  // namespace

struct Program::Process {
  ScratchFolder folder;
  int time_limit_s = 0;
  Handle handle;
  DWORD pid = 0;
};

std::string built_program() {
  std::array<wchar_t, 32768> own{};
  const DWORD size = GetModuleFileNameW(nullptr, own.data(), static_cast<DWORD>(own.size()));
  const std::filesystem::path tests(std::wstring(own.data(), size));
  return (tests.parent_path().parent_path() / "vmtriage.exe").string();
}

Program::Program(const Arguments& arguments, const RunOptions& options) : process_(std::make_unique<Process>()) {
  process_->time_limit_s = options.time_limit_s;
  const std::string program = options.program.empty() ? built_program() : options.program;
  std::wstring line = quoted(program);
  for (const std::string& argument : arguments) line += L" " + quoted(argument);
  std::wstring variables = environment_with(options.environment);
  const std::wstring folder = to_wide(options.folder);
  const Handle in = inheritable("NUL", GENERIC_READ, OPEN_EXISTING);
  const Handle out = inheritable(process_->folder.file("out"), GENERIC_WRITE, CREATE_ALWAYS);
  const Handle err = inheritable(process_->folder.file("err"), GENERIC_WRITE, CREATE_ALWAYS);
  STARTUPINFOW start{};
  start.cb = sizeof start;
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = in.get();
  start.hStdOutput = out.get();
  start.hStdError = err.get();
  const Handle token = options.ordinary_user ? ordinary_token() : Handle();
  PROCESS_INFORMATION made{};
  const DWORD reason = try_to_start([&] {
    // Without a token it is CreateProcess.
    return CreateProcessAsUserW(token ? token.get() : nullptr, to_wide(program).c_str(), line.data(), nullptr, nullptr,
                                TRUE, CREATE_NO_WINDOW | CREATE_UNICODE_ENVIRONMENT, variables.data(),
                                folder.empty() ? nullptr : folder.c_str(), &start, &made);
  });
  // Ends the test: nothing that it asks about the program has an answer.
  if (reason != ERROR_SUCCESS) throw std::runtime_error("could not be started: " + os_error(program, reason).what);
  CloseHandle(made.hThread);
  process_->handle = Handle(made.hProcess);
  process_->pid = made.dwProcessId;
}

Program::~Program() {
  if (process_->handle) wait();
}

long Program::pid() const { return static_cast<long>(process_->pid); }

bool Program::has_ended() const { return WaitForSingleObject(process_->handle.get(), 0) == WAIT_OBJECT_0; }

Outcome Program::wait() {
  const HANDLE handle = process_->handle.get();
  if (WaitForSingleObject(handle, static_cast<DWORD>(process_->time_limit_s) * 1000) != WAIT_OBJECT_0) {
    ADD_FAILURE() << "no end after " << process_->time_limit_s << " s";
    TerminateProcess(handle, 1);
    WaitForSingleObject(handle, INFINITE);
  }
  Outcome outcome;
  DWORD code = 0;
  GetExitCodeProcess(handle, &code);
  // What ends a process that crashes is the number of the exception: 0xC0000005.
  if (code >= 0xC0000000) outcome.crash = "exception " + hexadecimal(code);
  if (outcome.crash.empty()) outcome.exit_code = static_cast<int>(code);
  PROCESS_MEMORY_COUNTERS counters{};
  if (GetProcessMemoryInfo(handle, &counters, sizeof counters)) {
    outcome.peak_kib = static_cast<long>(counters.PeakWorkingSetSize / 1024);
  }
  process_->handle.close();
  outcome.out = read_bytes(process_->folder.file("out"));
  outcome.err = read_bytes(process_->folder.file("err"));
  EXPECT_EQ(outcome.crash, "") << outcome.err;
  return outcome;
}

LiveTurn::LiveTurn(const ScratchFolder& scratch) : mutex_(CreateMutexW(nullptr, FALSE, L"vmtriage-tests-live")) {
  std::filesystem::create_directories(scratch.file("out"));
  WaitForSingleObject(mutex_, INFINITE);
}

LiveTurn::~LiveTurn() {
  ReleaseMutex(mutex_);
  CloseHandle(mutex_);
}

}  // namespace vmtriage
