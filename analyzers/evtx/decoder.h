#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/event.h"
#include "analyzers/evtx/template_cache.h"
#include "analyzers/evtx/value.h"

namespace vmtriage {

class EventDecoder;

/// The name of a value that is looked up in event after event of one decoder, and of no other: it remembers where the
/// value stood last.
class ValueName {
 public:
  explicit ValueName(std::string_view name) : name_(name) {}

 private:
  friend EventDecoder;

  std::string name_;
  std::uint64_t last_template_ = 0;  ///< serial of the one it was looked up in last, and what substitution it is there
  std::optional<std::size_t> slot_;
};

/// What an event has in common with all that differ from it in their time, record id, computer and process only: its
/// provider, channel, id, level and data as they stand in the log. Comparable within one decoder; views end with the
/// event.
struct EventContent {
  std::uint64_t root_template = 0;  ///< its serial
  std::uint64_t data_template = 0;
  std::uint32_t event_id = 0;
  std::uint8_t level = 0;
  /// Channel, provider and event source where the root's template does not tell them.
  std::array<std::string_view, 3> names;
  std::string_view data;  ///< size, type and bytes of every value

  bool operator==(const EventContent&) const = default;
};

/// What can be known of an event before any of its strings is made. Most events are told by their number alone to be of
/// no interest; the rest is looked up when it is asked for.
struct EventHead {
  std::uint32_t event_id = 0;
  EventDecoder& decoder;

  std::string_view provider_utf16() const;  ///< UTF-16LE bytes; see ProviderName
  /// The serial of the event's template where that tells the provider: all its events are of the same one. 0 where the
  /// event tells it.
  std::uint64_t provider_template() const;
  std::uint8_t level() const;  ///< as in Event
  Time time_created() const;
  /// The event's value of that name as it stands in the log; nothing where only decoding tells.
  std::optional<RawValue> value(ValueName& name) const;
  /// Nothing where only decoding tells.
  std::optional<EventContent> content() const;
  /// The event's number in its log, 0 where only decoding tells.
  std::uint64_t record_id() const;
};

/// A provider to look for, compared with the bytes in the log; ASCII case does not matter (`volsnap`, `Volsnap`).
class ProviderName {
 public:
  explicit ProviderName(std::string_view utf8);
  bool is_of(const EventHead& head) const;

 private:
  std::string lower_utf16_;
};

/// The strings a consumer asks for; what it does not ask for is not made.
struct EventFields {
  bool provider = true;
  bool channel = true;
  bool computer = true;
  bool data = true;
  bool message = true;
};

/// Makes events out of the records of a chunk. One per thread; its memory is bounded and reused.
class EventDecoder {
 public:
  enum class Outcome { event, rejected, damaged };

  explicit EventDecoder(EventFields fields = {}) : fields_(fields) {}
  EventDecoder(const EventDecoder&) = delete;  // event heads point at it

  /// Call before the first record of a chunk; the bytes must stay until the next call.
  void start_chunk(Bytes chunk);

  /// Decodes the record whose binary XML stands at [begin, end) of the chunk; `written` is the FILETIME in its header.
  /// `wants(const EventHead&)` is asked before strings are made. After `event`, `event()` is valid until the next call;
  /// after `damaged`, `problem()` says why.
  template <typename Wants>
  Outcome decode(std::size_t begin, std::size_t end, std::uint64_t written, const Wants& wants) {
    if (!begin_record(begin, end, written)) return Outcome::damaged;
    if (head_known_ && !wants(head_)) return Outcome::rejected;
    if (!finish_record()) return Outcome::damaged;
    if (!head_known_ && !wants(head_)) return Outcome::rejected;
    fill_strings();
    return Outcome::event;
  }

  /// Of the event that is being judged; see EventHead.
  std::string_view head_provider() const;
  std::uint64_t head_provider_template() const;
  std::uint8_t head_level() const;
  /// The time in the event, or that of its record.
  Time head_time() const;
  std::uint64_t head_record_id() const;
  /// For events whose data is one template with the value in a place of its own, as nearly all are.
  std::optional<RawValue> peek(ValueName& name);
  std::optional<EventContent> content();

  Event& event() { return event_; }
  const char* problem() const { return problem_; }

 private:
  struct Slot {
    std::uint32_t offset = 0;
    std::uint16_t size = 0;
    std::uint8_t type = 0;
  };
  /// A template with the substitutions of one event.
  struct Instance {
    const BinXmlTemplate* compiled = nullptr;
    std::size_t descriptors = 0;  ///< where the sizes and types of the substitutions stand
    std::size_t values = 0;
    std::size_t count = 0;
    std::size_t end = 0;
  };
  /// A template while its values are taken: its part of slots_ and counters_.
  struct Frame {
    const BinXmlTemplate& compiled;
    std::size_t first_slot;
    std::size_t first_counter;
    std::size_t outer_counter;
    int depth;
  };

  bool begin_record(std::size_t begin, std::size_t end, std::uint64_t written);
  bool finish_record();
  void fill_strings();
  bool fail(const char* problem);
  bool spend(std::size_t work, std::size_t output);

  bool read_root(std::size_t at);
  bool read_instance(std::size_t at, std::size_t end, std::uint16_t place, Instance& instance);
  bool read_slots(Instance& instance);
  bool read_event_id();
  bool is_blank() const;
  /// A substitution of the root. Of most events one or two are asked for, so that they are not all read before it is
  /// known that the event is wanted; from then on they stay at the bottom of the stack until the next record.
  std::optional<RawValue> root_value(std::size_t slot) const {
    if (slot >= root_.count) return RawValue();
    return root_read_ ? value_at(slots_[slot]) : find_slot(root_, slot);
  }
  /// A header field of the event; nothing where the record cuts it off.
  std::optional<RawValue> field(SystemField which) const {
    const FieldSource& source = root_.compiled->field(which);
    if (source.kind == FieldSource::Kind::slot) return root_value(source.slot);
    if (source.kind == FieldSource::Kind::text) return fixed_text(*root_.compiled, source);
    return nested_known_ ? nested_fields_[static_cast<std::size_t>(which)] : RawValue();
  }

  bool run_fragment(ByteCursor& in, std::uint16_t place, std::size_t counter, int depth);
  bool run_instance(Instance& instance, std::size_t counter, int depth);
  bool run_leaf(const Frame& frame, const Leaf& leaf);
  bool run_slot(const Frame& frame, const Leaf& leaf, std::int32_t slot);
  bool run_pieces(const Frame& frame, const Leaf& leaf);
  bool run_nested(const Frame& frame, const Leaf& leaf, const RawValue& value);
  bool add_items(const Frame& frame, const Leaf& leaf, const RawValue& array);
  bool add(const Frame& frame, const Leaf& leaf, std::string_view text);

  const Instance* data();
  std::optional<RawValue> find_slot(const Instance& instance, std::size_t slot) const;
  std::size_t end_of_values(const Instance& instance) const;
  bool is_plain(const Instance& instance) const;
  RawValue value_of(std::size_t first_slot, std::int32_t slot) const;
  RawValue value_at(const Slot& slot) const { return {slot.type, chunk_.subspan(slot.offset, slot.size)}; }
  /// The text of a template in the shape of a value.
  static RawValue fixed_text(const BinXmlTemplate& compiled, const FieldSource& source) {
    return {kFixedText, Bytes(reinterpret_cast<const Byte*>(compiled.pool.data()) + source.text, source.size)};
  }
  void note_fields(const BinXmlTemplate& compiled, std::size_t first_slot);
  bool is_of_record(const RawValue& value) const;
  std::string_view text_of(const RawValue& value);
  std::string_view name_of(const Frame& frame, const Leaf& leaf);
  static std::size_t counter_of(const Frame& frame, std::uint16_t counter) {
    return counter == 0 ? frame.outer_counter : frame.first_counter + counter - 1;
  }

  EventFields fields_;
  TemplateCache templates_;
  Bytes chunk_;
  std::size_t record_end_ = 0;
  Instance root_;
  bool root_read_ = false;        ///< its substitutions stand in slots_
  std::optional<Instance> data_;  ///< see data()
  bool data_known_ = false;
  std::vector<Slot> slots_;  ///< a stack; the root's stand at its bottom
  std::size_t slots_used_ = 0;
  std::vector<std::uint32_t> counters_;
  std::array<RawValue, kSystemFields> nested_fields_{};  ///< header fields that were found below the root's template
  std::string_view fixed_provider_;                      ///< the provider's name in UTF-16 when a template gives it
  EventHead head_{0, *this};
  std::uint64_t written_ = 0;  ///< by the record's own header: what counts where the event tells no time
  bool head_known_ = false;
  bool nested_known_ = false;
  std::size_t work_left_ = 0;    ///< of the chunk: values and substitutions
  std::size_t output_left_ = 0;  ///< of the chunk: bytes of names and values
  TextBlock text_;
  Event event_;
  const char* problem_ = nullptr;
};

inline std::string_view EventHead::provider_utf16() const { return decoder.head_provider(); }
inline std::uint64_t EventHead::provider_template() const { return decoder.head_provider_template(); }
inline std::uint8_t EventHead::level() const { return decoder.head_level(); }
inline Time EventHead::time_created() const { return decoder.head_time(); }
inline std::optional<RawValue> EventHead::value(ValueName& name) const { return decoder.peek(name); }
inline std::optional<EventContent> EventHead::content() const { return decoder.content(); }
inline std::uint64_t EventHead::record_id() const { return decoder.head_record_id(); }

}  // namespace vmtriage
