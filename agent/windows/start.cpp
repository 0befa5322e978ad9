#include "agent/start.h"

#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <shellapi.h>

#include <algorithm>
#include <boost/filesystem/detail/utf8_codecvt_facet.hpp>
#include <boost/filesystem/path.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <locale>
#include <optional>

#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

/// The bytes of `text` without a UTF-8 sequence that its end cuts off.
std::size_t whole_characters(std::string_view text) {
  constexpr std::size_t kMaxSequence = 4;
  for (std::size_t back = 1; back <= std::min(kMaxSequence, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const std::size_t wanted = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return text.size() - (wanted > back ? back : 0);
  }
  return text.size();
}

/// Gives a stream that leads to a console UTF-16, which the console shows in every code page. What is redirected stays
/// UTF-8.
class ConsoleStream : public std::streambuf {
 public:
  ConsoleStream(std::ostream& stream, DWORD number) : stream_(stream), console_(GetStdHandle(number)) {
    if (!GetConsoleMode(console_, &mode_before_)) return;
    SetConsoleMode(console_, mode_before_ | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    buffer_before_ = stream_.rdbuf(this);
  }
  ConsoleStream(const ConsoleStream&) = delete;
  ConsoleStream& operator=(const ConsoleStream&) = delete;
  ~ConsoleStream() override {
    if (buffer_before_ == nullptr) return;
    write_out(pending_.size());
    stream_.rdbuf(buffer_before_);
    SetConsoleMode(console_, mode_before_);
  }

 protected:
  std::streamsize xsputn(const char* bytes, std::streamsize size) override {
    pending_.append(bytes, static_cast<std::size_t>(size));
    if (pending_.size() >= kKeptBytes) sync();
    return size;
  }
  int_type overflow(int_type byte) override {
    const char c = traits_type::to_char_type(byte);
    if (byte != traits_type::eof()) xsputn(&c, 1);
    return traits_type::not_eof(byte);
  }
  int sync() override {
    write_out(whole_characters(pending_));
    return 0;
  }

 private:
  static constexpr std::size_t kKeptBytes = 4096;
  /// Old consoles take less than 64 KiB at once.
  static constexpr std::size_t kMaxUnits = 8192;

  void write_out(std::size_t size) {
    const std::wstring wide = to_wide(std::string_view(pending_).substr(0, size));
    pending_.erase(0, size);
    for (std::size_t at = 0, count = 0; at < wide.size(); at += count) {
      count = std::min(kMaxUnits, wide.size() - at);
      const bool is_split = at + count < wide.size() && IS_HIGH_SURROGATE(wide[at + count - 1]);
      if (is_split) --count;
      DWORD written = 0;
      WriteConsoleW(console_, wide.data() + at, static_cast<DWORD>(count), &written, nullptr);
    }
  }

  std::ostream& stream_;
  HANDLE console_;
  DWORD mode_before_ = 0;
  std::streambuf* buffer_before_ = nullptr;
  std::string pending_;
};

std::optional<ConsoleStream> output_stream, error_stream;

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
  output_stream.emplace(std::cout, STD_OUTPUT_HANDLE);
  error_stream.emplace(std::cerr, STD_ERROR_HANDLE);
  return arguments();
}

void end_process(int exit_code) {
  std::cout.flush();
  std::cerr.flush();
  output_stream.reset();
  error_stream.reset();
  std::fflush(nullptr);
  std::_Exit(exit_code);
}

}  // namespace vmtriage
