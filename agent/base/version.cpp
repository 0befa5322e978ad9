#include "agent/base/version.h"

#include <charconv>
#include <cstdint>
#include <vector>

#include "agent/base/text.h"

namespace vmtriage {

bool version_less(std::string_view a, std::string_view b) {
  const auto numbers = [](std::string_view version) {
    std::vector<std::uint64_t> parts;
    for (const std::string_view part : split(version, '.')) {
      parts.push_back(0);
      std::from_chars(part.data(), part.data() + part.size(), parts.back());
    }
    return parts;
  };
  return numbers(a) < numbers(b);
}

}  // namespace vmtriage
