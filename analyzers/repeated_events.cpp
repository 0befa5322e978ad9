#include "analyzers/repeated_events.h"

#include <array>
#include <cstring>
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

/// Where a content is kept. Contents of one place push each other out, so that it need not be better than quick: four
/// words at a time, which do not wait for each other.
std::uint64_t mix(const EventContent& content) {
  constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15u;
  using Words = std::array<std::uint64_t, 4>;
  Words mixed = {content.root_template, content.data_template, content.event_id, content.level};
  const auto add = [&](const Words& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      mixed[i] = (mixed[i] ^ words[i]) * kFactor;
      mixed[i] ^= mixed[i] >> 32;
    }
  };
  Words words{};
  std::string_view left = content.data;
  for (; left.size() >= sizeof words; left.remove_prefix(sizeof words)) {
    std::memcpy(words.data(), left.data(), sizeof words);
    add(words);
  }
  words = {};
  std::memcpy(words.data(), left.data(), left.size());
  add(words);
  std::uint64_t all = 0;
  for (const std::uint64_t one : mixed) all = (all ^ one) * kFactor;
  return all ^ all >> 32;
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
  known->memory = known->text.size() + (meaning ? memory_of(*meaning) : 0);
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
