#include "analyzers/repeated_events.h"

#include <isa-l/crc.h>

#include <string_view>
#include <utility>

namespace vmtriage {
namespace {

constexpr std::size_t kMaxMemory = 4 << 20;

std::size_t length_of(const EventContent& content) {
  std::size_t length = content.data.size();
  for (const std::string_view name : content.names) length += name.size();
  return length;
}

/// Rough, but with all that an event can make long.
std::size_t memory_of(const EventMeaning& meaning) {
  std::size_t size = sizeof meaning + sizeof *meaning.words;
  for (const std::string* text : {&meaning.words->label, &meaning.words->text, &meaning.words->writer}) {
    size += text->size();
  }
  for (const EventMeaning::Hit& hit : meaning.hits) {
    size += sizeof hit + hit.component.size() + hit.service.size();
    if (!hit.values) continue;
    for (const auto& [name, value] : *hit.values) size += sizeof name + sizeof value + value.size();
  }
  return size;
}

/// Where a content is kept. Contents of one place push each other out, so that it need not be better than quick.
std::uint32_t mix(const EventContent& content) {
  std::uint32_t mixed = content.event_id ^ static_cast<std::uint32_t>(content.root_template << 16) ^
                        static_cast<std::uint32_t>(content.data_template << 24) ^ content.level;
  const auto add = [&](std::string_view text) {
    mixed = crc32_gzip_refl(mixed, reinterpret_cast<const Byte*>(text.data()), text.size());
  };
  for (const std::string_view name : content.names) {
    if (!name.empty()) add(name);
  }
  add(content.data);
  return mixed;
}

}  // namespace

bool RepeatedEvents::knows(const EventHead& head) {
  constexpr std::size_t kMaxLength = 1536;
  content_ = head.content();
  if (content_ && length_of(*content_) > kMaxLength) content_.reset();
  if (!content_) return false;
  mixed_ = mix(*content_);
  if (places_.empty()) return false;
  const Place* const pair = &places_[2 * (mixed_ % kPairs)];
  for (const Place* place = pair; place < pair + 2; ++place) {
    found_ = place->mixed == mixed_ ? place->known.get() : nullptr;
    if (found_ != nullptr && found_->content == *content_) return true;
  }
  return false;
}

void RepeatedEvents::remember(std::shared_ptr<const EventMeaning> meaning) {
  if (!content_) return;
  auto known = std::make_unique<Known>();
  known->content = *content_;
  known->text.reserve(length_of(*content_));
  const auto keep = [&](std::string_view& view) {
    const std::size_t at = known->text.size();
    known->text.insert(known->text.end(), view.begin(), view.end());
    view = {known->text.data() + at, view.size()};
  };
  for (std::string_view& name : known->content.names) keep(name);
  keep(known->content.data);
  known->memory = sizeof *known + known->text.size() + (meaning ? memory_of(*meaning) : 0);
  known->meaning = std::move(meaning);
  if (places_.empty() || memory_ + known->memory > kMaxMemory) {
    places_.clear();
    places_.resize(2 * kPairs);
    memory_ = 0;
  }
  Place* const pair = &places_[2 * (mixed_ % kPairs)];
  memory_ += known->memory - (pair[1].known ? pair[1].known->memory : 0);
  pair[1] = std::move(pair[0]);
  pair[0] = {mixed_, std::move(known)};
  content_.reset();
}

}  // namespace vmtriage
