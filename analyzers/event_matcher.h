#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/base/event.h"
#include "analyzers/event_details.h"
#include "analyzers/matcher.h"
#include "analyzers/rules.h"

namespace vmtriage {

/// What a text that was copied out of an event log left of an event's head.
struct KnownHead {
  bool provider = true;
  bool id = true;
};

/// A rule that an event fulfils.
struct EventHit {
  const Rule* rule = nullptr;
  Values values;  ///< component, writer, hresult, service, service_name, process, volume, id, provider and the captures
};

/// All rules with event conditions, compiled. Immutable, used by several threads.
class EventMatcher {
 public:
  explicit EventMatcher(const RuleBase& rules);
  ~EventMatcher();

  /// Whether any rule asks for this event; the name as in `plain_provider`.
  bool wants(std::string_view plain_provider, std::uint32_t event_id) const;
  /// Whether any rule asks for this number, whoever logged it: cheap.
  bool wants(std::uint32_t event_id) const { return by_id_.contains(event_id); }
  /// Whether a rule names this provider.
  bool knows(std::string_view plain_provider) const;

  /// Every rule the event fulfils. Where provider or id are not known, only rules whose wording the text has.
  std::vector<EventHit> match(const Event& event, const EventDetails& details, KnownHead head = {}) const;

  /// The wordings of all rules, for texts that are nothing but a message; nothing when there is none.
  const std::optional<Matcher>& wordings() const { return wordings_; }

 private:
  struct Condition;
  bool fulfils(const Condition& condition, const Event& event, const EventDetails& details, KnownHead head,
               Values& captures) const;

  std::vector<std::unique_ptr<Condition>> conditions_;
  std::unordered_map<std::uint32_t, std::vector<const Condition*>> by_id_;
  std::optional<Matcher> wordings_;
  std::vector<const Rule*> wording_rules_;  ///< one for every pattern of wordings_
};

}  // namespace vmtriage
