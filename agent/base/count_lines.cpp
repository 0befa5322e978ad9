#include "agent/base/text.h"

namespace vmtriage {
namespace {

/// Sums of bytes in short runs: the form that compilers turn into vector instructions.
#ifdef __GNUC__
[[gnu::always_inline]]
#endif
inline std::uint64_t count_in_runs(std::string_view text) {
  constexpr std::size_t kRun = 128;
  std::uint64_t count = 0;
  std::size_t at = 0;
  for (; at + kRun <= text.size(); at += kRun) {
    std::uint8_t run = 0;
    for (std::size_t i = 0; i < kRun; ++i) run = static_cast<std::uint8_t>(run + (text[at + i] == '\n' ? 1 : 0));
    count += run;
  }
  for (; at < text.size(); ++at) count += text[at] == '\n' ? 1 : 0;
  return count;
}

#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2")]] std::uint64_t count_wide(std::string_view text) { return count_in_runs(text); }
#endif

}  // namespace

/// Every byte of evidence passes here.
std::uint64_t count_lines(std::string_view text) {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool wide = __builtin_cpu_supports("avx2") != 0;
  if (wide) return count_wide(text);
#endif
  return count_in_runs(text);
}

}  // namespace vmtriage
