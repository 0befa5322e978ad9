#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "analyzers/matcher/literals.h"

namespace re2 {
class RE2;
}

namespace vmtriage {

/// A regular expression and the literals that tell on which lines it is worth running. RE2 compiles it at the first of them.
class Pattern {
 public:
  /// Errors as find_literals; a pattern that is in the pattern table has none.
  static Result<std::unique_ptr<Pattern>> compile(const std::string& text);
  ~Pattern();

  /// Thread-safe.
  const re2::RE2& regex() const;
  /// Every match holds one of them, in any ASCII case; empty when no literal of kMinAnchorBytes is necessary.
  const LiteralGroup& anchors() const { return anchors_; }
  /// Whether the line, which holds an anchor, has the other literals that every match has.
  bool may_match(std::string_view line) const;

 private:
  /// A literal of kMinOtherBytes, and where those two bytes of it stand that are looked for.
  struct Other {
    std::string text;
    std::size_t rarest = 0;

    bool stands_in(std::string_view line) const;
  };

  Pattern(std::string text, Literals literals);

  std::string text_;
  LiteralGroup anchors_;
  std::vector<std::vector<Other>> others_;
  mutable std::once_flag once_;
  mutable std::unique_ptr<re2::RE2> regex_;  ///< guarded by once_
};

}  // namespace vmtriage
