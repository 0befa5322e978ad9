#include "agent/siphash.h"

#include <bit>
#include <cstddef>

namespace vmtriage {
namespace {

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }

  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

template <typename Bytes>
std::uint64_t little_endian(const Bytes& bytes, std::size_t at, std::size_t count) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; ++i) {
    word |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[at + i])) << (8 * i);
  }
  return word;
}

}  // namespace

std::uint64_t siphash(const std::array<std::uint8_t, 16>& key, std::string_view bytes) {
  const std::uint64_t k0 = little_endian(key, 0, 8);
  const std::uint64_t k1 = little_endian(key, 8, 8);
  State state{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
  std::size_t at = 0;
  for (; bytes.size() - at >= 8; at += 8) state.absorb(little_endian(bytes, at, 8));
  state.absorb(little_endian(bytes, at, bytes.size() - at) | static_cast<std::uint64_t>(bytes.size()) << 56);
  state.v2 ^= 0xFF;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace vmtriage
