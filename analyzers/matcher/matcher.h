#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "analyzers/matcher/pattern.h"

namespace vmtriage {

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
/// of 7 bytes has at least one such window at every alignment, one of 11 bytes two in a row. Where the table answers, a bit for the
/// hash of the windows' own bytes must be set; then the anchor's last eight bytes are compared, then all of it. Of the lines found
/// only those are given back that hold the pattern's other literals too. Patterns without a usable anchor are tried on every line:
/// `unanchored()` names them.
///
/// The result is that of every pattern on every line, but for two characters that no log has in a word: `(?i)` does not take the
/// Kelvin sign for a k, nor the long s for an s.
class Matcher {
 public:
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

  /// Compiled at its first use.
  const re2::RE2& pattern(std::size_t index) const { return patterns_[index]->regex(); }
  std::size_t size() const { return patterns_.size(); }

  /// Indexes of the patterns that are run on every line.
  const std::vector<std::size_t>& unanchored() const { return unanchored_; }
  /// The anchors of a pattern: every match contains one of them, in any ASCII case.
  const LiteralGroup& anchors(std::size_t pattern) const { return patterns_[pattern]->anchors(); }

 private:
  struct Anchor {
    std::string text;  ///< lower case
    std::vector<std::size_t> patterns;
  };
  /// A window of an anchor that the table points to, alone or with the one behind it.
  struct Window {
    std::uint64_t key = 0;  ///< its four bytes, or eight of a pair; case folded as for the hash
    std::uint64_t end = 0;  ///< the anchor's last eight bytes, if it has as many, folded: a near miss mostly ends in another way
    std::uint32_t anchor = 0;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;  ///< of the anchor
  };

  static constexpr unsigned kTableBits = 15, kKeyBits = 16, kBucketBits = 12;

  void add_windows(std::uint32_t anchor);
  void build_buckets();
  struct Search;
  void find_anchors(Search& search) const;
  void look_at(Search& search, std::size_t at, std::uint32_t places) const;
  void look_up(Search& search, std::size_t at, std::uint64_t key) const;
  void add_line(Search& search, std::size_t at, const Anchor& anchor) const;
  void add_unanchored(std::string_view block, std::vector<Candidate>& found) const;
  void drop_impossible(std::string_view block, std::vector<Candidate>& found) const;

  std::vector<std::unique_ptr<Pattern>> owned_;
  std::vector<const Pattern*> patterns_;
  std::vector<Anchor> anchors_;
  std::vector<std::size_t> unanchored_;
  std::vector<std::uint8_t> table_;  ///< per hash of a window: what may begin there
  std::vector<bool> keys_;           ///< per hash of a key: whether a window may have it
  std::vector<Window> windows_;      ///< grouped by the first bits of their keys' hash
  std::vector<std::uint32_t> bucket_begin_;
};

}  // namespace vmtriage
