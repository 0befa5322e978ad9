#pragma once

#include <cstdint>
#include <string_view>

namespace vmtriage {

/// FILE_ALL_ACCESS.
inline constexpr std::uint32_t kFullControl = 0x1f01ff;
/// What Everyone may do with the folder of the machine keys: FILE_GENERIC_READ and FILE_GENERIC_WRITE.
inline constexpr std::uint32_t kReadWrite = 0x12019f;

/// Somebody, by both names that SDDL has: `WD` and `S-1-1-0`.
struct Trustee {
  std::string_view alias;
  std::string_view sid;
};
inline constexpr Trustee kEveryone{"WD", "S-1-1-0"};
inline constexpr Trustee kAdministrators{"BA", "S-1-5-32-544"};
inline constexpr Trustee kSystem{"SY", "S-1-5-18"};

/// The rights that a security descriptor gives to exactly this trustee on the object itself, without what is denied to it:
///
///     O:SYG:SYD:PAI(A;;0x12019f;;;WD)(A;OICI;FA;;;BA)
///
/// Generic rights count as those of files. Rights by way of a group are not worked out.
std::uint32_t rights_in_sddl(std::string_view sddl, const Trustee& trustee);

}  // namespace vmtriage
