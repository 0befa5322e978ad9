#include "analyzers/event_matcher.h"

#include <re2/re2.h>

#include <algorithm>

#include "analyzers/vss_writers.h"

namespace vmtriage {
namespace {

/// Takes the named groups of a match; false when there is none.
bool capture(const re2::RE2& regex, std::string_view text, Values& captures) {
  std::vector<re2::StringPiece> groups(1 + static_cast<std::size_t>(regex.NumberOfCapturingGroups()));
  const re2::StringPiece piece(text.data(), text.size());
  if (!regex.Match(piece, 0, text.size(), re2::RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size())))
    return false;
  for (const auto& [index, name] : regex.CapturingGroupNames()) {
    const re2::StringPiece& group = groups[static_cast<std::size_t>(index)];
    if (group.data() != nullptr && !group.empty()) captures.emplace_back(name, std::string(group.data(), group.size()));
  }
  return true;
}

bool contains(const std::vector<std::string>& values, std::string_view value) {
  return std::any_of(values.begin(), values.end(), [&](const std::string& one) { return equal_no_case(one, value); });
}

bool is_provider(const std::vector<std::string>& wanted, std::string_view plain) {
  return std::any_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
    return name.ends_with('*') ? plain.starts_with(std::string_view(name).substr(0, name.size() - 1)) : plain == name;
  });
}

bool is_writer(const std::vector<std::string>& wanted, const VssContext& context) {
  const bool named = !context.writer_name.empty() || !context.writer_class_id.empty();
  const VssWriter* known = find_vss_writer(context.writer_class_id);
  if (known == nullptr) known = find_vss_writer(context.writer_name);
  if (contains(wanted, "none") && !named) return true;
  if (contains(wanted, "third-party") && named && known == nullptr) return true;
  if (known != nullptr && (contains(wanted, "known") || contains(wanted, known->name))) return true;
  return (!context.writer_class_id.empty() && contains(wanted, context.writer_class_id)) ||
         (!context.writer_name.empty() && contains(wanted, context.writer_name));
}

bool is_code(const std::vector<std::string>& wanted, std::uint32_t code) {
  return contains(wanted, format_hresult(code));
}

constexpr std::string_view kBinary = "Binary";  // a leaf beside the values, in hexadecimal

/// The k-th value, whatever its name: newer versions of a driver name what older ones number.
std::string_view value_at(const Event& event, std::size_t position) {
  for (const auto& [name, value] : event.data) {
    if (name != kBinary && --position == 0) return value;
  }
  return {};
}

/// The value that a name of a rule stands for: `#k`, a leaf's name, `last`.
std::string_view named_value(const Event& event, std::string_view name) {
  if (name == "last") {
    const auto last =
        std::find_if(event.data.rbegin(), event.data.rend(), [](const auto& value) { return value.first != kBinary; });
    return last == event.data.rend() ? std::string_view() : last->second;
  }
  const std::string_view value = event.value(name);
  if (!value.empty() || name.size() != 2 || name[0] != '#' || name[1] < '1' || name[1] > '9') return value;
  return value_at(event, static_cast<std::size_t>(name[1] - '0'));
}

/// Names that a rule's texts may use for what an event says.
std::string detail(const Event& event, const EventDetails& details, std::string_view name) {
  if (name == "writer")
    return details.context.writer_name.empty() ? details.context.writer_class_id : details.context.writer_name;
  // A text says "restart the service {service}": the writer's name is the next best hint.
  if (name == "service") return details.service.empty() ? details.context.writer_name : details.service;
  if (name == "service_name") return details.service_name;
  if (name == "process") return details.process;
  if (name == "volume") return details.volume;
  if (name == "operation")
    return details.context.operations.empty() ? std::string() : details.context.operations.back();
  if (name == "hresult") return details.hresults.empty() ? std::string() : format_hresult(details.hresults.front());
  if (name == "provider") return std::string(event.provider);
  if (name == "id") return std::to_string(event.event_id);
  return flatten(named_value(event, name));
}

}  // namespace

struct EventMatcher::Condition {
  const Rule* rule = nullptr;
  const EventCondition* event = nullptr;
  std::vector<std::unique_ptr<re2::RE2>> patterns;  ///< one for each test; null where it has no pattern
  std::vector<std::unique_ptr<re2::RE2>> wordings;  ///< of the rule

  Condition(const Rule& of, const EventCondition& condition) : rule(&of), event(&condition) {
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_dot_nl(true);  // values and messages have lines
    for (const EventTest& test : condition.tests) {
      patterns.push_back(test.pattern.empty() ? nullptr : std::make_unique<re2::RE2>(test.pattern, options));
    }
    for (const std::string& wording : of.wordings) wordings.push_back(std::make_unique<re2::RE2>(wording, options));
  }

  bool has_id(std::uint32_t id) const {
    return std::any_of(event->ids.begin(), event->ids.end(),
                       [&](const auto& range) { return range.first <= id && id <= range.last; });
  }

  bool passes(std::size_t index, const Event& subject, const EventDetails& details, Values& captures) const {
    const EventTest& test = event->tests[index];
    const auto one_of = [&](const auto& codes) {
      return std::any_of(codes.begin(), codes.end(), [&](std::uint32_t code) { return is_code(test.values, code); });
    };
    switch (test.on) {
      case EventTest::On::data:
        return matches_data(test.name, *patterns[index], subject, details, captures);
      case EventTest::On::hresult:
        return one_of(details.hresults);
      case EventTest::On::writer:
        return is_writer(test.values, details.context);
      case EventTest::On::process:
        return capture(*patterns[index], details.process, captures);
      case EventTest::On::ntstatus:
        return details.status && is_code(test.values, *details.status);
      case EventTest::On::service:
        return contains(test.values, details.service);
    }
    return false;
  }

  static bool matches_data(std::string_view name, const re2::RE2& pattern, const Event& event,
                           const EventDetails& details, Values& captures) {
    if (event.data.empty()) return capture(pattern, details.text, captures);
    if (name != "any") return capture(pattern, named_value(event, name), captures);
    return std::any_of(event.data.begin(), event.data.end(),
                       [&](const auto& value) { return capture(pattern, value.second, captures); });
  }
};

EventMatcher::EventMatcher(const RuleBase& rules) {
  constexpr std::uint32_t kWidestRange = 1000;
  std::vector<std::string> wordings;
  for (const Rule& rule : rules.rules()) {
    for (const std::string& wording : rule.events.empty() ? std::vector<std::string>() : rule.wordings) {
      wordings.push_back(wording);
      wording_rules_.push_back(&rule);
    }
    for (const EventCondition& event : rule.events) {
      conditions_.push_back(std::make_unique<Condition>(rule, event));
      for (const auto& range : event.ids) {
        const std::uint32_t last = std::min(range.last, range.first + kWidestRange);
        for (std::uint32_t id = range.first; id <= last; ++id) by_id_[id].push_back(conditions_.back().get());
      }
    }
  }
  auto compiled = Matcher::compile(wordings);
  if (compiled && !wordings.empty())
    wordings_.emplace(std::move(*compiled));  // every pattern was tried when its file was read
}

EventMatcher::~EventMatcher() = default;

bool EventMatcher::wants(std::string_view plain_provider, std::uint32_t event_id) const {
  const auto found = by_id_.find(event_id);
  return found != by_id_.end() &&
         std::any_of(found->second.begin(), found->second.end(), [&](const Condition* condition) {
           return is_provider(condition->event->providers, plain_provider);
         });
}

bool EventMatcher::knows(std::string_view plain_provider) const {
  return std::any_of(conditions_.begin(), conditions_.end(),
                     [&](const auto& condition) { return is_provider(condition->event->providers, plain_provider); });
}

bool EventMatcher::fulfils(const Condition& condition, const Event& event, const EventDetails& details, KnownHead head,
                           Values& captures) const {
  const EventCondition& wanted = *condition.event;
  if (head.provider && !is_provider(wanted.providers, plain_provider(event.provider))) return false;
  if (head.id && !condition.has_id(event.event_id)) return false;
  if (!wanted.channel.empty() && !event.channel.empty() && !equal_no_case(wanted.channel, event.channel)) return false;
  if (!wanted.levels.empty() && event.level != Event::kNoLevel &&
      std::find(wanted.levels.begin(), wanted.levels.end(), event.level) == wanted.levels.end()) {
    return false;
  }
  for (std::size_t i = 0; i < wanted.tests.size(); ++i) {
    Values excluded;
    if (condition.passes(i, event, details, wanted.tests[i].negated ? excluded : captures) == wanted.tests[i].negated)
      return false;
  }
  bool worded = false;
  for (const auto& wording : condition.wordings) {
    if (!worded) worded = capture(*wording, details.text, captures);
  }
  return worded || (head.provider && head.id);
}

std::vector<EventHit> EventMatcher::match(const Event& event, const EventDetails& details, KnownHead head) const {
  std::vector<const Condition*> candidates;
  if (head.id) {
    if (const auto found = by_id_.find(event.event_id); found != by_id_.end()) candidates = found->second;
  } else {
    for (const auto& condition : conditions_) candidates.push_back(condition.get());
  }
  std::vector<EventHit> hits;
  for (const Condition* condition : candidates) {
    if (!hits.empty() && hits.back().rule == condition->rule) continue;
    Values values;
    if (!fulfils(*condition, event, details, head, values)) continue;
    std::string component =
        condition->event->component.empty() ? std::string() : detail(event, details, condition->event->component);
    const auto captured =
        std::find_if(values.begin(), values.end(), [](const auto& v) { return v.first == "component"; });
    if (component.empty() && captured != values.end()) component = captured->second;
    if (component.empty()) component = condition->rule->component;
    std::erase_if(values, [](const auto& value) { return value.first == "component"; });
    values.emplace_back("component", component);
    for (const char* name :
         {"writer", "service", "service_name", "process", "volume", "operation", "hresult", "provider", "id"}) {
      values.emplace_back(name, detail(event, details, name));
    }
    hits.push_back({condition->rule, std::move(values)});
  }
  return hits;
}

}  // namespace vmtriage
