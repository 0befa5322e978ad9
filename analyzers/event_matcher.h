#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/base/event.h"
#include "analyzers/event_details.h"
#include "analyzers/matcher/matcher.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// What a text that was copied out of an event log left of an event's head.
struct KnownHead {
  bool provider = true;
  bool id = true;
};

/// The numbers of SQL Server's "I/O is frozen" and "I/O was resumed", which are paired by code.
constexpr std::uint32_t kSqlFrozen = 3197;
constexpr std::uint32_t kSqlResumed = 3198;
bool is_sql_server(std::string_view provider);

/// A rule that an event fulfils.
struct EventHit {
  const Rule* rule = nullptr;
  std::string component;
  Values captures;  ///< of the rule's patterns
};

/// What the rule's texts may name: component, writer, hresult, service, service_name, process, volume, id, provider and
/// the captures.
Values values_of(const EventHit& hit, const Event& event, const EventDetails& details);

/// All rules with event conditions, compiled. Immutable, used by several threads.
class EventMatcher {
 public:
  explicit EventMatcher(const RuleBase& rules);
  ~EventMatcher();

  /// Whether this event can make a difference; the name as in `plain_provider`, no level as Event::kNoLevel.
  bool wants(std::string_view plain_provider, std::uint32_t event_id, std::uint8_t level) const;
  /// The value that all rules that ask for this event have a pattern for; empty when there is none.
  std::string_view deciding_value(std::string_view plain_provider, std::uint32_t event_id, std::uint8_t level) const;
  /// Whether a rule can be fulfilled by the event when its deciding value has this text.
  bool wants(std::string_view plain_provider, std::uint32_t event_id, std::uint8_t level, std::string_view text) const;
  /// The ids of events that can make a difference.
  const EventIds& ids() const { return ids_; }
  /// Whether a rule names this provider.
  bool knows(std::string_view plain_provider) const;

  /// Every rule the event fulfils. Where provider or id are not known, only rules whose wording the text has.
  std::vector<EventHit> match(const Event& event, const EventDetails& details, KnownHead head = {}) const;

  /// The wordings of all rules, for texts that are nothing but a message; nothing when there is none. Compiled at the
  /// first call: event logs need none.
  const std::optional<Matcher>& wordings() const;

 private:
  struct Condition;
  std::vector<const Condition*> asking_for(std::string_view plain_provider, std::uint32_t event_id,
                                           std::uint8_t level) const;

  std::vector<std::unique_ptr<Condition>> conditions_;
  std::unordered_map<std::uint32_t, std::vector<const Condition*>> by_id_;
  EventIds ids_;
  std::vector<std::string> wording_texts_;
  mutable std::once_flag wordings_once_;
  mutable std::optional<Matcher> wordings_;
};

}  // namespace vmtriage
