#pragma once

#include <string>
#include <string_view>

namespace vmtriage {

/// What a console program of Windows printed, as UTF-8. Output that was sent into a file has the bytes of the console's
/// code page and nothing says which one that was: lines that are valid UTF-8 stay; the others are Japanese (code page
/// 932) when they decode to kana in words, else western European (code page 850 or 1252, whichever gives more letters).
/// A byte that has no character there becomes U+FFFD. NUL bytes, left by UTF-16 that was appended to a text, are
/// dropped.
std::string decode_console(std::string_view bytes);

}  // namespace vmtriage
