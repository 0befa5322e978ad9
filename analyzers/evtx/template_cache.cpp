#include "analyzers/evtx/template_cache.h"

#include <algorithm>

namespace vmtriage {
namespace {

/// Binary XML compiled per chunk. Each definition stands in the chunk once, so honest chunks need 64 KiB per place of
/// use; this bounds the time crafted ones take.
constexpr std::size_t kBudgetPerChunk = 512 << 10;
/// When the compiled templates take more than this, all are dropped before the next chunk, and no chunk may add more.
constexpr std::size_t kMaxMemory = 4 << 20;
constexpr std::size_t kMaxSameKey = 8;
constexpr std::size_t kMaxPlaces = PlaceTable::kMaxPlaces / 2;
constexpr std::size_t kMaxScratch = 512;
constexpr std::size_t kKeptScratch = 8;
constexpr std::size_t kGuidAt = 4;

std::uint64_t key_of(Bytes definition, std::uint16_t place) {
  const Byte* guid = definition.data() + kGuidAt;
  return (load_u64(guid) ^ load_u64(guid + 8) * 0x9e3779b97f4a7c15u) + load_u32(guid + 16) * 0xc2b2ae3d27d4eb4fu +
         place;
}

/// Whether `b`, as long as `a`, differs from it in bits that are set in the mask.
bool differs(std::string_view a, std::string_view mask, Bytes b) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const auto word = [](std::string_view text, std::size_t at) {
    return load_u64(reinterpret_cast<const Byte*>(text.data()) + at);
  };
  const auto difference = [&](std::size_t at) { return (word(a, at) ^ load_u64(b.data() + at)) & word(mask, at); };
  // A definition begins with 24 bytes; its last word overlaps the one before.
  const std::size_t last = a.size() - kWord;
  std::uint64_t differences = difference(last);
  for (std::size_t at = 0; at < last; at += kWord) differences |= difference(at);
  return differences != 0;
}

}  // namespace

std::size_t TemplateCache::definition_size(Bytes chunk, std::size_t offset) {
  if (offset > chunk.size() || chunk.size() - offset < kDefinitionHeader) return 0;
  const std::size_t size = load_u32(chunk.data() + offset + 20);
  return size > 0 && size <= chunk.size() - offset - kDefinitionHeader ? kDefinitionHeader + size : 0;
}

void TemplateCache::start_chunk(Bytes chunk) {
  chunk_ = chunk;
  ++chunk_number_;
  budget_ = kBudgetPerChunk;
  release_scratch();
  if (memory_ > kMaxMemory || places_.size() > kMaxPlaces) {
    entries_.clear();
    numbers_.clear();
    names_.clear();
    places_.clear();
    memory_ = 0;
  }
}

bool TemplateCache::spend(std::size_t size) {
  if (size <= budget_) {
    budget_ -= size;
    return true;
  }
  problem_ = "its chunk holds too many templates";
  return false;
}

const BinXmlTemplate* TemplateCache::look_up(std::uint32_t offset, std::uint16_t place) {
  Known& known = known_[slot_of(offset, place)];
  const bool refused = known.chunk == chunk_number_ && known.offset == offset && known.place == place;
  if (!refused) {
    const BinXmlTemplate* compiled = find_definition(offset, place);
    known = Known{chunk_number_, offset, place, compiled, problem_};
  }
  problem_ = known.problem;
  return known.compiled;
}

const BinXmlTemplate* TemplateCache::find_definition(std::uint32_t offset, std::uint16_t place) {
  problem_ = "its template is missing";
  const std::size_t size = definition_size(chunk_, offset);
  if (offset == 0 || size == 0) return nullptr;
  const Bytes definition = chunk_.subspan(offset, size);
  if (const auto entries = entries_.find(key_of(definition, place)); entries != entries_.end()) {
    std::size_t tried = 0;
    for (auto entry = entries->second.rbegin(); entry != entries->second.rend() && tried < kMaxSameKey;
         ++entry, ++tried) {
      if ((*entry)->place == place && same(**entry, offset, definition)) return &(*entry)->compiled;
    }
  }
  return compile_definition(offset, place, definition);
}

const BinXmlTemplate* TemplateCache::compile_definition(std::uint32_t offset, std::uint16_t place, Bytes definition) {
  if (memory_ > 2 * kMaxMemory) problem_ = "its chunk's templates are too large";
  if (memory_ > 2 * kMaxMemory || !spend(definition.size())) return nullptr;
  auto entry = std::make_unique<Entry>();
  entry->place = place;
  entry->definition = view_of(definition.data(), definition.size());
  ByteCursor cursor(chunk_, offset + kDefinitionHeader, offset + definition.size());
  std::vector<NameReference> names;
  problem_ = compile_binxml(chunk_, cursor, ElementSource::definition, place, places_, entry->compiled, &names);
  if (problem_) return nullptr;
  entry->compiled.serial = ++last_serial_;
  add_names(*entry, names);
  memory_ += entry->compiled.memory() + entry->definition.size() + entry->mask.size() + sizeof(Entry) +
             entry->names.size() * sizeof(NamePlace);
  return &entries_[key_of(definition, place)].emplace_back(std::move(entry))->compiled;
}

/// Notes which bits of the definition differ between its copies: the offset of the next one, and those of names. An
/// inlined name starts with the offset of another name, which differs as well.
void TemplateCache::add_names(Entry& entry, const std::vector<NameReference>& names) {
  constexpr std::size_t kOffset = 4;
  entry.mask.assign(entry.definition.size(), '\xff');
  std::fill_n(entry.mask.begin(), kOffset, '\0');
  for (const NameReference& name : names) {
    const std::size_t at = kDefinitionHeader + name.position;
    const std::size_t size = std::min(name.inlined ? 2 * kOffset : kOffset, entry.mask.size() - at);
    std::fill_n(entry.mask.begin() + static_cast<std::ptrdiff_t>(at), size, '\0');
    const auto [known, added] = numbers_.try_emplace(name.name, static_cast<std::uint32_t>(names_.size()));
    if (added) {
      names_.push_back(&known->first);
      memory_ += sizeof *known + known->first.size();
    }
    entry.names.push_back({static_cast<std::uint32_t>(at), known->second, name.inlined});
  }
}

/// Names are compared where they stand in this chunk; everything else as it is.
bool TemplateCache::same(const Entry& entry, std::uint32_t offset, Bytes definition) {
  if (entry.definition.size() != definition.size() || differs(entry.definition, entry.mask, definition)) return false;
  for (const NamePlace& name : entry.names) {
    const std::uint32_t name_offset = load_u32(definition.data() + name.at);
    const bool inlined = name_offset == offset + name.at + 4;
    if (inlined != name.inlined || !is_name(name_offset, name.number)) return false;
  }
  return true;
}

bool TemplateCache::look_up_name(std::uint32_t offset, std::uint32_t number) {
  if (stored_name(chunk_, offset) != *names_[number]) return false;
  known_names_[name_slot_of(offset)] = {chunk_number_, offset, number};
  return true;
}

const BinXmlTemplate* TemplateCache::compile(ByteCursor& cursor, std::uint16_t place) {
  problem_ = "too many values of its own";
  if (scratch_used_ >= kMaxScratch || scratch_memory_ > kMaxMemory || !spend(cursor.left())) return nullptr;
  if (scratch_used_ == scratch_.size()) scratch_.push_back(std::make_unique<BinXmlTemplate>());
  BinXmlTemplate& compiled = *scratch_[scratch_used_++];
  problem_ = compile_binxml(chunk_, cursor, ElementSource::record, place, places_, compiled, nullptr);
  scratch_memory_ += compiled.memory();
  return problem_ ? nullptr : &compiled;
}

void TemplateCache::drop_scratch() {
  scratch_used_ = 0;
  scratch_memory_ = 0;
  if (scratch_.size() > kKeptScratch) scratch_.resize(kKeptScratch);
}

}  // namespace vmtriage
