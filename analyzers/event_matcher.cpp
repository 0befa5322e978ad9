#include "analyzers/event_matcher.h"

#include <re2/re2.h>

#include <algorithm>

#include "analyzers/vss_writers.h"

namespace vmtriage {
namespace {

/// A pattern that is compiled when it is asked for: there are hundreds, and a log holds few of their events.
class LazyPattern {
 public:
  explicit LazyPattern(std::string text) : text_(std::move(text)) {}

  const re2::RE2& regex() const {
    std::call_once(once_, [this] {
      re2::RE2::Options options(re2::RE2::Quiet);
      options.set_dot_nl(true);  // values and messages have lines
      regex_ = std::make_unique<re2::RE2>(text_, options);
    });
    return *regex_;
  }
  bool names_something() const { return text_.find("(?P<") != std::string::npos; }

 private:
  std::string text_;
  mutable std::once_flag once_;
  mutable std::unique_ptr<re2::RE2> regex_;
};

/// Takes the named groups of a match; false when there is none.
bool capture(const LazyPattern& pattern, std::string_view text, Values& captures) {
  const re2::RE2& regex = pattern.regex();
  const re2::StringPiece piece(text.data(), text.size());
  if (!pattern.names_something()) return regex.Match(piece, 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
  std::vector<re2::StringPiece> groups(1 + static_cast<std::size_t>(regex.NumberOfCapturingGroups()));
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

bool is_writer(const std::vector<std::string>& wanted, const EventDetails& details) {
  const VssContext& context = details.context();
  const bool named = !context.writer_name.empty() || !context.writer_class_id.empty();
  const VssWriter* known = details.writer();
  if (!named) return contains(wanted, "none");
  if (known == nullptr && contains(wanted, "third-party")) return true;
  if (known != nullptr && (contains(wanted, "known") || contains(wanted, known->name))) return true;
  return (!context.writer_class_id.empty() && contains(wanted, context.writer_class_id)) ||
         (!context.writer_name.empty() && contains(wanted, context.writer_name));
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
  const auto context = [&]() -> const VssContext& { return details.context(); };
  if (name == "writer") return context().writer_name.empty() ? context().writer_class_id : context().writer_name;
  if (name == "service") return details.service_hint();
  if (name == "service_name") return details.service_name();
  if (name == "process") return details.process();
  if (name == "volume") return details.volume();
  if (name == "operation") return context().operations.empty() ? std::string() : context().operations.back();
  if (name == "hresult") return details.result() ? format_hresult(*details.result()) : std::string();
  if (name == "provider") return std::string(event.provider);
  if (name == "id") return std::to_string(event.event_id);
  return flatten(named_value(event, name));
}

/// One of the tests of a condition, ready to be made.
struct PreparedTest {
  const EventTest* test;
  LazyPattern pattern;
  std::vector<std::uint32_t> codes;  ///< the values of hresult and ntstatus

  explicit PreparedTest(const EventTest& of) : test(&of), pattern(of.pattern) {
    if (of.on != EventTest::On::hresult && of.on != EventTest::On::ntstatus) return;
    for (const std::string& value : of.values) {
      for (const std::uint32_t code : find_hresults(value)) codes.push_back(code);
    }
  }

  /// Those that need no more than the values an event has anyway come first.
  int price() const {
    switch (test->on) {
      case EventTest::On::data:
      case EventTest::On::ntstatus:
        return 0;
      case EventTest::On::hresult:
        return 1;
      default:
        return 2;
    }
  }

  bool is_deciding() const {
    const std::string& name = test->name;
    return test->on == EventTest::On::data && !test->negated && name != "any" && name != "last" && name[0] != '#';
  }

  bool is_met(const Event& event, const EventDetails& details, Values& captures) const {
    if (!test->negated) return passes(event, details, captures);
    Values excluded;
    return !passes(event, details, excluded);
  }

 private:
  bool passes(const Event& event, const EventDetails& details, Values& captures) const {
    const auto is_wanted = [&](std::uint32_t code) {
      return std::find(codes.begin(), codes.end(), code) != codes.end();
    };
    switch (test->on) {
      case EventTest::On::data:
        return matches_data(event, details, captures);
      case EventTest::On::hresult:
        return std::any_of(details.hresults().begin(), details.hresults().end(), is_wanted);
      case EventTest::On::writer:
        return is_writer(test->values, details);
      case EventTest::On::process:
        return capture(pattern, details.process(), captures);
      case EventTest::On::ntstatus:
        return details.status() && is_wanted(*details.status());
      case EventTest::On::service:
        return contains(test->values, details.service());
    }
    return false;
  }

  bool matches_data(const Event& event, const EventDetails& details, Values& captures) const {
    if (event.data.empty()) return capture(pattern, details.text(), captures);
    if (test->name != "any") return capture(pattern, named_value(event, test->name), captures);
    return std::any_of(event.data.begin(), event.data.end(),
                       [&](const auto& value) { return capture(pattern, value.second, captures); });
  }
};

}  // namespace

bool is_sql_server(std::string_view provider) { return starts_with_no_case(provider, "MSSQL"); }

struct EventMatcher::Condition {
  const Rule* rule = nullptr;
  const EventCondition* event = nullptr;
  std::vector<std::unique_ptr<PreparedTest>> tests;
  std::vector<std::unique_ptr<LazyPattern>> wordings;  ///< of the rule

  Condition(const Rule& of, const EventCondition& condition) : rule(&of), event(&condition) {
    for (const EventTest& test : condition.tests) tests.push_back(std::make_unique<PreparedTest>(test));
    std::stable_sort(tests.begin(), tests.end(), [](const auto& a, const auto& b) { return a->price() < b->price(); });
    for (const std::string& wording : of.wordings) wordings.push_back(std::make_unique<LazyPattern>(wording));
  }

  bool has_id(std::uint32_t id) const {
    return std::any_of(event->ids.begin(), event->ids.end(),
                       [&](const auto& range) { return range.first <= id && id <= range.last; });
  }

  bool has_level(std::uint8_t level) const {
    return event->levels.empty() || level == Event::kNoLevel ||
           std::find(event->levels.begin(), event->levels.end(), level) != event->levels.end();
  }

  /// The first pattern for a value of a certain name.
  const PreparedTest* deciding_test() const {
    const auto found = std::find_if(tests.begin(), tests.end(), [](const auto& test) { return test->is_deciding(); });
    return found == tests.end() ? nullptr : found->get();
  }

  bool has_head(const Event& subject, std::string_view plain_provider, KnownHead head) const {
    return (!head.provider || is_provider(event->providers, plain_provider)) &&
           (!head.id || has_id(subject.event_id)) &&
           (event->channel.empty() || subject.channel.empty() || equal_no_case(event->channel, subject.channel)) &&
           has_level(subject.level);
  }

  bool is_fulfilled(const Event& subject, const EventDetails& details, KnownHead head, Values& captures) const {
    for (const auto& test : tests) {
      if (!test->is_met(subject, details, captures)) return false;
    }
    const bool known = head.provider && head.id;
    // A log has the values of a message without its words.
    if (known && subject.message.empty()) return true;
    const bool worded = std::any_of(wordings.begin(), wordings.end(), [&](const auto& wording) {
      // An event that is known need not be told by its wording, but the wording may name the component.
      return (!known || wording->names_something()) && capture(*wording, details.text(), captures);
    });
    return worded || known;
  }

  EventHit hit(const Event& subject, const EventDetails& details, Values captures) const {
    std::string component = event->component.empty() ? std::string() : detail(subject, details, event->component);
    const auto captured =
        std::find_if(captures.begin(), captures.end(), [](const auto& v) { return v.first == "component"; });
    if (component.empty() && captured != captures.end()) component = captured->second;
    if (component.empty()) component = rule->component;
    std::erase_if(captures, [](const auto& value) { return value.first == "component"; });
    return {rule, std::move(component), std::move(captures)};
  }
};

Values values_of(const EventHit& hit, const Event& event, const EventDetails& details) {
  Values values = hit.captures;
  values.emplace_back("component", hit.component);
  for (const char* name :
       {"writer", "service", "service_name", "process", "volume", "operation", "hresult", "provider", "id"}) {
    values.emplace_back(name, detail(event, details, name));
  }
  return values;
}

EventMatcher::EventMatcher(const RuleBase& rules) {
  constexpr std::uint32_t kWidestRange = 1000, kLastId = EventIds().size() - 1;
  for (const Rule& rule : rules.rules()) {
    if (!rule.events.empty()) wording_texts_.insert(wording_texts_.end(), rule.wordings.begin(), rule.wordings.end());
    for (const EventCondition& event : rule.events) {
      conditions_.push_back(std::make_unique<Condition>(rule, event));
      for (const auto& range : event.ids) {
        const std::uint32_t last = std::min({range.last, range.first + kWidestRange, kLastId});
        for (std::uint32_t id = range.first; id <= last; ++id) {
          by_id_[id].push_back(conditions_.back().get());
          ids_.set(id);
        }
      }
    }
  }
  ids_.set(kSqlFrozen);
  ids_.set(kSqlResumed);
}

const std::optional<Matcher>& EventMatcher::wordings() const {
  std::call_once(wordings_once_, [this] {
    auto compiled = Matcher::compile(wording_texts_);  // every pattern was tried when its file was read
    if (compiled && !wording_texts_.empty()) wordings_.emplace(std::move(*compiled));
  });
  return wordings_;
}

EventMatcher::~EventMatcher() = default;

std::vector<const EventMatcher::Condition*> EventMatcher::asking_for(std::string_view plain_provider,
                                                                     std::uint32_t event_id, std::uint8_t level) const {
  std::vector<const Condition*> asking;
  if (const auto found = by_id_.find(event_id); found != by_id_.end()) {
    for (const Condition* condition : found->second) {
      if (condition->has_level(level) && is_provider(condition->event->providers, plain_provider))
        asking.push_back(condition);
    }
  }
  return asking;
}

bool EventMatcher::wants(std::string_view plain_provider, std::uint32_t event_id, std::uint8_t level) const {
  const bool freeze = (event_id == kSqlFrozen || event_id == kSqlResumed) && is_sql_server(plain_provider);
  return freeze || !asking_for(plain_provider, event_id, level).empty();
}

std::string_view EventMatcher::deciding_value(std::string_view plain_provider, std::uint32_t event_id,
                                              std::uint8_t level) const {
  std::string_view name;
  if (event_id == kSqlFrozen || event_id == kSqlResumed) return name;
  for (const Condition* condition : asking_for(plain_provider, event_id, level)) {
    const PreparedTest* test = condition->deciding_test();
    if (test == nullptr || (!name.empty() && name != test->test->name)) return {};
    name = test->test->name;
  }
  return name;
}

bool EventMatcher::wants(std::string_view plain_provider, std::uint32_t event_id, std::uint8_t level,
                         std::string_view text) const {
  const auto asking = asking_for(plain_provider, event_id, level);
  return std::any_of(asking.begin(), asking.end(), [&](const Condition* condition) {
    Values captures;
    return capture(condition->deciding_test()->pattern, text, captures);
  });
}

bool EventMatcher::knows(std::string_view plain_provider) const {
  return std::any_of(conditions_.begin(), conditions_.end(),
                     [&](const auto& condition) { return is_provider(condition->event->providers, plain_provider); });
}

std::vector<EventHit> EventMatcher::match(const Event& event, const EventDetails& details, KnownHead head) const {
  std::vector<EventHit> hits;
  const std::string provider = plain_provider(event.provider);
  const auto look = [&](const Condition& condition) {
    if (!hits.empty() && hits.back().rule == condition.rule) return;
    Values captures;
    if (condition.has_head(event, provider, head) && condition.is_fulfilled(event, details, head, captures))
      hits.push_back(condition.hit(event, details, std::move(captures)));
  };
  if (!head.id) {
    for (const auto& condition : conditions_) look(*condition);
  } else if (const auto found = by_id_.find(event.event_id); found != by_id_.end()) {
    for (const Condition* condition : found->second) look(*condition);
  }
  return hits;
}

}  // namespace vmtriage
