#include "analyzers/repeated_events.h"

#include <cstring>
#include <functional>
#include <string_view>

namespace vmtriage {
namespace {

constexpr std::size_t kMaxMemory = 4 << 20;

/// Rough, but with all that an event can make long.
std::size_t memory_of(const std::string& content, const EventMeaning* meaning) {
  if (meaning == nullptr) return content.size();
  std::size_t size = content.size() + sizeof *meaning + sizeof *meaning->words;
  for (const std::string* text : {&meaning->words->label, &meaning->words->text, &meaning->words->writer}) {
    size += text->size();
  }
  for (const EventMeaning::Hit& hit : meaning->hits) {
    size += sizeof hit + hit.component.size() + hit.service.size();
    if (!hit.values) continue;
    for (const auto& [name, value] : *hit.values) size += sizeof name + sizeof value + value.size();
  }
  return size;
}

}  // namespace

bool RepeatedEvents::knows(const EventHead& head) {
  constexpr std::size_t kMaxContent = 1536;
  content_.clear();
  if (!head.append_content(content_) || content_.size() > kMaxContent) {
    content_.clear();
    return false;
  }
  place_ = std::hash<std::string_view>()(content_) % kPlaces;
  return !known_.empty() && known_[place_].content == content_;
}

void RepeatedEvents::remember(std::shared_ptr<const EventMeaning> meaning) {
  if (content_.empty()) return;
  const std::size_t size = memory_of(content_, meaning.get());
  if (known_.empty() || memory_ + size > kMaxMemory) {
    known_.assign(kPlaces, Known{});
    memory_ = 0;
  }
  Known& known = known_[place_];
  memory_ += size - memory_of(known.content, known.meaning.get());
  known = {content_, std::move(meaning)};
}

}  // namespace vmtriage
