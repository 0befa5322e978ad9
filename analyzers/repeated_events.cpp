#include "analyzers/repeated_events.h"

#include <cstring>
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

/// Where a content is kept. Events with contents of one place push each other out, so that it need not be better than quick.
std::uint64_t mix(std::string_view content) {
  constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15u;
  std::uint64_t mixed = content.size();
  std::uint64_t word = 0;
  for (; content.size() >= sizeof word; content.remove_prefix(sizeof word)) {
    std::memcpy(&word, content.data(), sizeof word);
    mixed = (mixed ^ word) * kFactor;
    mixed ^= mixed >> 32;
  }
  word = 0;
  std::memcpy(&word, content.data(), content.size());
  mixed = (mixed ^ word) * kFactor;
  return mixed ^ mixed >> 32;
}

}  // namespace

bool RepeatedEvents::knows(const EventHead& head) {
  constexpr std::size_t kMaxContent = 1536;
  content_.clear();
  if (!head.append_content(content_) || content_.size() > kMaxContent) {
    content_.clear();
    return false;
  }
  place_ = mix(content_) % kPlaces;
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
