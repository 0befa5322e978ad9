#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vmtriage::redaction {

/// The words that a secret stands behind, or begins with. One per row of the table in redactor_anchors.cpp.
enum class Anchor : std::uint8_t {
  password,
  pwd,
  sig,
  jwt,
  at_sign,
  key,
  token,
  authorization,
  bearer,
  protected_settings,
  cred_string,
  secret,
  hdbsql,
  hdbuserstore,
  custom_data,
  user_data,
  object_str,
  der_blob,
};

struct AnchorHit {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::size_t begin = kNone;  ///< first byte of the word
  std::size_t end = kNone;    ///< one behind its last byte
  Anchor anchor{};

  bool found() const { return begin != kNone; }
};

/// The next anchor word that ends behind `from`, letter case ignored. This looks at every byte of the evidence: about 3
/// GB/s on logs.
AnchorHit find_anchor(std::string_view text, std::size_t from);

}  // namespace vmtriage::redaction
