// console_runner CODE_PAGE EVENT PROGRAM ARGS…: runs a program on the console of this process, whose output code page
// it sets before, and prints the code page that is left behind. Presses Ctrl+C when the event EVENT-0 is set,
// Ctrl+Break with EVENT-1; where the system cannot do that, it ends the program and returns 122.

#include <windows.h>

#include <cstdlib>
#include <string>

#include "tests/cli/windows/try_to_start.h"

namespace {

BOOL WINAPI outlive(DWORD) { return TRUE; }

HANDLE console(const wchar_t* name) {
  SECURITY_ATTRIBUTES inherited{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  return CreateFileW(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, OPEN_EXISTING,
                     0, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 125;
  // A handler of its own: to ignore Ctrl+C by a flag would be inherited by the program.
  SetConsoleCtrlHandler(outlive, TRUE);
  STARTUPINFOA start{};
  start.cb = sizeof start;
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = console(L"CONIN$");
  start.hStdOutput = start.hStdError = console(L"CONOUT$");
  if (start.hStdOutput == INVALID_HANDLE_VALUE || !SetConsoleOutputCP(std::strtoul(argv[1], nullptr, 10))) return 124;
  std::string line;
  for (int i = 3; i < argc; ++i) line += "\"" + std::string(argv[i]) + "\" ";
  const HANDLE ctrl_c = CreateEventA(nullptr, TRUE, FALSE, (std::string(argv[2]) + "-0").c_str());
  const HANDLE ctrl_break = CreateEventA(nullptr, TRUE, FALSE, (std::string(argv[2]) + "-1").c_str());
  PROCESS_INFORMATION made{};
  const DWORD failure = vmtriage::try_to_start(
      [&] { return CreateProcessA(nullptr, line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &start, &made); });
  if (failure != ERROR_SUCCESS) return 123;
  const HANDLE any[] = {made.hProcess, ctrl_c, ctrl_break};
  const DWORD happened = WaitForMultipleObjects(3, any, FALSE, INFINITE) - WAIT_OBJECT_0;
  if (happened > 0 && !GenerateConsoleCtrlEvent(happened == 1 ? CTRL_C_EVENT : CTRL_BREAK_EVENT, 0)) {
    TerminateProcess(made.hProcess, 122);
  }
  WaitForSingleObject(made.hProcess, INFINITE);
  const std::string left = "[code page " + std::to_string(GetConsoleOutputCP()) + "]\r\n";
  DWORD written = 0;
  WriteConsoleA(start.hStdOutput, left.data(), static_cast<DWORD>(left.size()), &written, nullptr);
  DWORD code = 0;
  GetExitCodeProcess(made.hProcess, &code);
  return static_cast<int>(code);
}
