#include "agent/sha256.h"

#include <windows.h>

#include <bcrypt.h>

#include <algorithm>
#include <array>
#include <new>

#include "agent/base/text.h"

namespace vmtriage {

namespace {

/// Opened once: that takes longer than to hash a small file.
BCRYPT_ALG_HANDLE provider() {
  static const BCRYPT_ALG_HANDLE opened = [] {
    BCRYPT_ALG_HANDLE handle = nullptr;
    BCryptOpenAlgorithmProvider(&handle, BCRYPT_SHA256_ALGORITHM, nullptr, BCRYPT_HASH_REUSABLE_FLAG);
    return handle;
  }();
  return opened;
}

}  // namespace

struct Sha256::State {
  BCRYPT_HASH_HANDLE hash = nullptr;

  State() {
    // Part of every Windows: it fails only without memory.
    if (BCryptCreateHash(provider(), &hash, nullptr, 0, nullptr, 0, BCRYPT_HASH_REUSABLE_FLAG) < 0)
      throw std::bad_alloc();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { BCryptDestroyHash(hash); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  constexpr std::size_t kMaxBytes = 1 << 30;  // a length has 32 bits
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kMaxBytes);
    BCryptHashData(state_->hash, reinterpret_cast<PUCHAR>(const_cast<char*>(part.data())),
                   static_cast<ULONG>(part.size()), 0);
    bytes.remove_prefix(part.size());
  }
}

std::string Sha256::finish() {
  std::array<unsigned char, 32> digest;
  BCryptFinishHash(state_->hash, digest.data(), static_cast<ULONG>(digest.size()), 0);
  return to_hex(digest);
}

}  // namespace vmtriage
