// The version of Windows that brought pseudo consoles, for its declarations.
#define NTDDI_VERSION 0x0A000006

#include "tests/cli/windows/pseudo_console.h"

#include <filesystem>
#include <stdexcept>
#include <vector>

#include "collectors/windows/native.h"
#include "tests/cli/windows/try_to_start.h"

namespace vmtriage {
namespace {

constexpr DWORD kPatienceMs = 300'000;

/// The attribute list that starts a process on a console.
class OnConsole {
 public:
  explicit OnConsole(HPCON console) {
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
    bytes_.resize(size);
    InitializeProcThreadAttributeList(get(), 1, 0, &size);
    UpdateProcThreadAttribute(get(), 0, PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE, console, sizeof console, nullptr, nullptr);
  }
  OnConsole(const OnConsole&) = delete;
  OnConsole& operator=(const OnConsole&) = delete;
  ~OnConsole() { DeleteProcThreadAttributeList(get()); }
  LPPROC_THREAD_ATTRIBUTE_LIST get() { return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(bytes_.data()); }

 private:
  std::vector<std::byte> bytes_;
};

std::string name_of_events() { return "vmtriage-tests-press-" + std::to_string(GetCurrentProcessId()); }

}  // namespace

PseudoConsole::PseudoConsole(unsigned code_page, const Arguments& arguments) {
  HANDLE read_input = nullptr, write_output = nullptr;
  CreatePipe(&read_input, &input_, nullptr, 0);
  CreatePipe(&output_, &write_output, nullptr, 0);
  EXPECT_EQ(CreatePseudoConsole({200, 50}, read_input, write_output, 0, &console_), S_OK);
  CloseHandle(read_input);
  CloseHandle(write_output);
  for (std::size_t i = 0; i < events_.size(); ++i) {
    events_[i] = CreateEventW(nullptr, TRUE, FALSE, to_wide(name_of_events() + "-" + std::to_string(i)).c_str());
  }
  const auto runner = std::filesystem::path(built_program()).parent_path() / "tests" / "console_runner.exe";
  std::wstring line = L"\"" + runner.wstring() + L"\" " + std::to_wstring(code_page) + L" " +
                      to_wide(name_of_events()) + L" \"" + to_wide(built_program()) + L"\"";
  for (const std::string& argument : arguments) line += L" \"" + to_wide(argument) + L"\"";
  OnConsole attributes(console_);
  STARTUPINFOEXW start{};
  start.StartupInfo.cb = sizeof start;
  start.lpAttributeList = attributes.get();
  PROCESS_INFORMATION made{};
  const DWORD reason = try_to_start([&] {
    return CreateProcessW(runner.c_str(), line.data(), nullptr, nullptr, FALSE, EXTENDED_STARTUPINFO_PRESENT, nullptr,
                          nullptr, &start.StartupInfo, &made);
  });
  if (reason != ERROR_SUCCESS) {
    close();
    throw std::runtime_error("could not be started: " + os_error(runner.string(), reason).what);
  }
  CloseHandle(made.hThread);
  process_ = made.hProcess;
  reader_ = std::thread([this] {
    char block[4096];
    DWORD size = 0;
    while (ReadFile(output_, block, sizeof block, &size, nullptr) && size > 0) bytes_.append(block, size);
  });
}

PseudoConsole::~PseudoConsole() {
  if (reader_.joinable()) wait();
  for (const HANDLE handle : {process_, input_, output_, events_[0], events_[1]}) CloseHandle(handle);
}

void PseudoConsole::close() {
  if (console_ != nullptr) ClosePseudoConsole(console_);
  console_ = nullptr;
}

int PseudoConsole::wait() {
  if (!ends_within(kPatienceMs)) {
    ADD_FAILURE() << "no end after " << kPatienceMs << " ms";
    TerminateProcess(process_, 1);
  }
  close();
  reader_.join();
  DWORD code = 0;
  GetExitCodeProcess(process_, &code);
  return static_cast<int>(code);
}

std::string PseudoConsole::shown() const {
  std::string text;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    if (bytes_[i] != '\x1b') {
      text += bytes_[i];
      continue;
    }
    // ESC [ numbers letter, or ESC ] text BEL
    const bool is_title = i + 1 < bytes_.size() && bytes_[i + 1] == ']';
    i += 2;
    while (i < bytes_.size() && (is_title ? bytes_[i] != '\a' : bytes_[i] < '@')) ++i;
  }
  return text;
}

}  // namespace vmtriage
