#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/redactor.h"

namespace {

using vmtriage::Redactor;

constexpr std::string_view kMark = "[redacted:";

/// Whether `output` is `input` with some spans replaced by placeholders: the texts between the placeholders stand in it
/// in order.
bool keeps_the_rest(std::string_view input, std::string_view output) {
  std::size_t at = 0;
  while (true) {
    const std::size_t mark = output.find(kMark);
    const std::string_view kept = output.substr(0, mark);
    const std::size_t found = input.find(kept, at);
    if (found == std::string_view::npos) return false;
    at = found + kept.size();
    if (mark == std::string_view::npos) return true;
    const std::size_t close = output.find(']', mark);
    if (close == std::string_view::npos) return false;
    output.remove_prefix(close + 1);
  }
}

std::string in_two(const Redactor& redactor, std::string_view text, std::size_t at, bool cut) {
  auto stream = redactor.stream();
  std::string storage;
  std::string result(stream.apply(text.substr(0, at), cut, storage));
  result += stream.apply(text.substr(at), false, storage);
  result += stream.finish(storage);
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Redactor redactor(Redactor::Key{1, 2, 3});
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = redactor.line(text);
  if (text.find(kMark) == std::string_view::npos && !keeps_the_rest(text, whole)) std::abort();
  const std::size_t at = text.empty() ? 0 : data[0] * text.size() / 256;
  // A text shorter than what is held back must not care where it was cut; any other must not care at line ends.
  if (text.size() < 4096 && in_two(redactor, text, at, true) != whole) std::abort();
  const std::size_t line = text.find('\n', at);
  if (line != std::string_view::npos && in_two(redactor, text, line + 1, false) != whole) std::abort();
  return 0;
}
