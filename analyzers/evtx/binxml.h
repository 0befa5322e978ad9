#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/evtx/bytes.h"
#include "analyzers/evtx/places.h"

namespace vmtriage {

/// The fields every event has, below `Event/System` but for the message.
enum class SystemField : std::uint8_t {
  provider,      ///< Provider/@Name
  event_source,  ///< Provider/@EventSourceName
  event_id,      ///< EventID
  qualifiers,    ///< EventID/@Qualifiers
  level,         ///< Level
  time_created,  ///< TimeCreated/@SystemTime
  record_id,     ///< EventRecordID
  channel,       ///< Channel
  computer,      ///< Computer
  message,       ///< Event/RenderingInfo/Message, in forwarded events
};
constexpr std::size_t kSystemFields = 10;

/// A part of a value: fixed text, or the number of the substitution that stands there.
struct Piece {
  static constexpr std::int32_t kText = -1;

  std::int32_t slot = kText;
  std::uint32_t text = 0;  ///< offset in BinXmlTemplate::pool
  std::uint32_t size = 0;
};

/// One value of an event: the text of an element without children, or an attribute.
struct Leaf {
  std::uint32_t name = 0;  ///< offset in BinXmlTemplate::pool
  std::uint32_t name_size = 0;
  std::int32_t name_slot = Piece::kText;  ///< `<Data Name="%1">`: the name is a substitution
  std::uint32_t first_piece = 0;
  std::uint16_t pieces = 0;
  std::uint16_t inner_place = 0;    ///< where a fragment that stands in this value belongs
  std::uint16_t counter = 0;        ///< the counter of unnamed Data it takes part in
  std::uint16_t inner_counter = 0;  ///< the counter for fragments that stand in this value
  bool unnamed = false;             ///< `<Data>` without a name: called `#k`
  bool attribute = false;
  bool optional = false;  ///< left out when its only substitution is NULL
  bool binary = false;    ///< `<Binary>`
};

/// A header field: fixed text, a substitution, or not there.
struct FieldSource {
  enum class Kind : std::uint8_t { none, text, slot } kind = Kind::none;
  std::uint16_t slot = 0;
  std::uint32_t text = 0;
  std::uint32_t size = 0;
};

/// Binary XML turned into a flat list of values: what is left to do for one event is to look up its substitutions.
struct BinXmlTemplate {
  std::uint64_t serial = 0;  ///< its number among the templates of one TemplateCache; 0 for elements in a record
  std::array<FieldSource, kSystemFields> system;
  std::vector<Leaf> leaves;  ///< in document order
  std::vector<Piece> pieces;
  std::string pool;            ///< all fixed text, UTF-8
  std::string provider_utf16;  ///< the provider's fixed name as an event would store it
  std::uint16_t counters = 1;  ///< counters of unnamed Data; 0 is that of the surrounding element
  bool has_fields = false;     ///< any of `system`

  void clear();
  std::string_view text(std::uint32_t offset, std::uint32_t size) const { return {pool.data() + offset, size}; }
  const FieldSource& field(SystemField which) const { return system[static_cast<std::size_t>(which)]; }
  /// The substitution that is all of a leaf's value.
  std::optional<std::size_t> lone_slot(const Leaf& leaf) const {
    const std::int32_t slot = leaf.pieces == 1 ? pieces[leaf.first_piece].slot : Piece::kText;
    return slot < 0 ? std::nullopt : std::optional(static_cast<std::size_t>(slot));
  }
  /// The substitution that is all of the first value of that name.
  std::optional<std::size_t> slot_named(std::string_view name) const;
  std::size_t memory() const {
    return pool.capacity() + leaves.capacity() * sizeof(Leaf) + pieces.capacity() * sizeof(Piece);
  }
};

/// A name that a template refers to: names live once per chunk, so the same template has other offsets in another
/// chunk.
struct NameReference {
  std::uint32_t position = 0;  ///< of the 4-byte offset, from the template's start
  bool inlined = false;        ///< the name itself follows
  std::string name;            ///< hash, length and UTF-16 characters as they stand in the chunk
};

enum class ElementSource : std::uint8_t {
  definition,  ///< a template: elements carry a dependency id
  record,      ///< written into the record or a value: they do not
};

/// Compiles the elements that stand in `chunk` from `cursor` on, up to the end-of-fragment token.
///
/// Nothing is trusted: nesting stops at 64 elements, a template at 8,192 values and 256 KiB of text. `names`, when
/// given, receives every name reference. Returns nullptr, or what is wrong with the bytes.
const char* compile_binxml(Bytes chunk, ByteCursor& cursor, ElementSource source, std::uint16_t place,
                           PlaceTable& places, BinXmlTemplate& out, std::vector<NameReference>* names);

/// The hash, length and characters (UTF-16LE) of the name at `offset` in the chunk; empty when there is none.
std::string_view stored_name(Bytes chunk, std::size_t offset);

}  // namespace vmtriage
