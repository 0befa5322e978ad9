#pragma once

#include <memory>
#include <string_view>

#include "analyzers/analyzer.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// Whether a text that nobody labelled holds output of vssadmin or diskshadow, told from its first bytes.
bool looks_like_vss_listing(std::string_view head);

/// Reads what `vssadmin list writers|providers|shadows|shadowstorage|volumes` and diskshadow print, in any UI language
/// and code page, also several outputs in one text and tables that other tools copied into their logs.
class VssadminAnalyzer : public Analyzer {
 public:
  /// `rules` has the words and outlives the analyzer.
  explicit VssadminAnalyzer(const RuleBase& rules) : rules_(rules) {}
  std::unique_ptr<Scan> scan(const Artifact& artifact) const override;

 private:
  const RuleBase& rules_;
};

}  // namespace vmtriage
