#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/finding.h"
#include "agent/base/time.h"
#include "analyzers/text_rules.h"

namespace vmtriage {

/// What an excerpt is made of, should this event be one of the few that are shown: as the event has it, secrets and
/// all.
struct QuotedWords {
  std::string label;   ///< `VSS 8229`
  std::string text;    ///< `0x800423f4, The writer experienced …`
  std::string writer;  ///< to be kept where the text is cut
};

/// One event that may be shown. Events that say the same share their words.
struct Quote {
  std::shared_ptr<const QuotedWords> words;  ///< never null
  std::optional<std::uint64_t> line;
  std::optional<std::uint64_t> record_id;
  std::optional<Time> time;
  Clock clock = Clock::utc;
};

/// The log that is quoted, and how its secrets are replaced.
struct QuotedLog {
  std::string artifact;
  std::string origin;
  const RedactLine* redact = nullptr;  ///< null: what is quoted was redacted before

  /// What the finding is about is kept, too, where the text is cut.
  Evidence evidence(const Quote& quote, std::string_view about = {}) const;
  std::string clean(std::string text) const { return redact == nullptr ? std::move(text) : (*redact)(text); }
};

}  // namespace vmtriage
