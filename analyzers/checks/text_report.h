#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <string_view>

#include "analyzers/checks/whole_text.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// What one small text means, as findings. A check derives from it; each of its members reads one kind of artifact.
class TextReport {
 public:
  TextReport(const RuleBase& rules, const Artifact& artifact, std::string_view text, Insights& insights)
      : artifact_(artifact), text_(text), rules_(rules), insights_(insights) {}

 protected:
  /// A finding with the line that shows it.
  void add(std::string_view rule, Values values, const Line& line);
  /// The same, graver or milder than the rule says.
  void add(std::string_view rule, Severity severity, Values values, const Line& line);

  const Artifact& artifact_;
  std::string_view text_;

 private:
  const RuleBase& rules_;
  Insights& insights_;
};

/// Which member reads an artifact.
template <typename Report>
struct TextReader {
  std::string_view artifact;
  void (Report::*read)();
};

template <typename Report>
std::unique_ptr<Scan> scan_text(const RuleBase& rules, const Artifact& artifact, void (Report::*read)()) {
  return scan_whole(
      artifact,
      [&rules, read](const Artifact& whole, std::string_view text, Insights& insights) {
        Report report(rules, whole, text, insights);
        (report.*read)();
      },
      kMaxSmallText);
}

/// Null for an artifact that is in no row.
template <typename Report, std::size_t N>
std::unique_ptr<Scan> scan_text(const RuleBase& rules, const Artifact& artifact, const TextReader<Report> (&readers)[N]) {
  const auto reader = std::find_if(std::begin(readers), std::end(readers),
                                   [&](const TextReader<Report>& one) { return one.artifact == artifact.id; });
  return reader == std::end(readers) ? nullptr : scan_text(rules, artifact, reader->read);
}

}  // namespace vmtriage
