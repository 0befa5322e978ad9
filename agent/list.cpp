#include "agent/list.h"

#include <fmt/format.h>

#include "agent/base/embedded.h"
#include "analyzers/codes.h"

namespace vmtriage {
namespace {

std::string list_artifacts(const Catalog& catalog, Language language) {
  std::string out;
  for (const ArtifactSpec& spec : catalog.specs()) {
    out += fmt::format("{:<42} {}\n", spec.id, spec.doc.in(language));
    if (spec.command) out += fmt::format("    $ {}\n", shown_command(*spec.command, spec.command->argv));
    for (const std::string& glob : spec.globs) out += fmt::format("    {}\n", glob);
    out += fmt::format("    profiles: {}{}\n", join(spec.profiles, " "), spec.personal ? "; only with --include-personal" : "");
  }
  return out;
}

/// A pattern without names of its groups, which other regular-expression tools refuse to see twice: `(?P<x>a)` → `(?:a)`.
std::string without_names(std::string pattern) {
  for (std::size_t at = 0; (at = pattern.find("(?P<", at)) != std::string::npos;) {
    pattern.replace(at, pattern.find('>', at) - at + 1, "(?:");
  }
  return pattern;
}

std::string list_rules(const RuleBase& rules, bool patterns, Language language) {
  std::string out;
  for (const Rule& rule : rules.rules()) {
    if (patterns) {
      for (const std::string& pattern : rule.patterns) out += without_names(pattern) + "\n";
    } else {
      out += fmt::format("{:<9}{:<52} {}\n", name_of(rule.severity), rule.id, rule.title.in(language));
    }
  }
  return out;
}

std::string list_codes(Language language) {
  std::vector<std::string_view> files;
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path.starts_with("analyzers/codes/")) files.push_back(file.bytes);
  }
  std::string out;
  const auto codes = Codes::parse(files);
  if (!codes) return codes.error().what + "\n";
  for (const Code& code : codes->all()) {
    out += fmt::format("{:<56} {:<12} {}\n", code.name, code.number, shorten(code.meaning.in(language), 100));
  }
  return out;
}

}  // namespace

std::string render_list(const std::string& what, const RuleBase& rules, const Catalog& catalog, bool patterns, Language language) {
  if (what == "rules") return list_rules(rules, patterns, language);
  if (what == "artifacts") return list_artifacts(catalog, language);
  if (what == "codes") return list_codes(language);
  std::string out;
  for (const std::string& profile : catalog.profiles()) {
    std::size_t count = 0;
    for (const ArtifactSpec& spec : catalog.specs()) count += spec.in_profile(profile) ? 1 : 0;
    out += fmt::format("{:<14} {} artifacts\n", profile, count);
  }
  return out;
}

std::string render_plan(const Plan& plan) {
  std::string out = "Would be collected, in this order:\n";
  for (const PlannedItem& item : plan.items) {
    if (item.is_command()) {
      out += fmt::format("  {:>10}  $ {}\n", "command", printable(shown_command(*item.spec->command, item.argv)));
    } else {
      out += fmt::format("  {:>10}  {}{}\n", format_size(item.size()), printable(shown_path(item.spec->os, item.path)),
                         item.skip_bytes > 0 ? "  (newest part only)" : "");
    }
  }
  out += fmt::format("In all {} items, {} before compression.\n", plan.items.size(), format_size(plan.total_bytes));
  out += "\nLeft out:\n";
  for (const LeftOut& entry : plan.left_out.entries()) {
    out += fmt::format("  {}{}: {}\n", printable(entry.origin), entry.count > 1 ? fmt::format(" (and {} more)", entry.count - 1) : "",
                       entry.reason);
  }
  return out;
}

}  // namespace vmtriage
