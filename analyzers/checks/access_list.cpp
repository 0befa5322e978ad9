#include "analyzers/checks/access_list.h"

#include <charconv>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

struct Right {
  std::string_view name;
  std::uint32_t mask;
};
/// As sddl.h names them.
constexpr Right kRights[] = {
    {"FA", 0x1f01ff}, {"FR", 0x120089}, {"FW", 0x120116}, {"FX", 0x1200a0}, {"GA", 0x1f01ff}, {"GR", 0x120089}, {"GW", 0x120116},
    {"GX", 0x1200a0}, {"CC", 0x1},      {"DC", 0x2},      {"LC", 0x4},      {"SW", 0x8},      {"RP", 0x10},     {"WP", 0x20},
    {"DT", 0x40},     {"LO", 0x80},     {"CR", 0x100},    {"SD", 0x10000},  {"RC", 0x20000},  {"WD", 0x40000},  {"WO", 0x80000},
};

std::uint32_t mask_of(std::string_view rights) {
  std::uint32_t mask = 0;
  if (rights.starts_with("0x")) {
    std::from_chars(rights.data() + 2, rights.data() + rights.size(), mask, 16);
    constexpr std::uint32_t kGenericAll = 0x10000000;
    return (mask & kGenericAll) != 0 ? kFullControl : mask;
  }
  for (; rights.size() >= 2; rights.remove_prefix(2)) {
    for (const Right& right : kRights) {
      if (rights.starts_with(right.name)) mask |= right.mask;
    }
  }
  return mask;
}

/// Whether an entry is for what is made below only.
bool is_inherit_only(std::string_view flags) {
  for (; flags.size() >= 2; flags.remove_prefix(2)) {
    if (flags.starts_with("IO")) return true;
  }
  return false;
}

}  // namespace

std::uint32_t rights_in_sddl(std::string_view sddl, const Trustee& trustee) {
  std::uint32_t allowed = 0, denied = 0;
  const std::size_t list = sddl.find("D:");
  std::string_view rest = list == std::string_view::npos ? std::string_view() : sddl.substr(list + 2);
  for (std::size_t at = rest.find('('); at != std::string_view::npos; at = rest.find('(')) {
    rest.remove_prefix(at + 1);
    const auto parts = split(rest.substr(0, rest.find(')')), ';');
    if (parts.size() < 6 || is_inherit_only(parts[1]) || (parts[5] != trustee.alias && parts[5] != trustee.sid)) continue;
    if (parts[0] == "A") allowed |= mask_of(parts[2]);
    if (parts[0] == "D") denied |= mask_of(parts[2]);
  }
  return allowed & ~denied;
}

}  // namespace vmtriage
