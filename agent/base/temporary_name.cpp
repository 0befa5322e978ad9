#include "agent/base/temporary_name.h"

#include <array>
#include <random>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

constexpr std::string_view kBegin = ".vmtriage-", kEnd = ".part";
constexpr std::size_t kRandomBytes = 8;

}  // namespace

std::string temporary_name() {
  std::random_device random;
  std::array<unsigned char, kRandomBytes> bytes;
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random());
  return std::string(kBegin) + to_hex(bytes) + std::string(kEnd);
}

bool is_temporary_name(std::string_view name) {
  constexpr std::size_t kDigits = 2 * kRandomBytes;
  return name.size() == kBegin.size() + kDigits + kEnd.size() && name.starts_with(kBegin) && name.ends_with(kEnd) &&
         name.substr(kBegin.size(), kDigits).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace vmtriage
