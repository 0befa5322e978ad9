#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/text.h"

namespace vmtriage::evtx_writer {

/// A node of binary XML: an element, or what may stand in one.
struct Node {
  enum class Kind { element, text, slot, c_data, char_reference, entity_reference, instruction, raw };
  Kind kind = Kind::element;
  std::string text = {};  ///< an element's or entity's name, or the text
  std::uint16_t number = 0;
  std::uint8_t type = 0;
  bool optional = false;
  std::vector<std::pair<std::string, std::vector<Node>>> attributes = {};
  std::vector<Node> children = {};
};

inline Node text(std::string value) { return {.kind = Node::Kind::text, .text = std::move(value)}; }
inline Node slot(std::uint16_t number, std::uint8_t type = 0x01) {
  return {.kind = Node::Kind::slot, .number = number, .type = type};
}
inline Node optional_slot(std::uint16_t number, std::uint8_t type = 0x01) {
  return {.kind = Node::Kind::slot, .number = number, .type = type, .optional = true};
}
inline Node c_data(std::string value) { return {.kind = Node::Kind::c_data, .text = std::move(value)}; }
inline Node char_reference(std::uint16_t c) { return {.kind = Node::Kind::char_reference, .number = c}; }
inline Node entity(std::string name) { return {.kind = Node::Kind::entity_reference, .text = std::move(name)}; }
inline Node instruction(std::string target) { return {.kind = Node::Kind::instruction, .text = std::move(target)}; }
/// Bytes as they are, to write what no encoder would.
inline Node raw(std::string bytes) { return {.kind = Node::Kind::raw, .text = std::move(bytes)}; }
using Attributes = std::vector<std::pair<std::string, std::vector<Node>>>;
inline Node element(std::string name, Attributes attributes, std::vector<Node> children) {
  return {.text = std::move(name), .attributes = std::move(attributes), .children = std::move(children)};
}
inline Node element(std::string name, std::vector<Node> children) {
  return element(std::move(name), {}, std::move(children));
}
inline Node data(std::string name, Node value) {
  return element("Data", {{"Name", {text(std::move(name))}}}, {std::move(value)});
}

struct Value;

/// Elements, as an instance of a template or written out.
struct Fragment {
  Node root = {};
  std::vector<Value> values = {};
  bool is_template = true;
  bool with_header = true;  ///< 0f 01 01 00 before it, as exported logs have it
};

/// A substitution.
struct Value {
  std::uint8_t type = 0;
  std::string bytes;
  std::shared_ptr<Fragment> fragment;  ///< instead of bytes
};

template <typename Number>
std::string little_endian(Number value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof value; ++i)
    bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  return bytes;
}
inline Value value(std::uint8_t type, std::string bytes) { return {type, std::move(bytes), nullptr}; }
inline Value null() { return value(0x00, ""); }
inline Value string(std::string_view utf8) { return value(0x01, utf8_to_utf16(utf8)); }
inline Value u8(std::uint8_t number) { return value(0x04, little_endian(number)); }
inline Value u16(std::uint16_t number) { return value(0x06, little_endian(number)); }
inline Value u32(std::uint32_t number) { return value(0x08, little_endian(number)); }
inline Value u64(std::uint64_t number) { return value(0x0a, little_endian(number)); }
inline Value file_time(std::uint64_t ticks) { return value(0x11, little_endian(ticks)); }
inline Value binary(std::string bytes) { return value(0x0e, std::move(bytes)); }
inline Value strings(const std::vector<std::string>& items) {
  std::string bytes;
  for (const std::string& item : items) bytes += utf8_to_utf16(item) + std::string(2, '\0');
  return value(0x81, bytes);
}
inline Value fragment(Fragment inner, std::uint8_t type = 0x21) {
  return {type, "", std::make_shared<Fragment>(std::move(inner))};
}

inline std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  return ~crc;
}

/// Builds one 64 KiB chunk of records. What does not fit is the test's mistake.
class ChunkWriter {
 public:
  static constexpr std::size_t kSize = 65'536;
  static constexpr std::uint64_t kWritten = 132'000'000'000'000'000;  ///< 2019-04-17, the time in record headers

  /// Adds a record and returns where it starts in the chunk.
  std::size_t record(std::uint64_t id, const Fragment& root) {
    const std::size_t start = bytes_.size();
    put(std::uint32_t{0x2a2a});
    put(std::uint32_t{0});
    put(id);
    put(kWritten);
    put(root);
    bytes_.resize((bytes_.size() + 3) / 8 * 8 + 4);
    const auto size = static_cast<std::uint32_t>(bytes_.size() + 4 - start);
    put(size);
    patch(start + 4, size);
    last_id_ = id;
    if (first_id_ == 0) first_id_ = id;
    last_record_ = start;
    return start;
  }

  /// The chunk with both checksums.
  std::string finish() const {
    std::string chunk = bytes_;
    const std::size_t free_space = chunk.size();
    chunk.resize(kSize);
    const auto set = [&](std::size_t at, std::string_view field) { chunk.replace(at, field.size(), field); };
    set(0, std::string_view("ElfChnk\0", 8));
    for (const std::size_t at : {8, 24}) set(at, little_endian(first_id_));
    for (const std::size_t at : {16, 32}) set(at, little_endian(last_id_));
    set(40, little_endian(std::uint32_t{128}));
    set(44, little_endian(static_cast<std::uint32_t>(last_record_)));
    set(48, little_endian(static_cast<std::uint32_t>(free_space)));
    seal(chunk);
    return chunk;
  }

  /// Computes the checksums of a chunk that was changed by hand.
  static void seal(std::string& chunk) {
    std::uint32_t free_space = 0;
    for (std::size_t i = 4; i-- > 0;) free_space = free_space << 8 | static_cast<unsigned char>(chunk[48 + i]);
    const auto set = [&](std::size_t at, std::uint32_t crc) { chunk.replace(at, 4, little_endian(crc)); };
    set(52, crc32(std::string_view(chunk).substr(512, free_space - 512)));
    set(124, crc32(chunk.substr(0, 120) + chunk.substr(128, 384)));
  }

 private:
  template <typename Number>
  void put(Number number) {
    bytes_ += little_endian(number);
  }
  void byte(int value) { bytes_ += static_cast<char>(value); }
  void patch(std::size_t at, std::uint32_t number) { bytes_.replace(at, 4, little_endian(number)); }

  void put(const Fragment& fragment) {
    if (fragment.with_header) bytes_ += std::string("\x0f\x01\x01\x00", 4);
    if (!fragment.is_template) {
      put(fragment.root, false);
    } else {
      instance(fragment);
    }
    byte(0x00);
  }

  void instance(const Fragment& fragment) {
    const std::string key = key_of(fragment.root);
    const std::uint32_t id = crc32(key);
    byte(0x0c);
    byte(0x01);
    put(id);
    const auto known = templates_.find(key);
    put(static_cast<std::uint32_t>(known != templates_.end() ? known->second : bytes_.size() + 4));
    if (known == templates_.end()) definition(key, id, fragment.root);
    put(static_cast<std::uint32_t>(fragment.values.size()));
    const std::size_t descriptors = bytes_.size();
    bytes_.resize(descriptors + 4 * fragment.values.size());
    for (std::size_t i = 0; i < fragment.values.size(); ++i) {
      const Value& value = fragment.values[i];
      const std::size_t start = bytes_.size();
      if (value.fragment) {
        put(*value.fragment);
      } else {
        bytes_ += value.bytes;
      }
      patch(descriptors + 4 * i, static_cast<std::uint32_t>(bytes_.size() - start) | std::uint32_t{value.type} << 16);
    }
  }

  void definition(const std::string& key, std::uint32_t id, const Node& root) {
    templates_[key] = bytes_.size();
    put(std::uint32_t{0});
    put(id);
    put(~id);
    put(std::uint64_t{id});
    const std::size_t size = bytes_.size();
    put(std::uint32_t{0});
    bytes_ += std::string("\x0f\x01\x01\x00", 4);
    put(root, true);
    byte(0x00);
    patch(size, static_cast<std::uint32_t>(bytes_.size() - size - 4));
  }

  void put(const Node& node, bool dependency_id) {
    switch (node.kind) {
      case Node::Kind::element:
        return put_element(node, dependency_id);
      case Node::Kind::text:
        byte(0x05);
        byte(0x01);
        return counted(node.text);
      case Node::Kind::slot:
        byte(node.optional ? 0x0e : 0x0d);
        put(node.number);
        return byte(node.type);
      case Node::Kind::c_data:
        byte(0x07);
        return counted(node.text);
      case Node::Kind::char_reference:
        byte(0x08);
        return put(node.number);
      case Node::Kind::entity_reference:
        byte(0x09);
        return name(node.text);
      case Node::Kind::instruction:
        byte(0x0a);
        name(node.text);
        byte(0x0b);
        return counted("data");
      case Node::Kind::raw:
        bytes_ += node.text;
        return;
    }
  }

  void put_element(const Node& node, bool dependency_id) {
    byte(node.attributes.empty() ? 0x01 : 0x41);
    if (dependency_id) put(std::uint16_t{0xffff});
    const std::size_t size = bytes_.size();
    put(std::uint32_t{0});
    name(node.text);
    if (!node.attributes.empty()) put_attributes(node, dependency_id);
    if (node.children.empty()) {
      byte(0x03);
    } else {
      byte(0x02);
      for (const Node& child : node.children) put(child, dependency_id);
      byte(0x04);
    }
    patch(size, static_cast<std::uint32_t>(bytes_.size() - size - 4));
  }

  void put_attributes(const Node& node, bool dependency_id) {
    const std::size_t size = bytes_.size();
    put(std::uint32_t{0});
    for (std::size_t i = 0; i < node.attributes.size(); ++i) {
      byte(i + 1 < node.attributes.size() ? 0x46 : 0x06);
      name(node.attributes[i].first);
      for (const Node& piece : node.attributes[i].second) put(piece, dependency_id);
    }
    patch(size, static_cast<std::uint32_t>(bytes_.size() - size - 4));
  }

  void counted(const std::string& utf8) {
    const std::string units = utf8_to_utf16(utf8);
    put(static_cast<std::uint16_t>(units.size() / 2));
    bytes_ += units;
  }

  void name(const std::string& utf8) {
    const auto known = names_.find(utf8);
    put(static_cast<std::uint32_t>(known != names_.end() ? known->second : bytes_.size() + 4));
    if (known != names_.end()) return;
    names_[utf8] = bytes_.size();
    std::uint32_t hash = 0;
    for (const char c : utf8) hash = hash * 65'599 + static_cast<unsigned char>(c);
    put(std::uint32_t{0});
    put(static_cast<std::uint16_t>(hash));
    counted(utf8);
    put(std::uint16_t{0});
  }

  /// Two templates are the same when they read the same.
  static std::string key_of(const Node& node) {
    std::string key = std::to_string(static_cast<int>(node.kind)) + node.text + "\1" + std::to_string(node.number) +
                      std::to_string(node.type) + (node.optional ? "?" : "") + "\2";
    for (const auto& [name, pieces] : node.attributes) {
      key += name + "=";
      for (const Node& piece : pieces) key += key_of(piece);
    }
    for (const Node& child : node.children) key += key_of(child);
    return key + "\3";
  }

  std::string bytes_ = std::string(512, '\0');
  std::map<std::string, std::size_t> names_;
  std::map<std::string, std::size_t> templates_;
  std::uint64_t first_id_ = 0;
  std::uint64_t last_id_ = 0;
  std::size_t last_record_ = 0;  ///< libevtx takes a chunk that does not tell it for empty
};

struct FileHeader {
  std::uint32_t flags = 0;           ///< 1 dirty, 2 full, 4 without checksums
  std::uint16_t missing_chunks = 0;  ///< how many more chunks the header counts than follow
};

/// A whole file of finished chunks (or of anything that stands in their place).
inline std::string file_of(const std::vector<std::string>& chunks, FileHeader header = {}) {
  const auto count = static_cast<std::uint16_t>(chunks.size() + header.missing_chunks);
  std::string file("ElfFile\0", 8);
  file += little_endian(std::uint64_t{0}) + little_endian(std::uint64_t{count}) + little_endian(std::uint64_t{1});
  file += little_endian(std::uint32_t{128}) + little_endian(std::uint16_t{1}) + little_endian(std::uint16_t{3});
  file += little_endian(std::uint16_t{4096}) + little_endian(count);
  file.resize(120);
  const std::uint32_t crc = crc32(file);
  file += little_endian(header.flags) + little_endian(crc);
  file.resize(4096);
  for (const std::string& chunk : chunks) file += chunk;
  return file;
}

/// What the records of a test have in common.
struct EventText {
  std::string provider = "VSS";
  std::uint16_t id = 8229;
  std::uint8_t level = 3;
  std::uint64_t record_id = 1;
  std::string channel = "Application";
  std::string computer = "vm1";
  std::uint64_t time = 133'590'745'841'234'567;  ///< 2024-05-01T22:03:04.1234567Z
};

/// `Event/System`, with substitutions as Windows numbers them in its own template, and the fragment of the event's data
/// in the last one.
inline Fragment event(const EventText& head, Value data) {
  const Node system = element(
      "System",
      {element("Provider", {{"Name", {text(head.provider)}}}, {}),
       element("EventID", {{"Qualifiers", {slot(4, 0x06)}}}, {slot(3, 0x06)}), element("Version", {slot(11, 0x04)}),
       element("Level", {slot(0, 0x04)}), element("Task", {slot(2, 0x06)}), element("Opcode", {slot(1, 0x04)}),
       element("Keywords", {slot(5, 0x15)}), element("TimeCreated", {{"SystemTime", {slot(6, 0x11)}}}, {}),
       element("EventRecordID", {slot(10, 0x0a)}),
       element("Execution", {{"ProcessID", {slot(8, 0x08)}}, {"ThreadID", {slot(9, 0x08)}}}, {}),
       element("Channel", {text(head.channel)}), element("Computer", {text(head.computer)}),
       element("Security", {{"UserID", {optional_slot(12, 0x13)}}}, {})});
  Fragment root;
  root.root = element("Event", {{"xmlns", {text("http://schemas.microsoft.com/win/2004/08/events/event")}}},
                      {system, optional_slot(13, 0x21)});
  root.values = {u8(head.level),
                 u8(0),
                 u16(0),
                 u16(head.id),
                 u16(0),
                 value(0x15, little_endian(0x80000000000000ull)),
                 file_time(head.time),
                 null(),
                 u32(0),
                 u32(0),
                 u64(head.record_id),
                 u8(0),
                 null(),
                 std::move(data)};
  return root;
}

/// `<EventData><Data>…</Data>…<Binary>…</Binary></EventData>`: one string array, as classic providers (VSS, volsnap)
/// log.
inline Fragment classic_event(const EventText& head, const std::vector<std::string>& items, const std::string& bytes) {
  Fragment inner;
  inner.root = element("EventData", {element("Data", {slot(0, 0x81)}), element("Binary", {optional_slot(1, 0x0e)})});
  inner.values = {strings(items), bytes.empty() ? null() : binary(bytes)};
  return event(head, fragment(inner));
}

/// `<EventData><Data Name="…">…</Data>…</EventData>`, as providers with a manifest log.
inline Fragment named_event(const EventText& head, const std::vector<std::pair<std::string, Value>>& values) {
  Fragment inner;
  inner.root.text = "EventData";
  for (const auto& [name, value] : values) {
    inner.root.children.push_back(data(name, slot(static_cast<std::uint16_t>(inner.values.size()), value.type)));
    inner.values.push_back(value);
  }
  return event(head, fragment(inner));
}

/// The same event written out without a template, as forwarded logs have it.
inline Fragment plain_event(const EventText& head, std::vector<Node> children) {
  Fragment root;
  root.is_template = false;
  root.root = element(
      "Event",
      {element("System", {element("Provider", {{"Name", {text(head.provider)}}}, {}),
                          element("EventID", {text(std::to_string(head.id))}),
                          element("Level", {text(std::to_string(head.level))}),
                          element("TimeCreated", {{"SystemTime", {text("2024-05-01T22:03:04.123456700Z")}}}, {}),
                          element("EventRecordID", {text(std::to_string(head.record_id))}),
                          element("Channel", {text(head.channel)}), element("Computer", {text(head.computer)})})});
  for (Node& child : children) root.root.children.push_back(std::move(child));
  return root;
}

}  // namespace vmtriage::evtx_writer
