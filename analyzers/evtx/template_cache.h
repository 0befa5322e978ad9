#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "analyzers/evtx/binxml.h"

namespace vmtriage {

/// Compiled templates of one reader thread.
///
/// Every chunk carries its own copy of the templates it uses. They are the same from chunk to chunk, but for the places
/// of the names in them, so a template that was compiled for an earlier chunk is compared with this chunk's copy, byte
/// by byte and name by name, and then used again. Source: measured, compiling anew costs ten times as much as
/// comparing.
class TemplateCache {
 public:
  /// A definition: offset of the next (4), GUID (16), size of the binary XML (4), then that.
  static constexpr std::size_t kDefinitionHeader = 24;

  /// The size of the definition at `offset`; 0 where none is, or not all of it.
  static std::size_t definition_size(Bytes chunk, std::size_t offset);

  /// Call before the first look-up in a chunk. Templates handed out before are no longer valid.
  void start_chunk(Bytes chunk);

  /// The template defined at `offset` for use at `place`, or nullptr; then `problem()` says why.
  const BinXmlTemplate* find(std::uint32_t offset, std::uint16_t place) {
    const Known& known = known_[slot_of(offset, place)];
    if (known.chunk == chunk_number_ && known.offset == offset && known.place == place && known.compiled)
      return known.compiled;
    return look_up(offset, place);
  }

  /// Compiles elements that are no template. The result is valid until the next `release_scratch`.
  const BinXmlTemplate* compile(ByteCursor& cursor, std::uint16_t place);
  void release_scratch() {
    if (scratch_used_ > 0) drop_scratch();
  }

  const char* problem() const { return problem_; }
  const PlaceTable& places() const { return places_; }

 private:
  /// Where a definition refers to a name.
  struct NamePlace {
    std::uint32_t at = 0;      ///< in the definition
    std::uint32_t number = 0;  ///< of the name in names_
    bool inlined = false;      ///< it follows there
  };
  struct Entry {
    std::uint16_t place = 0;
    std::string definition;  ///< GUID, size and binary XML as it stood where it was compiled
    std::string mask;        ///< the bits of it that are the same in every copy
    std::vector<NamePlace> names;
    BinXmlTemplate compiled;
  };
  /// The text of a name in this chunk.
  struct KnownName {
    std::uint64_t chunk = 0;
    std::uint32_t offset = 0;
    std::uint32_t number = 0;
  };
  struct Known {
    std::uint64_t chunk = 0;
    std::uint32_t offset = 0;
    std::uint16_t place = 0;
    const BinXmlTemplate* compiled = nullptr;  ///< nullptr: it cannot be used
    const char* problem = nullptr;
  };

  static std::size_t slot_of(std::uint32_t offset, std::uint16_t place) {
    return (offset * 0x9e3779b1u + place * 0x85ebca6bu) >> 24;
  }
  static std::size_t name_slot_of(std::uint32_t offset) { return (offset * 0x9e3779b1u) >> 24; }
  const BinXmlTemplate* look_up(std::uint32_t offset, std::uint16_t place);
  const BinXmlTemplate* find_definition(std::uint32_t offset, std::uint16_t place);
  const BinXmlTemplate* compile_definition(std::uint32_t offset, std::uint16_t place, Bytes definition);
  bool same(const Entry& entry, std::uint32_t offset, Bytes definition);
  /// The templates of a chunk use the same few names, so each is compared once.
  bool is_name(std::uint32_t offset, std::uint32_t number) {
    const KnownName& known = known_names_[name_slot_of(offset)];
    if (known.chunk == chunk_number_ && known.offset == offset) return known.number == number;
    return look_up_name(offset, number);
  }
  bool look_up_name(std::uint32_t offset, std::uint32_t number);
  void add_names(Entry& entry, const std::vector<NameReference>& names);
  bool spend(std::size_t size);
  void drop_scratch();

  Bytes chunk_;
  std::uint64_t chunk_number_ = 0;
  std::size_t budget_ = 0;
  std::size_t memory_ = 0;
  std::uint64_t last_serial_ = 0;  ///< never given twice, also not when templates were dropped in between
  std::size_t scratch_used_ = 0;
  std::size_t scratch_memory_ = 0;
  const char* problem_ = nullptr;
  PlaceTable places_;
  std::array<Known, 256> known_{};
  std::array<KnownName, 256> known_names_{};
  std::unordered_map<std::string, std::uint32_t> numbers_;  ///< of the names that the templates use
  std::vector<const std::string*> names_;                   ///< by number: the keys of numbers_
  std::unordered_map<std::uint64_t, std::vector<std::unique_ptr<Entry>>> entries_;
  std::vector<std::unique_ptr<BinXmlTemplate>> scratch_;
};

}  // namespace vmtriage
