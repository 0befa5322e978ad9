#include "agent/base/finding.h"

#include <array>

namespace vmtriage {
namespace {
constexpr std::array<std::string_view, 4> kSeverities = {"info", "warning", "error", "critical"};
constexpr std::array<std::string_view, 4> kLevels = {"application", "file-system", "crash", "unknown"};
}  // namespace

std::string_view name_of(Severity severity) { return kSeverities[static_cast<std::size_t>(severity)]; }

std::optional<Severity> parse_severity(std::string_view name) {
  for (std::size_t i = 0; i < kSeverities.size(); ++i) {
    if (kSeverities[i] == name) return static_cast<Severity>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Consistency level) { return kLevels[static_cast<std::size_t>(level)]; }

}  // namespace vmtriage
