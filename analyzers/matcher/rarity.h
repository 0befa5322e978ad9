#pragma once

#include <string_view>

namespace vmtriage {

/// How rare a literal is in healthy logs of an Azure VM: its bytes less those of common words in it. What is rarer has
/// the larger number: `fifreeze` 8, `failed to ` 0.
int rarity(std::string_view literal);

/// The same of a window of four bytes, for choosing among those of one literal.
int window_rarity(std::string_view window);

/// The same of one byte, in any case.
int byte_rarity(char c);

}  // namespace vmtriage
