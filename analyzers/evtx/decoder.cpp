#include "analyzers/evtx/decoder.h"

#include <algorithm>
#include <functional>
#include <span>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

constexpr std::uint8_t kTemplateInstance = 0x0c;
constexpr std::uint8_t kFragmentHeader = 0x0f;
constexpr std::size_t kFragmentHeaderSize = 4;
constexpr std::uint8_t kOpenElement = 0x01;
constexpr std::uint8_t kInstructionTarget = 0x0a;
constexpr std::uint8_t kMoreFlag = 0x40;
constexpr std::size_t kDescriptor = 4;    ///< of a substitution: its size and its type
constexpr std::uint16_t kWholeEvent = 0;  ///< PlaceTable's first entry
constexpr int kMaxDepth = 32;
/// An honest chunk has at most 16 Ki substitutions and gives less than 1 MiB of text. The same bytes referred to over
/// and over again give any number; beyond this a record counts as damaged.
constexpr std::size_t kWorkPerChunk = 1 << 18;
constexpr std::size_t kOutputPerChunk = 4 << 20;
constexpr std::size_t kMaxValues = 1 << 16;
constexpr std::size_t kSlotsPerWork = 4;

/// `#1` … `#256`, the names of unnamed Data.
const std::array<std::string, 256>& position_names() {
  static const auto names = [] {
    std::array<std::string, 256> all;
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = "#" + std::to_string(i + 1);
    return all;
  }();
  return names;
}

std::uint8_t token_of(std::uint8_t byte) { return byte < 0x80 ? static_cast<std::uint8_t>(byte & ~kMoreFlag) : byte; }

/// Whether the value is a fragment. The xml type is text in principle; a fragment in it can be told from `<`.
bool is_fragment(const RawValue& value) {
  if (value.is(ValueType::bin_xml)) return true;
  if (!value.is(ValueType::xml) || value.bytes.size() < 4) return false;
  const std::uint8_t token = token_of(value.bytes[0]);
  return value.bytes[0] == kFragmentHeader || value.bytes[0] == kTemplateInstance || token == kOpenElement;
}

}  // namespace

ProviderName::ProviderName(std::string_view utf8) : lower_utf16_(utf8_to_utf16(to_lower(utf8))) {}

bool ProviderName::is_of(const EventHead& head) const {
  std::string_view name = head.provider_utf16();
  if (name.size() < lower_utf16_.size()) return false;
  const auto same = [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a + ('a' - 'A') == b); };
  if (!std::equal(lower_utf16_.begin(), lower_utf16_.end(), name.begin(), [&](char b, char a) { return same(a, b); }))
    return false;
  name.remove_prefix(lower_utf16_.size());
  // Windows pads a few names with NULs.
  return name.find_first_not_of('\0') == std::string_view::npos;
}

void EventDecoder::start_chunk(Bytes chunk) {
  chunk_ = chunk;
  templates_.start_chunk(chunk);
  work_left_ = kWorkPerChunk;
  output_left_ = kOutputPerChunk;
}

bool EventDecoder::fail(const char* problem) {
  problem_ = problem;
  return false;
}

bool EventDecoder::spend(std::size_t work, std::size_t output) {
  if (work > work_left_ || output > output_left_) return fail("it unfolds to far more than its chunk can hold");
  work_left_ -= work;
  output_left_ -= output;
  return true;
}

// What is asked of every record is made part of begin_record.

/// Reads the instance whose token stands at `at`; nothing of it may stand behind `end`.
inline bool EventDecoder::read_instance(std::size_t at, std::size_t end, std::uint16_t place, Instance& instance) {
  // Token, version and a number; then the place of the definition, which follows here where it is used first.
  constexpr std::size_t kDefinitionAt = 6, kHeader = 10, kCountSize = 4;
  const Byte* const bytes = chunk_.data();
  if (end - at < kHeader + kCountSize) return fail("its substitutions are cut off");
  const std::uint32_t definition = load_u32(bytes + at + kDefinitionAt);
  at += kHeader;
  if (definition == at) {
    const std::size_t size = TemplateCache::definition_size(chunk_.first(end), at);
    if (size == 0) return fail("its template is missing");
    if (end - at - size < kCountSize) return fail("its substitutions are cut off");
    at += size;
  }
  const std::size_t count = load_u32(bytes + at);
  at += kCountSize;
  if (count > (end - at) / kDescriptor) return fail("its substitutions are cut off");
  const std::size_t values = at + kDescriptor * count;
  instance = Instance{templates_.find(definition, place), at, values, count, values};
  return instance.compiled || fail(templates_.problem());
}

/// The record's first fragment: an instance of a template, or elements.
inline bool EventDecoder::read_root(std::size_t at) {
  const std::size_t end = std::min(record_end_, chunk_.size());
  while (at < end && chunk_[at] == kFragmentHeader) at += kFragmentHeaderSize;
  const std::uint8_t token = at < end ? chunk_[at] : std::uint8_t{0};
  if (token == kTemplateInstance) return read_instance(at, end, kWholeEvent, root_);
  if (token_of(token) != kOpenElement && token_of(token) != kInstructionTarget)
    return fail("it does not start with binary XML");
  ByteCursor in(chunk_, at, end);
  root_ = Instance{templates_.compile(in, kWholeEvent)};
  return root_.compiled || fail(templates_.problem());
}

/// A substitution that was not read yet.
inline std::optional<RawValue> EventDecoder::find_slot(const Instance& instance, std::size_t slot) const {
  if (slot >= instance.count) return std::nullopt;
  const Byte* descriptor = chunk_.data() + instance.descriptors;
  std::size_t at = instance.values;
  for (std::size_t i = 0; i < slot; ++i, descriptor += kDescriptor) at += load_u16(descriptor);
  const std::size_t size = load_u16(descriptor);
  if (at + size > record_end_) return std::nullopt;
  return RawValue{descriptor[2], chunk_.subspan(at, size)};
}

inline bool EventDecoder::read_event_id() {
  const auto id = field(SystemField::event_id);
  if (!id) return fail("its values are cut off");
  head_.event_id = static_cast<std::uint32_t>(to_number(*id).value_or(0));
  return head_.event_id != 0 || !is_blank() || fail("its values are zeros");
}

bool EventDecoder::begin_record(std::size_t begin, std::size_t end, std::uint64_t written) {
  record_end_ = end;
  written_ = written;
  slots_used_ = 0;
  data_known_ = false;
  nested_known_ = false;
  root_read_ = false;
  templates_.release_scratch();
  if (!read_root(begin)) return false;
  fixed_provider_ = root_.compiled->provider_utf16;
  head_known_ = root_.compiled->field(SystemField::event_id).kind != FieldSource::Kind::none;
  return read_event_id();
}

/// A large record can lose a whole page between its head and the size at its end.
bool EventDecoder::is_blank() const { return head_record_id() == 0 && head_time() == from_file_time(0); }

bool EventDecoder::finish_record() {
  slots_used_ = 0;
  event_.data.clear();
  event_.binary = {};
  text_.clear();
  counters_.assign(1, 0);
  if (!run_instance(root_, 0, 0)) return false;
  if (!head_known_ && !read_event_id()) return false;
  return !text_.overflowed() || fail("its text is too long");
}

bool EventDecoder::read_slots(Instance& instance) {
  if (slots_.size() < slots_used_ + instance.count) slots_.resize(slots_used_ + instance.count);
  Slot* slot = slots_.data() + slots_used_;
  slots_used_ += instance.count;
  const Byte* descriptor = chunk_.data() + instance.descriptors;
  std::size_t at = instance.values;
  for (std::size_t i = 0; i < instance.count; ++i, ++slot, descriptor += kDescriptor) {
    *slot = Slot{static_cast<std::uint32_t>(at), load_u16(descriptor), descriptor[2]};
    at += slot->size;
  }
  instance.end = at;
  return at <= record_end_ || fail("its values are cut off");
}

std::string_view EventDecoder::head_provider() const {
  const bool fixed = root_.compiled->field(SystemField::provider).kind == FieldSource::Kind::text;
  if (fixed && !fixed_provider_.empty()) return fixed_provider_;
  RawValue provider = field(SystemField::provider).value_or(RawValue());
  if (provider.bytes.empty()) provider = field(SystemField::event_source).value_or(RawValue());
  return provider.type == kFixedText ? fixed_provider_ : view_of(provider.bytes.data(), provider.bytes.size());
}

std::uint64_t EventDecoder::head_provider_template() const {
  const auto is_told = [&](SystemField which) { return root_.compiled->field(which).kind != FieldSource::Kind::slot; };
  const bool told = head_known_ && is_told(SystemField::provider) && is_told(SystemField::event_source);
  return told ? root_.compiled->serial : 0;
}

std::uint8_t EventDecoder::head_level() const {
  const RawValue level = field(SystemField::level).value_or(RawValue());
  return static_cast<std::uint8_t>(to_number(level).value_or(Event::kNoLevel));
}

Time EventDecoder::head_time() const {
  const auto value = field(SystemField::time_created);
  return (value ? to_time(*value) : std::nullopt).value_or(from_file_time(written_));
}

std::uint64_t EventDecoder::head_record_id() const {
  const auto value = field(SystemField::record_id);
  return (value ? to_number(*value) : std::nullopt).value_or(0);
}

/// The event's data where it is one template in a place of its own, as in nearly all events; else null.
const EventDecoder::Instance* EventDecoder::data() {
  if (data_known_) return data_ ? &*data_ : nullptr;
  data_known_ = true;
  data_.reset();
  if (!head_known_ || root_.compiled->leaves.size() != 1) return nullptr;
  const Leaf& outer = root_.compiled->leaves.front();
  const auto slot = root_.compiled->lone_slot(outer);
  const auto value = slot ? root_value(*slot) : std::nullopt;
  if (!value || !value->is(ValueType::bin_xml)) return nullptr;
  const auto begin = static_cast<std::size_t>(value->bytes.data() - chunk_.data());
  const std::size_t end = begin + value->bytes.size();
  std::size_t at = begin;
  if (at < end && chunk_[at] == kFragmentHeader) at += kFragmentHeaderSize;
  Instance inner;
  if (at >= end || chunk_[at] != kTemplateInstance || !read_instance(at, end, outer.inner_place, inner)) return nullptr;
  inner.end = end;
  return &data_.emplace(inner);
}

std::optional<RawValue> EventDecoder::peek(ValueName& name) {
  const Instance* inner = data();
  if (inner == nullptr) return std::nullopt;
  const BinXmlTemplate& compiled = *inner->compiled;
  if (compiled.serial == 0 || compiled.serial != name.last_template_) {
    name.last_template_ = compiled.serial;
    name.slot_ = compiled.slot_named(name.name_);
  }
  return name.slot_ ? find_slot(*inner, *name.slot_) : std::nullopt;
}

std::size_t EventDecoder::end_of_values(const Instance& instance) const {
  const Byte* descriptor = chunk_.data() + instance.descriptors;
  std::size_t at = instance.values;
  for (std::size_t i = 0; i < instance.count; ++i, descriptor += kDescriptor) at += load_u16(descriptor);
  return at;
}

/// Whether the values are whole and nothing stands behind them, and none is a fragment: a fragment refers to templates
/// by their place in the chunk, so that the same bytes can mean different things.
bool EventDecoder::is_plain(const Instance& instance) const {
  const Byte* descriptor = chunk_.data() + instance.descriptors;
  for (std::size_t i = 0; i < instance.count; ++i, descriptor += kDescriptor) {
    const RawValue value{static_cast<std::uint8_t>(descriptor[2] & ~kArrayFlag), {}};
    if (value.is(ValueType::bin_xml) || value.is(ValueType::xml)) return false;
  }
  const std::size_t end = end_of_values(instance);
  if (end > instance.end) return false;
  const Bytes behind = chunk_.subspan(end, instance.end - end);
  return std::all_of(behind.begin(), behind.end(), [](Byte byte) { return byte == 0; });
}

std::optional<EventContent> EventDecoder::content() {
  const Instance* inner = data();
  if (inner == nullptr || root_.compiled->serial == 0 || inner->compiled->serial == 0) return std::nullopt;
  if (root_.compiled->field(SystemField::message).kind != FieldSource::Kind::none) return std::nullopt;
  if (end_of_values(root_) > record_end_ || !is_plain(*inner)) return std::nullopt;
  EventContent content{root_.compiled->serial, inner->compiled->serial, head_.event_id, head_level(), {}, {}};
  std::size_t names = 0;
  for (const SystemField which : {SystemField::channel, SystemField::provider, SystemField::event_source}) {
    const bool told = root_.compiled->field(which).kind != FieldSource::Kind::slot;
    const RawValue name = told ? RawValue() : field(which).value_or(RawValue());
    // The same bytes are another text as another type.
    if (!name.is_null() && !name.is(ValueType::utf16)) return std::nullopt;
    content.names[names++] = name.is_null() ? std::string_view() : view_of(name.bytes.data(), name.bytes.size());
  }
  content.data = view_of(chunk_.data() + inner->descriptors, end_of_values(*inner) - inner->descriptors);
  return content;
}

RawValue EventDecoder::value_of(std::size_t first_slot, std::int32_t slot) const {
  const std::size_t index = first_slot + static_cast<std::size_t>(slot);
  return index < slots_used_ ? value_at(slots_[index]) : RawValue();
}

/// Keeps the header fields of a fragment, for those that the root has not.
void EventDecoder::note_fields(const BinXmlTemplate& compiled, std::size_t first_slot) {
  if (!nested_known_) nested_fields_.fill(RawValue{});
  nested_known_ = true;
  if (!compiled.provider_utf16.empty() && !head_known_) fixed_provider_ = compiled.provider_utf16;
  for (std::size_t i = 0; i < kSystemFields; ++i) {
    const FieldSource& source = compiled.system[i];
    if (source.kind == FieldSource::Kind::slot) nested_fields_[i] = value_of(first_slot, source.slot);
    if (source.kind == FieldSource::Kind::text) nested_fields_[i] = fixed_text(compiled, source);
  }
}

void EventDecoder::fill_strings() {
  const auto value = [&](SystemField which) { return field(which).value_or(RawValue()); };
  const auto text = [&](bool wanted, SystemField which) { return wanted ? text_of(value(which)) : std::string_view(); };
  event_.event_id = head_.event_id;
  event_.level = head_level();
  event_.time_created = head_time();
  const auto record_id = to_number(value(SystemField::record_id));
  event_.record_id = record_id.value_or(0);
  event_.has_record_id = record_id.has_value();
  event_.qualifiers = static_cast<std::uint16_t>(to_number(value(SystemField::qualifiers)).value_or(0));
  event_.provider = text(fields_.provider, SystemField::provider);
  if (event_.provider.empty()) event_.provider = text(fields_.provider, SystemField::event_source);
  event_.channel = text(fields_.channel, SystemField::channel);
  event_.computer = text(fields_.computer, SystemField::computer);
  event_.message = text(fields_.message, SystemField::message);
}

/// A record may give its values any type, also the one that stands for text of this program's own.
bool EventDecoder::is_of_record(const RawValue& value) const {
  const std::less<const Byte*> before;
  return !before(value.bytes.data(), chunk_.data()) && before(value.bytes.data(), chunk_.data() + chunk_.size());
}

std::string_view EventDecoder::text_of(const RawValue& value) {
  if (value.type == kFixedText && !is_of_record(value)) return view_of(value.bytes.data(), value.bytes.size());
  const std::size_t mark = text_.used();
  if (!value.is_array()) {
    append_value(text_, value);
    return text_.since(mark);
  }
  ArrayItems items(value);
  for (auto item = items.next(); item; item = items.next()) {
    if (text_.used() != mark) text_.append(",");
    append_value(text_, *item);
  }
  return text_.since(mark);
}

bool EventDecoder::run_fragment(ByteCursor& in, std::uint16_t place, std::size_t counter, int depth) {
  if (depth > kMaxDepth) return fail("its fragments are nested too deeply");
  while (in.left() > 0 && !in.failed()) {
    const std::uint8_t byte = in.peek();
    const std::uint8_t token = token_of(byte);
    Instance instance;
    if (byte == 0) {
      in.skip(1);
      if (in.peek() != kFragmentHeader && in.peek() != kTemplateInstance) return true;
      continue;
    }
    if (byte == kFragmentHeader) {
      in.skip(kFragmentHeaderSize);
      continue;
    }
    if (byte == kTemplateInstance) {
      if (!read_instance(in.position(), in.position() + in.left(), place, instance)) return false;
      in.skip(instance.values - in.position());
    } else if (token == kOpenElement || token == kInstructionTarget) {
      instance = Instance{templates_.compile(in, place)};
      if (!instance.compiled) return fail(templates_.problem());
    } else {
      return fail("unknown token in a value");
    }
    if (!run_instance(instance, counter, depth)) return false;
    if (instance.count > 0) in.skip(instance.end - instance.values);
  }
  return !in.failed() || fail("a value is cut off");
}

bool EventDecoder::run_instance(Instance& instance, std::size_t counter, int depth) {
  const BinXmlTemplate& compiled = *instance.compiled;
  const Frame frame{compiled, slots_used_, counters_.size(), counter, depth};
  if (!spend(1 + instance.count / kSlotsPerWork, 0) || !read_slots(instance)) return false;
  if (depth == 0) root_read_ = true;
  if (depth > 0 && compiled.has_fields) note_fields(compiled, frame.first_slot);
  if (!fields_.data && head_known_) return true;
  counters_.resize(counters_.size() + compiled.counters, 0);
  for (const Leaf& leaf : compiled.leaves) {
    if (!run_leaf(frame, leaf)) return false;
  }
  slots_used_ = frame.first_slot;
  counters_.resize(frame.first_counter);
  return true;
}

bool EventDecoder::run_leaf(const Frame& frame, const Leaf& leaf) {
  if (leaf.pieces == 0) return add(frame, leaf, {});
  const Piece& piece = frame.compiled.pieces[leaf.first_piece];
  if (leaf.pieces > 1) return run_pieces(frame, leaf);
  if (piece.slot == Piece::kText) return add(frame, leaf, frame.compiled.text(piece.text, piece.size));
  return run_slot(frame, leaf, piece.slot);
}

bool EventDecoder::run_slot(const Frame& frame, const Leaf& leaf, std::int32_t slot) {
  const RawValue value = value_of(frame.first_slot, slot);
  if (value.is_null() && (leaf.optional || leaf.attribute)) {
    if (leaf.unnamed) ++counters_[counter_of(frame, leaf.counter)];
    return spend(1, 0);
  }
  if (!leaf.attribute) {
    if (is_fragment(value)) return run_nested(frame, leaf, value);
    if (value.is_array()) return add_items(frame, leaf, value);
    if (leaf.binary && value.is(ValueType::binary)) event_.binary = view_of(value.bytes.data(), value.bytes.size());
  }
  return add(frame, leaf, text_of(value));
}

/// A value of several pieces is their text in a row; fragments among them give values of their own behind it.
bool EventDecoder::run_pieces(const Frame& frame, const Leaf& leaf) {
  const std::span<const Piece> pieces(frame.compiled.pieces.data() + leaf.first_piece, leaf.pieces);
  const auto value = [&](const Piece& piece) { return value_of(frame.first_slot, piece.slot); };
  const std::size_t mark = text_.used();
  bool fragments = false;
  for (const Piece& piece : pieces) {
    if (piece.slot == Piece::kText) {
      text_.append(frame.compiled.text(piece.text, piece.size));
    } else if (is_fragment(value(piece))) {
      fragments = true;
    } else {
      text_of(value(piece));
    }
  }
  const std::string_view text = text_.since(mark);
  if (!(fragments && text.empty()) && !add(frame, leaf, text)) return false;
  for (const Piece& piece : pieces) {
    const bool is_slot = fragments && piece.slot != Piece::kText;
    if (is_slot && is_fragment(value(piece)) && !run_nested(frame, leaf, value(piece))) return false;
  }
  return true;
}

bool EventDecoder::run_nested(const Frame& frame, const Leaf& leaf, const RawValue& value) {
  if (!spend(1, 0)) return false;
  const auto begin = static_cast<std::size_t>(value.bytes.data() - chunk_.data());
  ByteCursor in(chunk_, begin, begin + value.bytes.size());
  return run_fragment(in, leaf.inner_place, counter_of(frame, leaf.inner_counter), frame.depth + 1);
}

/// Windows writes an array as one element per item.
bool EventDecoder::add_items(const Frame& frame, const Leaf& leaf, const RawValue& array) {
  ArrayItems items(array);
  bool any = false;
  for (auto item = items.next(); item; item = items.next()) {
    if (!add(frame, leaf, text_of(*item))) return false;
    any = true;
  }
  return any || add(frame, leaf, {});
}

bool EventDecoder::add(const Frame& frame, const Leaf& leaf, std::string_view text) {
  const std::string_view name = name_of(frame, leaf);
  if (!spend(1, name.size() + text.size())) return false;
  if (event_.data.size() >= kMaxValues) return fail("it has too many values");
  event_.data.emplace_back(name, text);
  return true;
}

std::string_view EventDecoder::name_of(const Frame& frame, const Leaf& leaf) {
  if (leaf.unnamed) {
    const std::size_t k = ++counters_[counter_of(frame, leaf.counter)];
    if (k <= position_names().size()) return position_names()[k - 1];
    const std::size_t mark = text_.used();
    text_.append("#" + std::to_string(k));
    return text_.since(mark);
  }
  if (leaf.name_slot != Piece::kText) return text_of(value_of(frame.first_slot, leaf.name_slot));
  return frame.compiled.text(leaf.name, leaf.name_size);
}

}  // namespace vmtriage
