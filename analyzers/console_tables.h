#pragma once

#include <cstddef>
#include <string_view>

namespace vmtriage {

/// The 94 rows of JIS X 0208 as code page 932 has them (with NEC row 13 and rows 89 to 92), 94 characters each; a row
/// without characters is empty.
inline constexpr std::size_t kJisRowCount = 94;
inline constexpr std::size_t kJisCells = 94;
extern const std::u16string_view kJisRows[kJisRowCount];

/// The bytes 0x80 to 0xFF of code page 850, the console of western Europe.
extern const std::u16string_view kCodePage850;
/// The bytes 0x80 to 0x9F of code page 1252; above it is Latin-1.
extern const std::u16string_view kCodePage1252C1;

}  // namespace vmtriage
