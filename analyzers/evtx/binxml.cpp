#include "analyzers/evtx/binxml.h"

#include <algorithm>

#include "agent/base/text.h"
#include "analyzers/evtx/value.h"

namespace vmtriage {
namespace {

enum Token : std::uint8_t {
  kEndOfFragment = 0x00,
  kOpenElement = 0x01,
  kCloseStart = 0x02,
  kCloseEmpty = 0x03,
  kEndElement = 0x04,
  kValue = 0x05,
  kAttribute = 0x06,
  kCData = 0x07,
  kCharReference = 0x08,
  kEntityReference = 0x09,
  kInstructionTarget = 0x0a,
  kInstructionData = 0x0b,
  kSubstitution = 0x0d,
  kOptionalSubstitution = 0x0e,
  kFragmentHeader = 0x0f,
};
/// Set in a token when more of the same follows; the structure tells the same.
constexpr std::uint8_t kMoreFlag = 0x40;
constexpr std::size_t kNameHeader = 4;  ///< offset of the next name in the same hash bucket
constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxLeaves = 8192;
constexpr std::size_t kMaxPath = 512;
constexpr std::size_t kMaxText = 256 << 10;

std::uint8_t token_of(std::uint8_t byte) { return byte < 0x80 ? static_cast<std::uint8_t>(byte & ~kMoreFlag) : byte; }

/// The hash Windows stores with a name. Source: libfwevt, "Windows Event Log binary XML", names.
std::uint16_t name_hash(std::string_view units) {
  std::uint32_t hash = 0;
  for (std::size_t i = 0; i + 1 < units.size(); i += 2) {
    hash = hash * 65'599 + load_u16(reinterpret_cast<const Byte*>(units.data()) + i);
  }
  return static_cast<std::uint16_t>(hash);
}

class Compiler {
 public:
  Compiler(Bytes chunk, ByteCursor& cursor, ElementSource source, PlaceTable& places, BinXmlTemplate& out,
           std::vector<NameReference>* names)
      : chunk_(chunk),
        in_(cursor),
        source_(source),
        places_(places),
        out_(out),
        names_(names),
        start_(cursor.position()) {}

  const char* run(std::uint16_t place) {
    Element root;
    root.place = places_[place].place;
    in_value_ = root.place != Place::document;
    root.path = places_[place].path;
    while (!problem_ && !in_.failed() && in_.left() > 0) {
      const std::uint8_t token = token_of(in_.peek());
      if (token == kOpenElement) {
        element(root, 0);
      } else if (!misc(token)) {
        break;
      }
    }
    if (!problem_ && in_.failed()) problem_ = "binary XML is cut off";
    // What is left of a template whose page was zeroed behind its head.
    if (root.children == 0 && source_ == ElementSource::definition) fail("its template is empty");
    if (!problem_ && in_.left() > 0 && in_.u8() != kEndOfFragment) problem_ = "unknown token in binary XML";
    finish();
    return problem_;
  }

 private:
  /// An element while it is open. `place` and `path` are those of its children.
  struct Element {
    Place place = Place::data;
    std::string path;
    std::string name;
    std::int32_t counter = -1;  ///< assigned when a child needs it
    int children = 0;
    /// The pieces of `Name`, when this is a `<Data Name="…">`.
    bool named = false;
    std::size_t first_name_piece = 0;
    std::size_t name_pieces = 0;
  };
  /// A value while its pieces come in.
  struct Value {
    std::size_t first_piece;
    bool optional = false;
  };

  /// Tokens that may stand between elements and mean nothing for the values.
  bool misc(std::uint8_t token) {
    if (token == kFragmentHeader) {
      in_.skip(4);
    } else if (token == kInstructionTarget) {
      in_.skip(1);
      read_name();
    } else if (token == kInstructionData) {
      in_.skip(1);
      in_.skip(2 * std::size_t{in_.u16()});
    } else {
      return false;
    }
    return true;
  }

  void element(Element& parent, int depth) {
    if (depth >= kMaxDepth) return fail("elements are nested too deeply");
    const bool has_attributes = (in_.u8() & kMoreFlag) != 0;
    if (has_dependency_id()) in_.skip(2);
    in_.skip(4);
    Element self;
    self.name = read_name();
    if (has_attributes) in_.skip(4);
    place(self, parent);
    ++parent.children;
    attributes(self, parent);
    if (problem_ || in_.failed()) return;
    const std::uint8_t token = token_of(in_.u8());
    if (token == kCloseStart) {
      content(self, parent, depth);
    } else if (token == kCloseEmpty) {
      leaf(self, parent, begin_value(), true);
    } else {
      fail("an element's start does not end");
    }
  }

  void place(Element& self, const Element& parent) {
    switch (parent.place) {
      case Place::document:
        self.place = self.name == "Event" ? Place::event : Place::data;
        break;
      case Place::event:
        self.place = child_of_event(self.name);
        break;
      case Place::system:
      case Place::rendering:
        self.place = parent.place;
        break;
      case Place::data:
        self.path = parent.path.empty() ? self.name : parent.path + "/" + self.name;
        break;
    }
    if (self.path.size() > kMaxPath) fail("an element's path is too long");
  }

  /// What a forwarded event looked like is part of its data, unless Windows appended it in a fragment of its own.
  Place child_of_event(std::string_view name) const {
    if (name == "System") return Place::system;
    return name == "RenderingInfo" && in_value_ ? Place::rendering : Place::data;
  }

  /// Forwarded records and some values leave the dependency id out, and the token does not tell: the name that must
  /// follow does.
  bool has_dependency_id() const {
    const bool usual = source_ == ElementSource::definition;
    if (name_follows(usual) || !name_follows(!usual)) return usual;
    return !usual;
  }
  bool name_follows(bool dependency_id) const {
    const std::size_t at = in_.position() + (dependency_id ? 2 : 0) + 4;
    if (at + 4 > chunk_.size()) return false;
    const std::string_view name = stored_name(chunk_, load_u32(chunk_.data() + at));
    return !name.empty() && load_u16(reinterpret_cast<const Byte*>(name.data())) == name_hash(name.substr(4));
  }

  void attributes(Element& self, Element& parent) {
    while (!problem_ && !in_.failed() && token_of(in_.peek()) == kAttribute) {
      in_.skip(1);
      const std::string name = read_name();
      Value value = begin_value();
      while (piece(value)) {
      }
      attribute(self, parent, name, value);
    }
  }

  void attribute(Element& self, const Element& parent, const std::string& name, const Value& value) {
    if (parent.place == Place::system) {
      if (const auto field = system_attribute(self.name, name)) set_field(*field, value);
      return;
    }
    if (parent.place != Place::data || name == "xmlns" || name.starts_with("xmlns:")) return;
    if (self.name == "Data" && name == "Name") {
      self.named = true;
      self.first_name_piece = value.first_piece;
      self.name_pieces = out_.pieces.size() - value.first_piece;
      return;
    }
    Leaf leaf;
    leaf.attribute = true;
    set_name(leaf, self.path + "@" + name);
    add(leaf, value);
  }

  void content(Element& self, Element& parent, int depth) {
    Value value = begin_value();
    while (!problem_) {
      if (piece(value)) continue;
      if (in_.failed()) return;
      const std::uint8_t token = token_of(in_.peek());
      if (token == kOpenElement) {
        leaf(self, parent, value, false);
        element(self, depth + 1);
        value = begin_value();
      } else if (token == kEndElement) {
        in_.skip(1);
        leaf(self, parent, value, self.children == 0);
        return;
      } else if (!misc(token)) {
        return fail("unknown token in an element");
      }
    }
  }

  /// Ends a run of text in an element. An element with children is no leaf; text in it counts only if it says
  /// something, or if a fragment may stand there.
  void leaf(Element& self, Element& parent, const Value& value, bool is_leaf) {
    if (problem_ || (!is_leaf && is_blank(value))) return;
    if (parent.place == Place::system || parent.place == Place::rendering) {
      if (const auto field = system_element(parent.place, self.name)) set_field(*field, value);
      return;
    }
    if (self.name == "Message" && parent.name == "RenderingInfo") set_field(SystemField::message, value);
    const bool is_data = self.name == "Data" && parent.place == Place::data;
    if (value.first_piece == out_.pieces.size() && !is_data) return;
    Leaf leaf;
    leaf.optional = value.optional;
    leaf.binary = self.name == "Binary";
    leaf.unnamed = is_data && !self.named;
    if (is_data) leaf.counter = counter_of(parent);
    leaf.inner_counter = counter_of(self);
    const std::optional<std::uint16_t> inner_place = places_.intern(self.place, self.path);
    if (!inner_place) return fail("too many different elements");
    leaf.inner_place = *inner_place;
    if (self.named) {
      name_from_pieces(leaf, self);
    } else {
      set_name(leaf, self.path.empty() ? self.name : self.path);
    }
    add(leaf, value);
  }

  void name_from_pieces(Leaf& leaf, const Element& data) {
    std::string name;
    for (std::size_t i = 0; i < data.name_pieces; ++i) {
      const Piece& piece = out_.pieces[data.first_name_piece + i];
      if (piece.slot == Piece::kText) {
        name += out_.text(piece.text, piece.size);
      } else {
        leaf.name_slot = piece.slot;
      }
    }
    set_name(leaf, name);
  }

  void set_name(Leaf& leaf, std::string_view name) {
    leaf.name = static_cast<std::uint32_t>(out_.pool.size());
    leaf.name_size = static_cast<std::uint32_t>(name.size());
    out_.pool += name;
  }

  void add(Leaf& leaf, const Value& value) {
    leaf.first_piece = static_cast<std::uint32_t>(value.first_piece);
    leaf.pieces = static_cast<std::uint16_t>(out_.pieces.size() - value.first_piece);
    if (out_.pool.size() > kMaxText) return fail("too much text in a template");
    if (out_.leaves.size() >= kMaxLeaves || out_.pieces.size() >= 0xffff) return fail("too many values in a template");
    out_.leaves.push_back(leaf);
  }

  std::uint16_t counter_of(Element& element) {
    if (element.name.empty()) return 0;
    if (element.counter < 0) element.counter = out_.counters++;
    return static_cast<std::uint16_t>(element.counter);
  }

  Value begin_value() const { return Value{out_.pieces.size()}; }

  /// Takes the next piece of a value; false when something else follows.
  bool piece(Value& value) {
    if (problem_ || in_.failed()) return false;
    switch (token_of(in_.peek())) {
      case kValue:
        in_.skip(1);
        literal();
        return true;
      case kCData:
        in_.skip(1);
        append_literal(ValueType::utf16, in_.bytes(2 * std::size_t{in_.u16()}));
        return true;
      case kCharReference:
        in_.skip(1);
        character(in_.u16());
        return true;
      case kEntityReference:
        in_.skip(1);
        entity(read_name());
        return true;
      case kSubstitution:
      case kOptionalSubstitution:
        substitution(value);
        return true;
      default:
        return false;
    }
  }

  void substitution(Value& value) {
    value.optional = in_.u8() == kOptionalSubstitution;
    const std::int32_t slot = in_.u16();
    in_.skip(1);
    out_.pieces.push_back(Piece{slot, 0, 0});
  }

  /// A value written out: text in practice, the other types as MS-EVEN6 would allow them.
  void literal() {
    const auto type = static_cast<ValueType>(in_.u8());
    if (type == ValueType::null) return;
    if (type == ValueType::utf16) return append_literal(type, in_.bytes(2 * std::size_t{in_.u16()}));
    if (type == ValueType::ansi || type == ValueType::binary) return append_literal(type, in_.bytes(in_.u16()));
    const std::size_t size = fixed_size(type);
    if (size == 0) return fail("a literal value has an unknown type");
    append_literal(type, in_.bytes(size));
  }

  void append_literal(ValueType type, Bytes bytes) {
    if (type == ValueType::utf16) return append_text(utf16_to_utf8(view_of(bytes.data(), bytes.size())));
    TextBlock text;
    append_value(text, RawValue{static_cast<std::uint8_t>(type), bytes});
    append_text(text.since(0));
  }

  void character(std::uint16_t unit) {
    append_text(utf16_to_utf8(view_of(reinterpret_cast<const Byte*>(&unit), sizeof unit)));
  }

  void entity(const std::string& name) {
    static constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
        {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}};
    for (const auto& [key, text] : kEntities) {
      if (name == key) return append_text(text);
    }
    append_text("&" + name + ";");
  }

  void append_text(std::string_view text) {
    const auto at = static_cast<std::uint32_t>(out_.pool.size());
    out_.pool += text;
    out_.pieces.push_back(Piece{Piece::kText, at, static_cast<std::uint32_t>(text.size())});
  }

  bool is_blank(const Value& value) const {
    return std::all_of(
        out_.pieces.begin() + static_cast<std::ptrdiff_t>(value.first_piece), out_.pieces.end(),
        [&](const Piece& p) { return p.slot == Piece::kText && trim(out_.text(p.text, p.size)).empty(); });
  }

  static const SystemField* find(std::string_view name, const std::pair<std::string_view, SystemField>* begin,
                                 const std::pair<std::string_view, SystemField>* end) {
    const auto* at = std::find_if(begin, end, [&](const auto& entry) { return entry.first == name; });
    return at == end ? nullptr : &at->second;
  }
  static const SystemField* system_element(Place place, std::string_view name) {
    static constexpr SystemField kMessage = SystemField::message;
    if (place == Place::rendering) return name == "Message" ? &kMessage : nullptr;
    static constexpr std::pair<std::string_view, SystemField> kElements[] = {{"EventID", SystemField::event_id},
                                                                             {"Level", SystemField::level},
                                                                             {"EventRecordID", SystemField::record_id},
                                                                             {"Channel", SystemField::channel},
                                                                             {"Computer", SystemField::computer}};
    return find(name, std::begin(kElements), std::end(kElements));
  }
  static const SystemField* system_attribute(const std::string& element, const std::string& attribute) {
    static constexpr std::pair<std::string_view, SystemField> kAttributes[] = {
        {"Provider@Name", SystemField::provider},
        {"Provider@EventSourceName", SystemField::event_source},
        {"EventID@Qualifiers", SystemField::qualifiers},
        {"TimeCreated@SystemTime", SystemField::time_created}};
    return find(element + "@" + attribute, std::begin(kAttributes), std::end(kAttributes));
  }

  /// A header field is one substitution or fixed text; of a mixture, which Windows does not write, the substitution
  /// counts.
  void set_field(SystemField which, const Value& value) {
    FieldSource& field = out_.system[static_cast<std::size_t>(which)];
    std::string text;
    for (std::size_t i = value.first_piece; i < out_.pieces.size(); ++i) {
      const Piece& piece = out_.pieces[i];
      if (piece.slot != Piece::kText) {
        field = FieldSource{FieldSource::Kind::slot, static_cast<std::uint16_t>(piece.slot)};
        return;
      }
      text += out_.text(piece.text, piece.size);
    }
    if (text.empty()) return;
    field = FieldSource{FieldSource::Kind::text, 0, static_cast<std::uint32_t>(out_.pool.size()),
                        static_cast<std::uint32_t>(text.size())};
    out_.pool += text;
  }

  /// Reads a reference to a name and, where the name is used for the first time in the chunk, skips the name itself.
  std::string read_name() {
    const std::size_t at = in_.position();
    const std::size_t offset = in_.u32();
    if (in_.failed()) return {};
    const std::string_view stored = stored_name(chunk_, offset);
    if (stored.empty()) {
      fail("a name is missing from its chunk");
      return {};
    }
    const bool inlined = offset == in_.position();
    if (inlined) in_.skip(kNameHeader + stored.size() + 2);
    if (names_) names_->push_back({static_cast<std::uint32_t>(at - start_), inlined, std::string(stored)});
    std::string name = utf16_to_utf8(stored.substr(4));
    if (name.find('\0') != std::string::npos) fail("a name is damaged");
    return name;
  }

  void finish() {
    const FieldSource* provider = &out_.field(SystemField::provider);
    if (provider->kind == FieldSource::Kind::none) provider = &out_.field(SystemField::event_source);
    if (provider->kind == FieldSource::Kind::text) {
      out_.provider_utf16 = utf8_to_utf16(out_.text(provider->text, provider->size));
    }
    for (const FieldSource& field : out_.system) {
      out_.has_fields = out_.has_fields || field.kind != FieldSource::Kind::none;
    }
  }

  void fail(const char* problem) {
    if (!problem_) problem_ = problem;
  }

  Bytes chunk_;
  ByteCursor& in_;
  ElementSource source_;
  PlaceTable& places_;
  BinXmlTemplate& out_;
  std::vector<NameReference>* names_;
  std::size_t start_;
  bool in_value_ = false;  ///< a fragment that stands in another one
  const char* problem_ = nullptr;
};

}  // namespace

std::optional<std::size_t> BinXmlTemplate::slot_named(std::string_view name) const {
  const auto found = std::find_if(leaves.begin(), leaves.end(), [&](const Leaf& leaf) {
    return !leaf.unnamed && leaf.name_slot == Piece::kText && text(leaf.name, leaf.name_size) == name;
  });
  return found == leaves.end() ? std::nullopt : lone_slot(*found);
}

void BinXmlTemplate::clear() {
  serial = 0;
  system.fill(FieldSource{});
  leaves.clear();
  pieces.clear();
  pool.clear();
  provider_utf16.clear();
  counters = 1;
  has_fields = false;
}

const char* compile_binxml(Bytes chunk, ByteCursor& cursor, ElementSource source, std::uint16_t place,
                           PlaceTable& places, BinXmlTemplate& out, std::vector<NameReference>* names) {
  out.clear();
  return Compiler(chunk, cursor, source, places, out, names).run(place);
}

std::string_view stored_name(Bytes chunk, std::size_t offset) {
  if (offset == 0 || chunk.size() < kNameHeader + 4 || offset > chunk.size() - kNameHeader - 4) return {};
  const Byte* name = chunk.data() + offset + kNameHeader;
  const std::size_t size = 4 + 2 * std::size_t{load_u16(name + 2)};
  const std::size_t end = offset + kNameHeader + size;
  if (size == 4 || end + 2 > chunk.size()) return {};
  return view_of(name, size);
}

}  // namespace vmtriage
