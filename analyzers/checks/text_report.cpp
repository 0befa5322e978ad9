#include "analyzers/checks/text_report.h"

#include <utility>

namespace vmtriage {
namespace {

constexpr std::size_t kMaxValueBytes = 200;

Finding shown_by(const RuleBase& rules, std::string_view rule, Values values, Evidence evidence) {
  for (auto& [name, value] : values) value = shorten(printable(value), kMaxValueBytes);
  Finding finding = rules.finding(rule, std::move(values));
  finding.count = 1;
  finding.evidence.push_back(std::move(evidence));
  return finding;
}

}  // namespace

void TextReport::add(std::string_view rule, Values values, const Line& line) {
  insights_.findings.push_back(shown_by(rules_, rule, std::move(values), evidence_of(artifact_, line)));
}

void TextReport::add(std::string_view rule, Severity severity, Values values, const Line& line) {
  add(rule, std::move(values), line);
  insights_.findings.back().severity = severity;
}

}  // namespace vmtriage
