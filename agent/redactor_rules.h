#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/redactor_anchors.h"
#include "agent/redactor_values.h"

namespace vmtriage::redaction {

enum class Kind : std::uint8_t {
  password,
  sas_signature,
  storage_key,
  token,
  secret,
  protected_settings,
  private_key,
  certificate,
  custom_data,
  product_key,
};

/// The word between the colons of `[redacted:sas-signature:1f2e3d4c]`.
std::string_view name_of(Kind kind);

/// How a secret goes on in the lines behind the one where it was found. Each of those lines gets its own placeholder,
/// so that every line end stays where it was.
struct Follow {
  enum class Mode : std::uint8_t {
    none,
    key_lines,     ///< base64 lines up to `-----END`
    base64_lines,  ///< base64 lines up to `<`
    element,       ///< the text of an element that begins on a later line, perhaps in `<Value>`
    object,        ///< up to the brace that closes a JSON object
    word,          ///< up to the next blank, quotation mark or line end
  };
  Mode mode = Mode::none;
  Kind kind{};
  bool prefixed = false;         ///< key_lines: each line begins with a time stamp or the like
  bool in_string = false;        ///< object
  std::uint8_t backslashes = 0;  ///< object: those before each of its quotation marks
  std::uint32_t depth = 0;       ///< object: braces that are open
  std::uint32_t lines = 0;       ///< lines so far

  bool active() const { return mode != Mode::none; }
};

struct Secret {
  Span span;  ///< empty where the secret begins on the next line
  Kind kind{};
  Follow follow;
};

/// The secret that belongs to an anchor word, if there is one. Looks at the line of the word only.
std::optional<Secret> find_secret(std::string_view text, const AnchorHit& hit);

/// The secret in the line `[begin, line_end)` that goes on from an earlier one, with `follow` brought up to date: no
/// longer active when the secret has ended. `resume` is where ordinary text goes on.
struct Continuation {
  Span secret;
  std::size_t resume = 0;
};
Continuation continue_secret(std::string_view text, std::size_t begin, Follow& follow);

}  // namespace vmtriage::redaction
