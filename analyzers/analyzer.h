#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/artifact.h"
#include "agent/base/blocks.h"
#include "agent/base/finding.h"
#include "agent/base/gram_finder.h"
#include "agent/base/result.h"
#include "agent/base/text.h"
#include "agent/base/thread_slots.h"

namespace vmtriage {

/// What analysis of one artifact gives to the report.
struct Insights {
  std::vector<Finding> findings;
  std::vector<RunVerdict> runs;
  /// What was met while reading and limits the answer: damaged records, a log that is switched off, a cut line.
  std::vector<Error> errors;
};

/// The analysis of one artifact while its bytes pass by: a text is handed over block by block, anything else is asked for. Memory
/// must stay bounded whatever the file's size.
class Scan {
 public:
  virtual ~Scan() = default;
  /// Some whole lines of a text, redacted, decoded to UTF-8 (invalid bytes may remain); blocks arrive in order, views are valid for
  /// the call only. `first_line` is the number of the block's first line, counted from 1.
  virtual void block(const Block&, std::uint64_t /*first_line*/) {}
  /// The bytes of what is no text, as they are. They are asked for by one thread at a time, but not always the same: a large file is
  /// read by as many threads as there are free slots. What is wrong with `bytes` itself is reported by the caller.
  virtual void pull(const ReadBytes& /*bytes*/, ThreadSlots& /*slots*/) {}
  /// Called once, at the end. The rules' findings are in `insights` before a check is asked for its own.
  virtual void finish(Insights& insights) = 0;
};

/// Something that understands a kind of artifact. Several threads ask it for scans at the same time.
class Analyzer {
 public:
  virtual ~Analyzer() = default;
  /// A scan of this artifact, or null when it is none of this analyzer's.
  virtual std::unique_ptr<Scan> scan(const Artifact& artifact) const = 0;
  /// What several artifacts tell together. Called once after the scans of a source have finished.
  virtual void conclude(Insights&) const {}
};

/// A line of a text and its number, counted from 1.
struct Line {
  std::string_view text;
  std::uint64_t number = 0;
  bool cut = false;  ///< it goes on: the line was longer than a block
};

/// Calls `use` for every line of a block, without its line end.
template <typename Use>
void each_line(const Block& block, std::uint64_t first_line, Use&& use) {
  std::string_view rest = block.text;
  for (std::uint64_t number = first_line; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    use(Line{line, number, block.cut && rest.empty()});
  }
}

/// As each_line, for the lines only in which one of the grams may stand: where the others need not be looked at.
template <typename Use>
void each_line_with(const GramFinder& grams, const Block& block, std::uint64_t first_line, Use&& use) {
  std::size_t counted = 0;
  for (std::size_t at = 0; (at = grams.find(block.text, at)) < block.text.size();) {
    const std::size_t begin = block.text.rfind('\n', at) + 1;  // npos + 1 is 0
    first_line += count_lines(block.text.substr(counted, begin - counted));
    counted = begin;
    at = std::min(block.text.find('\n', at), block.text.size());
    each_line(Block{block.text.substr(begin, at - begin), block.cut && at == block.text.size()}, first_line, use);
  }
}

/// Whether a newer file has taken the place of this one: `<seq>_status` is what the snapshot extension renames a status to
/// once a newer command has come.
bool is_superseded(const Artifact& artifact);

/// Evidence for a line of an artifact: excerpt shortened to kMaxExcerptBytes, time read off the line where it has one.
Evidence evidence_of(const Artifact& artifact, const Line& line, std::optional<Stamp> stamp = std::nullopt);
inline constexpr std::size_t kMaxExcerptBytes = 480;

}  // namespace vmtriage
