#include "analyzers/rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>
#include <stdexcept>
#include <unordered_set>

#include "analyzers/matcher/pattern_options.h"

namespace vmtriage {
namespace {

constexpr std::string_view kOwners[] = {"azure-backup", "azure-platform", "windows", "sql",
                                        "sap",          "vendor",         "customer"};

constexpr std::string_view kLevels[] = {"critical", "error", "warning", "information"};                 // 1 to 4
constexpr std::string_view kTests[] = {"data", "hresult", "writer", "process", "ntstatus", "service"};  // EventTest::On

/// Reads one rule file; remembers the first thing that is wrong with it.
class RuleFile {
 public:
  RuleFile(const EmbeddedFile& file, bool try_patterns) : file_(file), try_patterns_(try_patterns) {}

  /// Appends its rules.
  Status read(std::vector<Rule>& rules) {
    pugi::xml_document document;
    const auto parsed = document.load_buffer(file_.bytes.data(), file_.bytes.size());
    if (!parsed) return error_at(parsed.offset, parsed.description());
    const pugi::xml_node root = document.child("rules");
    if (!root) return error_at(0, "the root element is not <rules>");
    for (const pugi::xml_node node : root.children("rule")) {
      read_rule(node, rules.emplace_back());
      if (failed_) return error_;
    }
    return Done{};
  }

 private:
  void read_rule(pugi::xml_node node, Rule& rule) {
    rule.id = node.attribute("id").value();
    rule.owner = node.attribute("owner").value();
    rule.check = node.attribute("check").value();
    rule.until = node.attribute("until").value();
    rule.rank = node.attribute("rank").as_int(0);
    rule.record = node.attribute("record").as_bool();
    for (std::string_view id : split_words(node.attribute("artifacts").value())) rule.artifacts.emplace_back(id);
    const auto severity = parse_severity(node.attribute("severity").value());
    if (rule.id.empty()) fail(node, "a rule has no id");
    if (!severity) fail(node, rule.id + ": severity is none of info, warning, error, critical");
    if (std::find(std::begin(kOwners), std::end(kOwners), rule.owner) == std::end(kOwners)) {
      fail(node, rule.id + ": owner '" + rule.owner + "' is not known");
    }
    rule.severity = severity.value_or(Severity::warning);
    read_conditions(node, rule);
    read_texts(node, rule);
    if (rule.patterns.empty() + rule.check.empty() + rule.events.empty() != 2) {
      fail(node, rule.id + ": a rule has either patterns or events or a check");
    }
    if (!rule.events.empty() && !rule.unless.empty())
      fail(node, rule.id + ": unless is for patterns; an <event> has not=\"…\"");
    if (!rule.until.empty() && rule.until != "snapshot" && rule.until != "application-snapshot")
      fail(node, rule.id + ": until is none of snapshot, application-snapshot");
    if (!rule.patterns.empty() && rule.artifacts.empty()) fail(node, rule.id + ": artifacts is missing");
  }

  void read_conditions(pugi::xml_node node, Rule& rule) {
    for (const pugi::xml_node child : node.children("event")) rule.events.push_back(read_event(child));
    auto& patterns = rule.events.empty() ? rule.patterns : rule.wordings;
    for (const pugi::xml_node child : node.children("pattern")) patterns.push_back(read_pattern(child));
    rule.signal = node.attribute("signal").value();
    rule.silent = node.attribute("silent").as_bool();
    rule.fallback = node.attribute("fallback").as_bool();
    rule.beside = node.attribute("beside").value();
    rule.alone = parse_severity(node.attribute("alone").value());
    if (const std::string settle = node.attribute("settle").value(); !settle.empty()) {
      rule.settle = read_span(settle);
      if (!rule.settle) fail(node, "settle: not a time such as 1m");
    }
    for (const pugi::xml_node child : node.children("unless")) {
      const std::string_view on = child.attribute("on").as_string("line");
      if (on != "line" && on != "after" && on != "artifact") fail(child, "unless: on is none of line, after, artifact");
      const Unless::On scope = on == "after"      ? Unless::On::after
                               : on == "artifact" ? Unless::On::artifact
                                                  : Unless::On::line;
      rule.unless.push_back({scope, read_pattern(child)});
    }
    if (const pugi::xml_node threshold = node.child("threshold")) {
      rule.threshold = threshold.attribute("count").as_uint(0);
      if (rule.threshold == 0) fail(threshold, "threshold: count is not a number above 0");
      const std::string within = threshold.attribute("within").value();
      if (!within.empty()) {
        const auto span = read_span(within);
        if (!span) fail(threshold, "threshold: within is not a time such as 1h");
        rule.threshold_within = span.value_or(Ticks{});
      }
    }
  }

  /// "1h" read as "an hour before the epoch" gives the span itself.
  static std::optional<Ticks> read_span(const std::string& text) {
    const auto moment = parse_user_time(text, Time{});
    return moment && *moment < Time{} ? std::optional<Ticks>(Time{} - *moment) : std::nullopt;
  }

  std::string read_pattern(pugi::xml_node node) { return checked_pattern(node, std::string(trim(node.text().get()))); }

  std::string checked_pattern(pugi::xml_node node, std::string pattern) {
    if (pattern.empty()) fail(node, std::string(node.name()) + ": empty");
    if (!try_patterns_) return pattern;
    const re2::RE2 compiled(pattern, pattern_options());
    if (!compiled.ok()) fail(node, std::string(node.name()) + ": " + compiled.error());
    return pattern;
  }

  EventCondition read_event(pugi::xml_node node) {
    EventCondition event;
    for (std::string_view name : split(node.attribute("provider").value(), '|')) {
      if (!trim(name).empty()) event.providers.push_back(plain_provider(trim(name)));
    }
    for (std::string_view id : split_words(node.attribute("id").value())) event.ids.push_back(read_ids(node, id));
    if (event.providers.empty() || event.ids.empty()) fail(node, "event: provider or id is missing");
    event.channel = to_lower(node.attribute("channel").value());
    event.component = node.attribute("component").value();
    for (std::string_view level : split_words(node.attribute("level").value())) {
      const auto found = std::find(std::begin(kLevels), std::end(kLevels), level);
      if (found == std::end(kLevels)) fail(node, "event: level is none of critical, error, warning, information");
      event.levels.push_back(static_cast<std::uint8_t>(found - std::begin(kLevels) + 1));
    }
    for (const pugi::xml_node child : node.children()) {
      if (child.type() == pugi::node_element) event.tests.push_back(read_test(child));
    }
    return event;
  }

  /// `8229` or `12342-12346`.
  EventCondition::IdRange read_ids(pugi::xml_node node, std::string_view text) {
    EventCondition::IdRange range;
    const char* const end = text.data() + text.size();
    auto parsed = std::from_chars(text.data(), end, range.first);
    range.last = range.first;
    if (parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, range.last);
    }
    if (parsed.ec != std::errc() || parsed.ptr != end)
      fail(node, "event: id is no number or range: " + std::string(text));
    return range;
  }

  EventTest read_test(pugi::xml_node node) {
    EventTest test;
    const auto on = std::find(std::begin(kTests), std::end(kTests), std::string_view(node.name()));
    if (on == std::end(kTests)) fail(node, "event: <" + std::string(node.name()) + "> is not known");
    test.on = static_cast<EventTest::On>(on - std::begin(kTests));
    test.name = node.attribute("name").value();
    const pugi::xml_attribute excluded = node.attribute("not");
    test.negated = static_cast<bool>(excluded);
    if (test.on == EventTest::On::data && test.name.empty()) fail(node, "data: name is missing");
    if (test.on == EventTest::On::data || test.on == EventTest::On::process) {
      test.pattern = checked_pattern(node, test.negated ? excluded.value() : node.attribute("matches").value());
      return test;
    }
    const std::string_view listed = test.negated ? excluded.value() : node.text().get();
    // A writer's name has blanks.
    const bool names = test.on == EventTest::On::writer;
    for (std::string_view value : names ? split(listed, '|') : split_words(listed)) {
      if (!trim(value).empty()) test.values.push_back(to_lower(trim(value)));
    }
    if (test.values.empty()) fail(node, std::string(node.name()) + ": empty");
    return test;
  }

  /// Texts are wrapped and indented in the file; that is no part of the sentence.
  static void read_local(pugi::xml_node node, const char* name, LocalText& text) {
    for (const pugi::xml_node child : node.children(name)) {
      std::string& target = std::string_view(child.attribute("xml:lang").value()) == "ja" ? text.ja : text.en;
      target = flatten(child.text().get());
    }
  }

  void read_texts(pugi::xml_node node, Rule& rule) {
    read_local(node, "title", rule.title);
    read_local(node, "advice", rule.advice);
    rule.component = trim(node.child("component").text().get());
    for (const pugi::xml_node child : node.children("code")) rule.codes.emplace_back(trim(child.text().get()));
    for (const pugi::xml_node child : node.children("match")) rule.matches.emplace_back(child.text().get());
    for (const pugi::xml_node child : node.children("miss")) rule.misses.emplace_back(child.text().get());
    rule.reference = trim(node.child("reference").text().get());
    if (rule.title.en.empty() || rule.advice.en.empty()) fail(node, rule.id + ": title or advice is missing");
  }

  void fail(pugi::xml_node node, const std::string& reason) {
    if (!failed_) error_ = error_at(node.offset_debug(), reason);
    failed_ = true;
  }

  Error error_at(std::ptrdiff_t offset, const std::string& reason) const {
    const auto before = file_.bytes.substr(0, static_cast<std::size_t>(std::max<std::ptrdiff_t>(offset, 0)));
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    return {ErrorCode::corrupt, std::string(file_.path) + ":" + std::to_string(line) + ": " + reason};
  }

  const EmbeddedFile& file_;
  bool try_patterns_;
  bool failed_ = false;
  Error error_;
};

/// Or a few more, where the words stand in a text. Rules are large, so that room is made for all of them at once.
std::size_t count_rules(std::span<const EmbeddedFile> files) {
  constexpr std::string_view kBegin = "<rule ";
  std::size_t count = 0;
  for (const EmbeddedFile& file : files) {
    for (std::size_t at = 0; (at = file.bytes.find(kBegin, at)) != std::string_view::npos; ++at) ++count;
  }
  return count;
}

}  // namespace

bool Rule::applies_to(std::string_view artifact_id) const {
  // "Every text" of one system's rule means the texts of that system and those of unknown origin.
  const auto is_foreign = [&](std::string_view here, std::string_view there) {
    return id.starts_with(here) && artifact_id.starts_with(there);
  };
  const bool foreign = is_foreign("linux.", "windows.") || is_foreign("windows.", "linux.");
  return std::any_of(artifacts.begin(), artifacts.end(), [&](const std::string& wanted) {
    if (wanted == "*") return !foreign;
    if (wanted.ends_with('*')) return artifact_id.starts_with(std::string_view(wanted).substr(0, wanted.size() - 1));
    return artifact_id == wanted;
  });
}

std::string_view without_provider_prefix(std::string_view name) {
  constexpr std::string_view kPrefix = "microsoft-windows-";
  return starts_with_no_case(name, kPrefix) ? name.substr(kPrefix.size()) : name;
}

std::string plain_provider(std::string_view name) { return to_lower(without_provider_prefix(name)); }

Finding make_finding(const Rule& rule, Values values) {
  Finding finding;
  finding.rule_id = rule.id;
  finding.severity = rule.severity;
  finding.rank = rule.rank;
  finding.recovers = std::any_of(rule.unless.begin(), rule.unless.end(),
                                 [](const Unless& unless) { return unless.on == Unless::On::after; });
  finding.owner = rule.owner;
  finding.codes = rule.codes;
  finding.reference = rule.reference;
  const auto given = std::find_if(values.begin(), values.end(), [](const auto& v) { return v.first == "component"; });
  if (given == values.end()) values.emplace_back("component", rule.component);
  for (const auto& [name, value] : values) {
    if (name == "component") finding.component = value;
  }
  finding.title = fill_in(rule.title, values);
  finding.advice = fill_in(rule.advice, values);
  return finding;
}

void mark_recovered(Finding& finding) {
  finding.severity = Severity::info;
  finding.title.en += " (later backups succeeded)";
  finding.title.ja += " (その後のバックアップは成功しています)";
}

Result<RuleBase> RuleBase::parse(std::span<const EmbeddedFile> files, bool try_patterns) {
  RuleBase base;
  base.rules_.reserve(count_rules(files));
  std::unordered_set<std::string> ids;
  for (const EmbeddedFile& file : files) {
    const std::size_t first = base.rules_.size();
    if (const Status read = RuleFile(file, try_patterns).read(base.rules_); !read) return read.error();
    for (std::size_t i = first; i < base.rules_.size(); ++i) {
      const std::string& id = base.rules_[i].id;
      if (!ids.insert(id).second)
        return Error{ErrorCode::corrupt, std::string(file.path) + ": rule " + id + ": the id is used twice"};
    }
  }
  return base;
}

const RuleBase& RuleBase::built_in() {
  static const RuleBase base = [] {
    std::vector<EmbeddedFile> files;
    for (const EmbeddedFile& file : embedded_files()) {
      if (file.path.starts_with("analyzers/rules/")) files.push_back(file);
    }
    // Tests try the built-in patterns; a run need not.
    auto parsed = parse(files, false);
    if (!parsed) throw std::logic_error(parsed.error().what);
    return std::move(*parsed);
  }();
  return base;
}

RuleBase RuleBase::of(std::vector<Rule> rules) {
  RuleBase base;
  base.rules_ = std::move(rules);
  return base;
}

void RuleBase::merge(const RuleBase& other) {
  for (const Rule& rule : other.rules_) {
    const auto known = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& r) { return r.id == rule.id; });
    if (known != rules_.end()) {
      *known = rule;
    } else {
      rules_.push_back(rule);
    }
  }
}

const Rule* RuleBase::find(std::string_view id) const {
  const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) { return rule.id == id; });
  return found == rules_.end() ? nullptr : &*found;
}

Finding RuleBase::finding(std::string_view id, Values values) const {
  const Rule* rule = find(id);
  if (rule == nullptr) throw std::logic_error("no rule " + std::string(id));
  return make_finding(*rule, std::move(values));
}

}  // namespace vmtriage
