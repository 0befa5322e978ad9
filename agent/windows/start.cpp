#include "agent/start.h"

#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <shellapi.h>

#include <boost/filesystem/detail/utf8_codecvt_facet.hpp>
#include <boost/filesystem/path.hpp>
#include <cstdio>
#include <cstdlib>
#include <locale>

#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

UINT g_code_page_before = 0;

void restore_code_page() { SetConsoleOutputCP(g_code_page_before); }

/// The code page belongs to the console, which others use after us.
void speak_utf8_on_the_console() {
  for (const DWORD stream : {STD_OUTPUT_HANDLE, STD_ERROR_HANDLE}) {
    const HANDLE console = GetStdHandle(stream);
    DWORD mode = 0;
    if (!GetConsoleMode(console, &mode)) continue;
    SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    if (g_code_page_before == 0) g_code_page_before = GetConsoleOutputCP();
    SetConsoleOutputCP(CP_UTF8);
  }
  if (g_code_page_before != 0) std::atexit(restore_code_page);
}

std::vector<std::string> arguments() {
  int count = 0;
  wchar_t** words = CommandLineToArgvW(GetCommandLineW(), &count);
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back(to_utf8(words[i]));
  LocalFree(words);
  return texts;
}

}  // namespace

std::vector<std::string> start_process(int, char**) {
  SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
  // No box that waits for a click: an empty card reader, a crash.
  SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
  for (FILE* stream : {stdin, stdout, stderr}) _setmode(_fileno(stream), _O_BINARY);
  boost::filesystem::path::imbue(std::locale(std::locale(), new boost::filesystem::detail::utf8_codecvt_facet));
  speak_utf8_on_the_console();
  return arguments();
}

}  // namespace vmtriage
