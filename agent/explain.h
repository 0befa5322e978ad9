#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/text.h"
#include "analyzers/codes.h"

namespace vmtriage {

enum class ExplainFormat { text, json, jsonl };

/// What is known about one query of `vmtriage explain`.
struct Explanation {
  enum class Match { code, words, none };

  std::string query;
  Match match = Match::none;         ///< by a code, by the words of a message, or not at all
  std::vector<const Code*> codes;    ///< owned by the Codes that were asked
  std::vector<std::string> nearest;  ///< names spelled alike, when there is no match
};

/// Looks for the code first; a query of several words, or in Japanese, is then searched as a message.
Explanation find_explanation(const Codes& codes, std::string_view query);

/// The entry as a person reads it:
///
///     OlrBackupFailed
///       Family:    Azure VM backup (portal)
///       Meaning:   …
///       Shows in:  …
///       Do this:   …
///       Owner:     customer
///       Reference: https://…
std::string render_code(const Code& code, Language language);

/// One JSON object on one line: `{"query":…,"match":"code|words|none","codes":[{"name":…}],"nearest":[…]}`.
std::string render_json(const Explanation& explanation, Language language);

/// Explains every query on `out`; what is not known is said on `err`. Queries are read from `in`, one a line, when the
/// only one is `-`.
///
/// Returns the exit code: 0 when all are known, 1 when one is not (or none was asked).
int explain(std::span<const std::string> queries, const Codes& codes, Language language, ExplainFormat format,
            std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace vmtriage
