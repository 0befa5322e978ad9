#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace re2 {
class FilteredRE2;
class RE2;
}  // namespace re2

namespace vmtriage {

/// A regular expression and the literals of which every match holds at least one.
class Pattern {
 public:
  /// Errors (corrupt): "<pattern>: what RE2 says".
  static Result<std::unique_ptr<Pattern>> compile(const std::string& text);
  ~Pattern();

  const re2::RE2& regex() const { return *regex_; }
  /// In lower case; empty when no literal of Matcher::kMinAnchorBytes is necessary.
  const std::vector<std::string>& anchors() const { return anchors_; }

 private:
  Pattern();
  std::unique_ptr<re2::FilteredRE2> filter_;  ///< owns the expression; RE2 compiles it once for both uses
  const re2::RE2* regex_ = nullptr;
  std::vector<std::string> anchors_;
};

/// A line that holds what a pattern needs: worth a look with the pattern itself.
struct Candidate {
  std::size_t pattern = 0;
  std::size_t line_begin = 0;  ///< offsets in the block; the line's end is without its newline
  std::size_t line_end = 0;
};

/// Finds, among many regular expressions, the few lines of a block on which one of them is worth running.
///
/// For every pattern RE2 tells which literals each match must contain; one of them, its anchor, is looked for. A block is read at
/// every fourth byte only: four bytes, ASCII case folded, are hashed into a table that says "may stand inside an anchor". An anchor
/// of 7 bytes has at least one such window at every alignment, one of 11 bytes two in a row. Only where the table answers are bytes
/// compared. Patterns without a usable anchor are given every line: `unanchored()` names them.
///
/// The result is that of every pattern on every line, but for two characters that no log has in a word: `(?i)` does not take the
/// Kelvin sign for a k, nor the long s for an s.
class Matcher {
 public:
  static constexpr std::size_t kMinAnchorBytes = 7;

  /// A matcher of patterns that outlive it: compiling a pattern costs far more than putting it into one more matcher.
  explicit Matcher(std::vector<const Pattern*> patterns);
  /// A matcher that owns its patterns. Errors as Pattern::compile.
  static Result<Matcher> compile(std::span<const std::string> patterns);

  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;
  ~Matcher();

  /// The candidates of a block in the order of their lines, each (line, pattern) once. `found` is cleared first. Patterns whose
  /// flag in `wanted` is off are passed over; null wants all.
  void find(std::string_view block, std::vector<Candidate>& found, const std::vector<bool>* wanted = nullptr) const;

  const re2::RE2& pattern(std::size_t index) const { return patterns_[index]->regex(); }
  std::size_t size() const { return patterns_.size(); }

  /// Indexes of the patterns that are run on every line.
  const std::vector<std::size_t>& unanchored() const { return unanchored_; }
  /// The anchors of a pattern: every match contains one of them, in any ASCII case.
  const std::vector<std::string>& anchors(std::size_t pattern) const { return patterns_[pattern]->anchors(); }

 private:
  struct Anchor {
    std::string text;  ///< lower case
    std::vector<std::size_t> patterns;
  };
  /// A window of an anchor that the table points to, with its bytes: most of what the table lets through ends at their comparison.
  struct Window {
    std::uint64_t bytes = 0;  ///< the window and, of a pair, the one behind it; case folded as for the hash
    std::uint64_t mask = 0;
    std::uint32_t anchor = 0;
    std::uint32_t offset = 0;
  };

  static constexpr unsigned kTableBits = 15;
  static constexpr std::size_t kTableSize = std::size_t{1} << kTableBits;

  void add_anchor(const std::string& text, std::size_t pattern);
  void build_table();
  void add_windows(std::uint32_t anchor);
  struct Search;
  void find_anchors(Search& search) const;
  void verify(Search& search, std::size_t at) const;
  void add_line(Search& search, std::size_t at, const Anchor& anchor) const;
  void add_unanchored(std::string_view block, std::vector<Candidate>& found) const;

  std::vector<std::unique_ptr<Pattern>> owned_;
  std::vector<const Pattern*> patterns_;
  std::vector<Anchor> anchors_;
  std::vector<std::size_t> unanchored_;
  std::vector<std::uint8_t> table_;  ///< per hash: which windows may start here
  std::vector<bool> pairs_;          ///< per hash of eight bytes: may be a pair of windows of one anchor
  std::vector<std::uint32_t> bucket_begin_;
  std::vector<Window> windows_;  ///< grouped by hash
};

}  // namespace vmtriage
