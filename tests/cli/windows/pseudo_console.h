#pragma once

#include <windows.h>

#include <array>
#include <string>
#include <thread>

#include "tests/cli/program.h"

namespace vmtriage {

/// The built program on a console without a window, as a terminal would show it: 200 columns, 50 lines.
class PseudoConsole {
 public:
  PseudoConsole(unsigned code_page, const Arguments& arguments);
  PseudoConsole(const PseudoConsole&) = delete;
  PseudoConsole& operator=(const PseudoConsole&) = delete;
  ~PseudoConsole();

  /// CTRL_C_EVENT or CTRL_BREAK_EVENT. Where the system cannot do that, the program ends with kCannotPress.
  void press(DWORD event) const { SetEvent(events_[event]); }
  static constexpr int kCannotPress = 122;
  /// Closes its window.
  void close();

  /// Whether the program ended within this time.
  bool ends_within(DWORD milliseconds) const { return WaitForSingleObject(process_, milliseconds) == WAIT_OBJECT_0; }
  /// The program's exit code, after its end and that of the console; what was shown is known then.
  int wait();
  /// The text that was shown, without what moves the cursor and sets colours; then `[code page 932]`, the one left
  /// behind.
  std::string shown() const;

 private:
  void* console_ = nullptr;
  HANDLE process_ = nullptr, input_ = nullptr, output_ = nullptr;
  std::array<HANDLE, 2> events_{};
  std::string bytes_;
  std::thread reader_;
};

}  // namespace vmtriage
