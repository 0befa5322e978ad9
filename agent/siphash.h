#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace vmtriage {

/// SipHash-2-4: a keyed hash that tells nothing about `bytes` to who does not know the key.
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
std::uint64_t siphash(const std::array<std::uint8_t, 16>& key, std::string_view bytes);

}  // namespace vmtriage
