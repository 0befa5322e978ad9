#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <new>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "agent/event_text.h"
#include "agent/events.h"
#include "analyzers/evtx/reader.h"
#include "analyzers/evtx/value.h"
#include "tests/analyzers/evtx_writer.h"

namespace vmtriage {
namespace {

using namespace evtx_writer;

constexpr std::size_t kFirstChunk = 4096;
constexpr std::size_t kFirstRecord = kFirstChunk + 512;

using Data = std::vector<std::pair<std::string, std::string>>;

/// An event that outlives the call it came with.
struct Kept {
  std::string provider, channel, computer, message, binary;
  std::uint32_t id = 0;
  int level = 0;
  std::uint64_t record_id = 0;
  std::uint16_t qualifiers = 0;
  Time time;
  bool recovered = false;
  Data data;
};

Kept keep(const Event& event) {
  Kept kept{std::string(event.provider),
            std::string(event.channel),
            std::string(event.computer),
            std::string(event.message),
            std::string(event.binary),
            event.event_id,
            event.level,
            event.record_id,
            event.qualifiers,
            event.time_created,
            event.recovered,
            {}};
  for (const auto& [name, text] : event.data) kept.data.emplace_back(name, text);
  return kept;
}

struct Log {
  std::vector<Kept> events;
  std::vector<EvtxDamage> damages;
  std::string error;
  EvtxSummary summary;

  std::vector<std::uint64_t> record_ids() const {
    std::vector<std::uint64_t> ids;
    for (const Kept& event : events) ids.push_back(event.record_id);
    return ids;
  }
  std::vector<std::string> what() const {
    std::vector<std::string> all;
    for (const EvtxDamage& damage : damages) all.push_back(damage.what);
    return all;
  }
};

EvtxInput input_of(const std::string& bytes, std::size_t step = 1 << 20) {
  auto at = std::make_shared<std::size_t>(0);
  return {[&bytes, at, step](std::span<char> target) -> Result<std::size_t> {
            const std::size_t size = std::min({step, target.size(), bytes.size() - *at});
            if (size > 0) std::memcpy(target.data(), bytes.data() + *at, size);
            *at += size;
            return size;
          },
          nullptr};
}

Log read(EvtxInput input, std::function<bool(const EventHead&)> wants = {}, EventFields fields = {},
         std::size_t threads = 1, const EventIds* ids = nullptr) {
  Log log;
  std::vector<std::vector<Kept>> pending(threads);
  std::vector<EvtxConsumer> consumers;
  for (std::vector<Kept>& mine : pending) {
    consumers.push_back({.ids = ids,
                         .wants = wants,
                         .event =
                             [&mine](const Event& event) {
                               mine.push_back(keep(event));
                               return mine.size() > 100;
                             },
                         .commit =
                             [&mine, &log] {
                               log.events.insert(log.events.end(), mine.begin(), mine.end());
                               mine.clear();
                               return true;
                             }});
  }
  EvtxOptions options{fields, [&](const EvtxDamage& damage) { log.damages.push_back(damage); }};
  const Result<EvtxSummary> summary = read_evtx(input, options, consumers);
  if (summary) {
    log.summary = *summary;
  } else {
    log.error = summary.error().what;
  }
  return log;
}

Log read(const std::string& file) { return read(input_of(file)); }

/// One chunk with `count` events, record ids from `first` on.
std::string chunk_of(std::uint64_t first, int count) {
  ChunkWriter chunk;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t id = first + static_cast<std::uint64_t>(i);
    chunk.record(id, classic_event({.record_id = id}, {"item " + std::to_string(id)}, "bytes"));
  }
  return chunk.finish();
}

std::string file_with(const Fragment& record) {
  ChunkWriter chunk;
  chunk.record(1, record);
  return file_of({chunk.finish()});
}

/// The values of the only event of a file with that record.
Data data_of(const Fragment& record) {
  const Log log = read(file_with(record));
  EXPECT_TRUE(log.damages.empty()) << log.damages.front().what;
  EXPECT_EQ(log.events.size(), 1u);
  return log.events.empty() ? Data{} : log.events.front().data;
}

TEST(EvtxTest, VssWriterFailureHasItsStringsByPositionAndItsBinaryAsBytes) {
  const std::string context = "\nOperation:\n   Freeze Event\n\nContext:\n   Writer Name: SqlServerWriter\n";
  const Log log =
      read(file_with(classic_event({}, {"0x800423f4, The writer experienced a non-transient error.", context},
                                   "- Code: WRTWRTIC00000823- PID:  00001528")));
  ASSERT_EQ(log.events.size(), 1u);
  const Kept& event = log.events.front();
  EXPECT_EQ(event.provider, "VSS");
  EXPECT_EQ(event.channel, "Application");
  EXPECT_EQ(event.computer, "vm1");
  EXPECT_EQ(event.id, 8229u);
  EXPECT_EQ(event.level, 3);
  EXPECT_EQ(event.record_id, 1u);
  EXPECT_EQ(format_time(event.time, true), "2024-05-01T22:03:04.1234567Z");
  EXPECT_EQ(event.binary, "- Code: WRTWRTIC00000823- PID:  00001528");
  ASSERT_EQ(event.data.size(), 3u);
  EXPECT_EQ(event.data[0],
            std::pair(std::string("#1"), std::string("0x800423f4, The writer experienced a non-transient error.")));
  EXPECT_EQ(event.data[1], std::pair(std::string("#2"), context));
  EXPECT_EQ(event.data[2].first, "Binary");
  EXPECT_EQ(event.data[2].second.substr(0, 8), "2D20436F");
  EXPECT_TRUE(log.damages.empty());
  EXPECT_FALSE(event.recovered);
}

TEST(EvtxTest, EmptyStringsOfAnArrayKeepTheirPosition) {
  EXPECT_EQ(data_of(classic_event({}, {"a", "", "c"}, "")), (Data{{"#1", "a"}, {"#2", ""}, {"#3", "c"}}));
}

TEST(EvtxTest, OptionalElementsWithoutAValueAreLeftOutAndKeepTheirPosition) {
  Fragment inner;
  inner.root = element("EventData", {element("Data", {slot(0)}), element("Data", {optional_slot(1)}),
                                     element("Data", {slot(2)}), element("Binary", {optional_slot(1, 0x0e)})});
  inner.values = {string("a"), null(), string("c")};
  EXPECT_EQ(data_of(event({}, fragment(inner))), (Data{{"#1", "a"}, {"#3", "c"}}));
}

TEST(EvtxTest, ForwardedRecordWithoutTemplateIsReadWithItsMessage) {
  const Log log = read(file_with(plain_event(
      {.provider = "volsnap", .id = 36, .level = 2, .record_id = 77, .channel = "System"},
      {element("EventData",
               {data("x", text("1 ")), element("Data", {text("R"), entity("amp"), text("D"), char_reference(0x30c7)})}),
       element("RenderingInfo", {{"Culture", {text("ja-JP")}}},
               {element("Message", {text("容量不足")}), element("Level", {text("エラー")})})})));
  ASSERT_EQ(log.events.size(), 1u);
  const Kept& event = log.events.front();
  EXPECT_EQ(event.provider, "volsnap");
  EXPECT_EQ(event.id, 36u);
  EXPECT_EQ(event.level, 2);
  EXPECT_EQ(event.record_id, 77u);
  EXPECT_EQ(format_time(event.time, true), "2024-05-01T22:03:04.1234567Z");
  EXPECT_EQ(event.message, "容量不足");
  EXPECT_EQ(event.data, (Data{{"x", "1 "}, {"#1", "R&Dデ"}, {"Message", "容量不足"}, {"Level", "エラー"}}));
}

TEST(EvtxTest, RenderingInAFragmentOfItsOwnGivesTheMessageOnly) {
  Fragment root = named_event({}, {{"x", string("1")}});
  root.root.children.push_back(slot(14, 0x21));
  root.values.push_back(fragment({.root = element("RenderingInfo", {element("Message", {text("shown")})})}));
  const Log log = read(file_with(root));
  ASSERT_EQ(log.events.size(), 1u);
  EXPECT_EQ(log.events.front().message, "shown");
  EXPECT_EQ(log.events.front().data, (Data{{"x", "1"}}));
}

TEST(EvtxTest, TheTimeIsThatOfTheEventAndOnlyWithoutOneThatOfTheRecord) {
  Fragment record;
  record.is_template = false;
  record.root = element("Event", {element("System", {element("EventID", {text("1")})})});
  const Log log = read(file_with(record));
  ASSERT_EQ(log.events.size(), 1u);
  EXPECT_EQ(log.events.front().time, from_file_time(ChunkWriter::kWritten));
  EXPECT_EQ(log.events.front().level, Event::kNoLevel);
  EXPECT_EQ(log.events.front().record_id, 0u);
}

TEST(EvtxTest, ValuesInNestedElementsAreNamedByTheirPath) {
  Fragment inner;
  inner.root = element("UserData",
                       {element("EventXML", {{"xmlns", {text("urn:x")}}},
                                {element("listenerName", {slot(0)}),
                                 element("Certificate", {{"fileRef", {slot(1)}}, {"empty", {optional_slot(9)}}}, {}),
                                 element("Data", {text("a")}), element("Data", {text("b")}), data("n", text("c"))})});
  inner.values = {string("RDP-Tcp"), string("05FE.cer")};
  EXPECT_EQ(data_of(event({}, fragment(inner))), (Data{{"EventXML/listenerName", "RDP-Tcp"},
                                                       {"EventXML/Certificate@fileRef", "05FE.cer"},
                                                       {"#1", "a"},
                                                       {"#2", "b"},
                                                       {"n", "c"}}));
}

TEST(EvtxTest, FragmentsInValuesAreReadInEveryShape) {
  const Fragment leaf{.root = element("Code", {slot(0, 0x08)}), .values = {u32(5)}};
  const Fragment plain{.root = element("Plain", {instruction("target"), c_data("<x>")}), .is_template = false};
  Fragment bare = leaf, bare_plain = plain;
  bare.with_header = bare_plain.with_header = false;
  struct Case {
    const char* name;
    Value value;
    Data data;
  };
  const Case cases[] = {
      {"template behind a header", fragment(leaf), {{"Outer/Code", "5"}}},
      {"template alone", fragment(bare), {{"Outer/Code", "5"}}},
      {"element behind a header", fragment(plain), {{"Outer/Plain", "<x>"}}},
      {"element alone, without dependency id", fragment(bare_plain), {{"Outer/Plain", "<x>"}}},
      {"in a value of type xml", fragment(plain, 0x23), {{"Outer/Plain", "<x>"}}},
      {"xml as text", value(0x23, utf8_to_utf16("<a>1</a>")), {{"Outer", "<a>1</a>"}}},
  };
  for (const Case& c : cases) {
    const Fragment outer{.root = element("UserData", {element("Outer", {slot(0, 0x21)})}), .values = {c.value}};
    EXPECT_EQ(data_of(event({}, fragment(outer))), c.data) << c.name;
  }
}

TEST(EvtxTest, EveryValueTypeIsWrittenAsWindowsWritesIt) {
  const auto bytes = [](std::initializer_list<int> list) {
    std::string all;
    for (const int byte : list) all += static_cast<char>(byte);
    return all;
  };
  const std::string guid =
      bytes({0x61, 0x1f, 0xd6, 0xd6, 0xdd, 0x8c, 0xf6, 0x4e, 0xcd, 0xd9, 0xf6, 0x78, 0x6b, 0x71, 0x24, 0xaa});
  const std::string system_time = bytes({0xe8, 7, 5, 0, 3, 0, 1, 0, 22, 0, 3, 0, 4, 0, 123, 0});
  const std::string sid = bytes({1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0});
  struct Case {
    int type;
    std::string bytes;
    const char* text;
  };
  const Case cases[] = {
      {0x00, "", ""},
      {0x00, "xx", ""},
      {0x01, utf8_to_utf16("Ж€😀") + std::string(2, '\0'), "Ж€😀"},
      {0x01, bytes({0x3d, 0xd8, 0x41, 0}),
       "\xef\xbf\xbd"
       "A"},
      {0x01, bytes({0x41, 0, 0x00, 0xde}),
       "A"
       "\xef\xbf\xbd"},
      {0x02, bytes({0x80, 0xe9, 'a', 0}), "€éa"},
      {0x03, bytes({0xff}), "-1"},
      {0x04, bytes({0xff}), "255"},
      {0x05, bytes({0xfe, 0xff}), "-2"},
      {0x06, bytes({0xfe, 0xff}), "65534"},
      {0x07, bytes({0x69, 0x88, 0x04, 0x80}), "-2147186583"},
      {0x08, bytes({0x69, 0x88, 0x04, 0x80}), "2147780713"},
      {0x09, std::string(8, '\xff'), "-1"},
      {0x0a, std::string(8, '\xff'), "18446744073709551615"},
      {0x0b, bytes({0, 0, 0xc0, 0x3f}), "1.5"},
      {0x0c, bytes({0, 0, 0, 0, 0, 0, 0xf8, 0xbf}), "-1.5"},
      {0x0d, bytes({1, 0, 0, 0}), "true"},
      {0x0d, bytes({0}), "false"},
      {0x0d, bytes({0x10, 0, 0, 0}), "true"},
      {0x0e, bytes({0x00, 0xab}), "00AB"},
      {0x0f, guid, "{D6D61F61-8CDD-4EF6-CDD9-F6786B7124AA}"},
      {0x10, bytes({0x1f, 0, 0, 0}), "0x1f"},
      {0x10, bytes({0, 0, 0, 0, 1, 0, 0, 0}), "0x100000000"},
      {0x11, little_endian(std::uint64_t{133'590'745'841'234'567}), "2024-05-01T22:03:04.1234567Z"},
      {0x11, std::string(8, '\0'), "1601-01-01T00:00:00.0000000Z"},
      {0x11, little_endian(std::uint64_t{0x7fffffffffffffff}), "30828-09-14T02:48:05.4775807Z"},
      {0x11, std::string(8, '\xff'), "FFFFFFFFFFFFFFFF"},
      {0x11, "abc", "616263"},
      {0x12, std::string(16, '\x11'), "11111111111111111111111111111111"},
      {0x12, system_time, "2024-05-01T22:03:04.1230000Z"},
      {0x13, sid, "S-1-5-32-544"},
      {0x13, sid.substr(0, 12), "S-1-5-32"},
      {0x14, bytes({0xf4, 0x23, 0x04, 0x80}), "0x800423f4"},
      {0x15, std::string(8, '\0'), "0x0"},
      {0x20, bytes({0x1f, 0, 0, 0, 0, 0, 0, 0}), "0x1f"},
      {0x07, bytes({0xff, 0xff}), "-1"},
      {0x6f, "AB", "4142"},
      {0x7f, "AB\xff", "4142FF"},
      {0x01, utf8_to_utf16("a\x01\tb  "), "a\x01\tb  "},
      {0x01, utf8_to_utf16(std::string("ab\0cd", 5)), "ab"},
      {0x01, utf8_to_utf16(std::string("abcdefg\0Ж", 10)), "abcdefg"},
      {0x01, utf8_to_utf16(std::string("\0abcd", 5)), ""},
      {0x01, utf8_to_utf16("\x01\x80\xc4\x80 abc"), "\x01\xef\xbf\xbdĀ abc"},
      {0x02, std::string("a\0b", 3), "a"},
      {0x01, "A", ""},
      {0x02, "\x81", "\xc2\x81"},
      {0x0b, bytes({0, 0, 0x80, 0x7f}), "inf"},
      {0x0c, bytes({0, 0, 0, 0, 0, 0, 0xf0, 0xff}), "-inf"},
      {0x0c, bytes({0, 0, 0, 0, 0, 0, 0xf8, 0x7f}), "nan"},
      {0x0d, bytes({2}), "true"},
      {0x0e, "", ""},
      {0x0f, guid.substr(0, 15), "611FD6D6DD8CF64ECDD9F6786B7124"},
      {0x13, std::string(7, '\1'), "01010101010101"},
      {0x13, std::string("\1\xff", 2) + std::string(6, '\0') + std::string(60, '\0'),
       "S-1-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0"},
      {0x10, "", ""},
      {0x14, bytes({1, 2}), "0x201"},
      {0x15, std::string(8, '\xff'), "0xffffffffffffffff"},
  };
  for (const Case& c : cases) {
    const Data data = data_of(named_event({}, {{"v", value(static_cast<std::uint8_t>(c.type), c.bytes)}}));
    EXPECT_EQ(data, (Data{{"v", c.text}}))
        << "type " << c.type << ": " << to_hex({reinterpret_cast<const Byte*>(c.bytes.data()), c.bytes.size()});
  }
}

TEST(EvtxTest, ArraysGiveOneElementPerItem) {
  const std::string sid_a("\1\1\0\0\0\0\0\5\x12\0\0\0", 12), sid_b("\1\2\0\0\0\0\0\5\x20\0\0\0\x20\2\0\0", 16);
  struct Case {
    int type;
    std::string bytes;
    std::vector<std::string> items;
  };
  const Case cases[] = {
      {0x81, utf8_to_utf16("a") + std::string(2, '\0') + utf8_to_utf16("b"), {"a", "b"}},
      {0x82, std::string("a\0\0b\0", 5), {"a", "", "b"}},
      {0x83, "\x01\xff", {"1", "-1"}},
      {0x84, "\x01\xff", {"1", "255"}},
      {0x85, "\x01\xff", {"-255"}},
      {0x86, std::string("\1\0\2\0", 4), {"1", "2"}},
      {0x88, little_endian(1u) + little_endian(2u), {"1", "2"}},
      {0x8a, little_endian(std::uint64_t{1}) + little_endian(std::uint64_t{2}), {"1", "2"}},
      {0x8d, little_endian(1u) + little_endian(0u), {"true", "false"}},
      {0x8f,
       std::string(32, '\0'),
       {"{00000000-0000-0000-0000-000000000000}", "{00000000-0000-0000-0000-000000000000}"}},
      {0x91, std::string(16, '\0'), {"1601-01-01T00:00:00.0000000Z", "1601-01-01T00:00:00.0000000Z"}},
      {0x93, sid_a + sid_b, {"S-1-5-18", "S-1-5-32-544"}},
      {0x94, little_endian(31u), {"0x1f"}},
      {0x95, little_endian(std::uint64_t{31}) + little_endian(std::uint64_t{0}), {"0x1f", "0x0"}},
      {0x84, "", {""}},
      {0x81, "", {""}},
      {0x81, std::string(4, '\0'), {"", ""}},
      {0x87, little_endian(0xfffffffeu) + little_endian(2u), {"-2", "2"}},
      {0x89, std::string(8, '\xff') + little_endian(std::uint64_t{1}), {"-1", "1"}},
      {0x8b, little_endian(0x3fc00000u) + little_endian(0u), {"1.5", "0"}},
      {0x8c, little_endian(std::uint64_t{0x3ff8000000000000}), {"1.5"}},
      {0x8e, "ab", {"6162"}},
      {0x90, little_endian(31u), {"0x1f"}},
      {0x90, little_endian(std::uint64_t{31}) + little_endian(std::uint64_t{1}), {"0x1f", "0x1"}},
      {0x92, std::string("\xe8\7\5\0\3\0\1\0\x16\0\3\0\4\0\x7b\0", 16), {"2024-05-01T22:03:04.1230000Z"}},
      {0xa0, little_endian(std::uint64_t{31}), {"0x1f"}},
      {0xa1, "\x0f\1", {"0F01"}},
      {0xff, "\xff", {"FF"}},
      // The last item is cut off.
      {0x88, little_endian(1u) + std::string("\2\0", 2), {"1", "2"}},
      {0x93, sid_a + sid_b.substr(0, 12), {"S-1-5-18", "S-1-5-32"}},
  };
  for (const Case& c : cases) {
    const Data data = data_of(named_event({}, {{"v", value(static_cast<std::uint8_t>(c.type), c.bytes)}}));
    Data expected;
    for (const std::string& item : c.items) expected.emplace_back("v", item);
    EXPECT_EQ(data, expected) << "type " << c.type;
  }
}

TEST(EvtxTest, SubstitutionBehindTheLastOneIsEmpty) {
  const Fragment inner{.root = element("EventData", {data("v", slot(500))}), .values = {}};
  EXPECT_EQ(data_of(event({}, fragment(inner))), (Data{{"v", ""}}));
}

TEST(EvtxTest, NameOfDataCanBeASubstitution) {
  const Fragment inner{.root = element("EventData", {element("Data", {{"Name", {slot(0)}}}, {slot(1)})}),
                       .values = {string("key"), string("value")}};
  EXPECT_EQ(data_of(event({}, fragment(inner))), (Data{{"key", "value"}}));
}

TEST(EvtxTest, HeaderFieldsInAFragmentOfTheirOwnAreFoundBeforeTheEventIsJudged) {
  const Fragment system{.root = element("System", {element("Provider", {{"Name", {text("VSS")}}}, {}),
                                                   element("EventID", {slot(0, 0x06)})}),
                        .values = {u16(12289)}};
  const Fragment root{.root = element("Event", {slot(0, 0x21)}), .values = {fragment(system)}};
  const std::string file = file_with(root);
  const ProviderName vss("VSS");
  const Log log =
      read(input_of(file), [&](const EventHead& head) { return vss.is_of(head) && head.event_id == 12289; });
  ASSERT_EQ(log.events.size(), 1u);
  EXPECT_EQ(log.events.front().provider, "VSS");
}

TEST(EvtxTest, RejectedEventsAreCountedAndNoStringIsMadeOfThem) {
  ChunkWriter chunk;
  chunk.record(1, classic_event({.provider = "VSS", .id = 8224, .level = 4, .record_id = 1}, {"a"}, ""));
  chunk.record(2, classic_event({.provider = "Volsnap", .id = 36, .level = 2, .record_id = 2}, {"b"}, ""));
  chunk.record(3, plain_event({.provider = "volsnap", .id = 36, .level = 2, .record_id = 3}, {}));
  const std::string file = file_of({chunk.finish()});
  const ProviderName volsnap("volsnap");
  std::vector<std::uint32_t> asked;
  const Log log = read(input_of(file), [&](const EventHead& head) {
    asked.push_back(head.event_id);
    return volsnap.is_of(head) && head.level() == 2;
  });
  EXPECT_EQ(asked, (std::vector<std::uint32_t>{8224, 36, 36}));
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(log.summary.records, 3u);
}

TEST(EvtxTest, EventsWithOtherIdsAreCountedAndNotAskedFor) {
  ChunkWriter chunk;
  chunk.record(1, classic_event({.id = 8224, .record_id = 1}, {"a"}, ""));
  chunk.record(2, classic_event({.id = 8229, .record_id = 2}, {"b"}, ""));
  chunk.record(3, plain_event({.id = 8224, .record_id = 3}, {}));
  chunk.record(4, plain_event({.id = 8229, .record_id = 4}, {}));
  Fragment beyond = classic_event({.record_id = 5}, {"c"}, "");
  beyond.values[3] = u32(0x10000 + 8229);
  chunk.record(5, beyond);
  const std::string file = file_of({chunk.finish()});
  EventIds ids;
  ids.set(8229);
  std::vector<std::uint32_t> asked;
  const auto wants = [&](const EventHead& head) {
    asked.push_back(head.event_id);
    return true;
  };
  const Log log = read(input_of(file), wants, {}, 1, &ids);
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{2, 4}));
  EXPECT_EQ(asked, (std::vector<std::uint32_t>{8229, 8229}));
  EXPECT_EQ(log.summary.records, 5u);
}

/// The provider as a value of its own, as providers with a manifest log it.
Fragment with_provider_as_value(const EventText& head, const std::string& item) {
  Fragment record = classic_event(head, {item}, "");
  record.root.children.front().children.front() = element("Provider", {{"Name", {slot(14)}}}, {});
  record.values.push_back(string(head.provider));
  return record;
}

/// An EventContent that outlives its event.
struct KeptContent {
  std::array<std::uint64_t, 4> numbers;
  std::array<std::string, 4> texts;
  bool operator==(const KeptContent&) const = default;
};

/// Of every record of a chunk, as far as it can be told before decoding.
std::vector<std::optional<KeptContent>> contents_of(const std::string& chunk) {
  std::vector<std::optional<KeptContent>> contents;
  const std::string file = file_of({chunk});
  read(input_of(file), [&](const EventHead& head) {
    const auto content = head.content();
    contents.push_back(std::nullopt);
    if (!content) return false;
    contents.back() = {{content->root_template, content->data_template, content->event_id, content->level}, {}};
    for (std::size_t i = 0; i < content->names.size(); ++i) contents.back()->texts[i] = content->names[i];
    contents.back()->texts.back() = content->data;
    return false;
  });
  return contents;
}

/// Channel and event source as values of their own, and no other name of a provider.
Fragment with_event_source_as_value(const std::string& source, const std::string& channel) {
  Fragment record = classic_event({}, {"a"}, "");
  std::vector<Node>& system = record.root.children.front().children;
  system.front() = element("Provider", {{"EventSourceName", {slot(14)}}}, {});
  *std::find_if(system.begin(), system.end(), [](const Node& node) { return node.text == "Channel"; }) =
      element("Channel", {slot(15)});
  record.values.push_back(string(source));
  record.values.push_back(string(channel));
  return record;
}

TEST(EvtxTest, ContentIsTheSameWhereOnlyTimeAndRecordIdDiffer) {
  const EventText vss{.record_id = 1};
  const EventText later{.record_id = 2, .time = vss.time + 1};
  const Fragment records[] = {
      classic_event(vss, {"a"}, ""),
      classic_event(later, {"a"}, ""),
      classic_event(vss, {"b"}, ""),
      classic_event({.id = 8230}, {"a"}, ""),
      classic_event({.level = 2}, {"a"}, ""),
      classic_event({.provider = "Ntfs"}, {"a"}, ""),
      classic_event({.channel = "System"}, {"a"}, ""),
      named_event(vss, {{"x", strings({"a"})}}),
      with_provider_as_value(vss, "a"),
      with_provider_as_value(later, "a"),
      with_provider_as_value({.provider = "Ntfs"}, "a"),
      with_event_source_as_value("VSS", "System"),
      with_event_source_as_value("VSS", "System"),
      with_event_source_as_value("Ntfs", "System"),
      with_event_source_as_value("VSS", "Application"),
  };
  ChunkWriter chunk;
  for (std::uint64_t i = 0; i < std::size(records); ++i) chunk.record(i, records[i]);
  const auto contents = contents_of(chunk.finish());
  ASSERT_EQ(contents.size(), std::size(records));
  for (std::size_t i = 0; i < contents.size(); ++i) {
    ASSERT_TRUE(contents[i]) << i;
    for (std::size_t j = 0; j < i; ++j) {
      const bool same = j + 1 == i && (i == 1 || i == 9 || i == 12);
      EXPECT_EQ(*contents[i] == *contents[j], same) << i << " and " << j;
    }
  }
}

TEST(EvtxTest, ContentIsNotToldWhereOnlyDecodingTells) {
  Fragment forwarded = classic_event({}, {"a"}, "");
  forwarded.root.children.push_back(element("RenderingInfo", {element("Message", {slot(14)})}));
  forwarded.values.push_back(string("shown"));
  Fragment in_code_page = with_provider_as_value({}, "a");
  in_code_page.values[14].type = 0x02;
  ChunkWriter chunk;
  chunk.record(1, plain_event({}, {}));
  chunk.record(2, named_event({}, {{"x", fragment({.root = element("X", {slot(0)}), .values = {string("v")}})}}));
  chunk.record(3, forwarded);
  chunk.record(4, in_code_page);
  const auto contents = contents_of(chunk.finish());
  ASSERT_EQ(contents.size(), 4u);
  for (std::size_t i = 0; i < contents.size(); ++i) EXPECT_FALSE(contents[i]) << i;
}

/// A chunk of one record, in which some of the root's values have another size than was written.
std::string chunk_with_sizes(const Fragment& record, const std::map<std::size_t, int>& longer_by) {
  ChunkWriter chunk;
  const std::size_t at = chunk.record(1, record);
  std::string bytes = chunk.finish();
  const auto count = static_cast<std::uint32_t>(record.values.size());
  // The first value is the level: one byte.
  const std::size_t counted = bytes.find(little_endian(count) + little_endian(std::uint32_t{0x00040001}), at);
  EXPECT_NE(counted, std::string::npos);
  for (const auto& [value, more] : longer_by) {
    const std::size_t size_at = counted + 4 + 4 * value;
    const int size = load_u16(reinterpret_cast<const Byte*>(bytes.data()) + size_at) + more;
    bytes.replace(size_at, 2, little_endian(static_cast<std::uint16_t>(size)));
  }
  ChunkWriter::seal(bytes);
  return bytes;
}

TEST(EvtxTest, ValuesThatAreNotWhereTheyShouldBeMakeNoContentAndNoId) {
  constexpr std::size_t kLevel = 0, kUserId = 12, kData = 13, kProvider = 14;
  const std::vector<std::optional<KeptContent>> none = {std::nullopt};
  EXPECT_EQ(contents_of(chunk_with_sizes(classic_event({}, {"a"}, ""), {{kUserId, 50'000}})), none) << "cut off";
  EXPECT_EQ(contents_of(chunk_with_sizes(classic_event({}, {"a"}, ""), {{kData, -4}})), none) << "its values end later";
  const Fragment record = with_provider_as_value({.provider = "VSS"}, "a");
  EXPECT_NE(contents_of(chunk_with_sizes(record, {})), none);
  EXPECT_EQ(contents_of(chunk_with_sizes(record, {{kProvider, 50'000}})), none) << "cut off behind the data";
  EXPECT_EQ(contents_of(chunk_with_sizes(record, {{kData, 6}, {kProvider, -6}})), none) << "something behind the data";
  const std::string file = file_of({chunk_with_sizes(classic_event({}, {"a"}, ""), {{kLevel, 50'000}})});
  const Log log = read(input_of(file), [](const EventHead&) { return false; });
  EXPECT_EQ(log.what(), std::vector<std::string>{"event record 1: its values are cut off"});
  EXPECT_EQ(log.summary.records, 0u);
}

TEST(EvtxTest, ValuesAreFoundByNameBeforeTheEventIsDecoded) {
  ChunkWriter chunk;
  chunk.record(1, named_event({}, {{"alpha", string("1")}, {"beta", string("2")}}));
  chunk.record(2, named_event({}, {{"beta", string("3")}}));
  chunk.record(3, named_event({}, {{"alpha", string("4")}, {"beta", string("5")}}));
  chunk.record(4, classic_event({}, {"6"}, ""));
  chunk.record(5, plain_event({}, {element("EventData", {data("beta", text("7"))})}));
  const std::string file = file_of({chunk.finish()});
  ValueName beta("beta");
  std::vector<std::string> found;
  read(input_of(file), [&](const EventHead& head) {
    const auto value = head.value(beta);
    found.push_back(value ? utf16_to_utf8(view_of(value->bytes.data(), value->bytes.size())) : "none");
    return false;
  });
  EXPECT_EQ(found, (std::vector<std::string>{"2", "3", "5", "none", "none"}));
}

TEST(EvtxTest, ProviderTemplateIsThatOfEventsWhoseProviderItTells) {
  ChunkWriter chunk;
  chunk.record(1, classic_event({.id = 1}, {"a"}, ""));
  chunk.record(2, classic_event({.id = 2}, {"b", "c"}, ""));
  chunk.record(3, classic_event({.provider = "Ntfs"}, {"a"}, ""));
  chunk.record(4, with_provider_as_value({}, "a"));
  chunk.record(5, plain_event({}, {}));
  chunk.record(6, with_event_source_as_value("VSS", "System"));
  const Fragment system{.root = element("System", {element("Provider", {{"Name", {text("VSS")}}}, {}),
                                                   element("EventID", {slot(0, 0x06)})}),
                        .values = {u16(12289)}};
  chunk.record(7, {.root = element("Event", {slot(0, 0x21)}), .values = {fragment(system)}});
  const std::string file = file_of({chunk.finish()});
  std::vector<std::uint64_t> told;
  read(input_of(file), [&](const EventHead& head) {
    told.push_back(head.provider_template());
    return false;
  });
  ASSERT_EQ(told.size(), 7u);
  EXPECT_NE(told[0], 0u);
  EXPECT_EQ(told[1], told[0]);
  EXPECT_NE(told[2], told[0]);
  for (std::size_t i = 3; i < told.size(); ++i) EXPECT_EQ(told[i], 0u) << i;
}

TEST(EvtxTest, OnlyWantedFieldsAreMade) {
  const std::string file = file_with(classic_event({}, {"a"}, "b"));
  const Log log = read(input_of(file), {}, {.provider = true, .channel = false, .computer = false, .data = false});
  ASSERT_EQ(log.events.size(), 1u);
  EXPECT_EQ(log.events.front().provider, "VSS");
  EXPECT_EQ(log.events.front().channel, "");
  EXPECT_TRUE(log.events.front().data.empty());
}

TEST(EvtxTest, TheSameTemplateInAnotherChunkIsReadWithThatChunksNames) {
  ChunkWriter first, second;
  first.record(1, named_event({.record_id = 1}, {{"alpha", string("1")}}));
  second.record(2, classic_event({.record_id = 2}, {"shifts every name"}, ""));
  second.record(3, named_event({.record_id = 3}, {{"alpha", string("2")}}));
  std::string renamed = first.finish();
  const std::string from = utf8_to_utf16("alpha"), to = utf8_to_utf16("gamma");
  renamed.replace(renamed.find(from), from.size(), to);
  ChunkWriter::seal(renamed);
  const Log log = read(file_of({first.finish(), second.finish(), renamed}));
  ASSERT_EQ(log.events.size(), 4u);
  EXPECT_EQ(log.events[0].data, (Data{{"alpha", "1"}}));
  EXPECT_EQ(log.events[2].data, (Data{{"alpha", "2"}}));
  EXPECT_EQ(log.events[3].data, (Data{{"gamma", "1"}}));
}

TEST(EvtxTest, TheSameTemplateWithAnotherNameInAnotherPlaceIsAnotherTemplate) {
  ChunkWriter chunk;
  const Node alpha = element("alpha", {slot(0)});
  chunk.record(1, event({}, fragment({.root = element("EventData", {alpha}), .values = {string("1")}})));
  // Its definition only refers to the name that stands in the first one.
  chunk.record(2, event({}, fragment({.root = element("EventData", {alpha, alpha}), .values = {string("2")}})));
  const std::string first = chunk.finish();
  std::string second = first;
  const std::string from = utf8_to_utf16("alpha"), to = utf8_to_utf16("gamma");
  second.replace(second.find(from), from.size(), to);
  ChunkWriter::seal(second);
  const Log log = read(file_of({first, second}));
  ASSERT_EQ(log.events.size(), 4u);
  EXPECT_EQ(log.events[1].data, (Data{{"alpha", "2"}, {"alpha", "2"}}));
  EXPECT_EQ(log.events[3].data, (Data{{"gamma", "2"}, {"gamma", "2"}}));
}

TEST(EvtxTest, ChunksAreReadInFileOrderWithAnyNumberOfThreadsAndAnyReads) {
  std::vector<std::string> chunks;
  std::vector<std::uint64_t> ids;
  for (std::uint64_t i = 0; i < 23; ++i) {
    // A log that wrapped around: its oldest chunk is not its first.
    const std::uint64_t first = (i + 9) % 23 * 50 + 1;
    chunks.push_back(chunk_of(first, 50));
    for (std::uint64_t k = 0; k < 50; ++k) ids.push_back(first + k);
  }
  const std::string file = file_of(chunks);
  for (const std::size_t threads : {1, 2, 5}) {
    for (const std::size_t step : {1u << 20, 1000u, 65'536u}) {
      const Log log = read(input_of(file, step), {}, {}, threads);
      EXPECT_EQ(log.record_ids(), ids) << threads << " threads, reads of " << step;
      EXPECT_TRUE(log.damages.empty());
    }
  }
}

TEST(EvtxTest, WrongChecksumsAreReportedAndTheChunkIsReadAllTheSame) {
  const std::size_t last_text = chunk_of(1, 3).find(utf8_to_utf16("item 3"));
  struct Case {
    const char* what;
    std::size_t at;
  };
  for (const Case& c :
       {Case{"chunk: its data checksum is wrong", last_text}, Case{"chunk: its header checksum is wrong", 200}}) {
    std::string chunk = chunk_of(1, 3);
    chunk[c.at] = static_cast<char>(chunk[c.at] ^ 0x10);
    const Log log = read(file_of({chunk, chunk_of(4, 1)}));
    EXPECT_EQ(log.what(), std::vector<std::string>{c.what});
    EXPECT_EQ(log.damages.front().offset, kFirstChunk);
    EXPECT_EQ(log.damages.front().skipped, 0u);
    EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{1, 2, 3, 4}));
  }
}

TEST(EvtxTest, LogWithoutChecksumsIsNotReportedForThem) {
  std::string chunk = chunk_of(1, 1);
  chunk.replace(52, 4, 4, '\0');
  chunk.replace(124, 4, 4, '\0');
  EXPECT_EQ(read(file_of({chunk}, {.flags = 4})).what(), std::vector<std::string>{});
  EXPECT_EQ(read(file_of({chunk}, {.flags = 0})).what().size(), 2u);
}

TEST(EvtxTest, ReadingGoesOnBehindATornRecordAndMarksWhatItFinds) {
  ChunkWriter chunk;
  std::size_t torn = 0;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    const std::size_t at = chunk.record(id, classic_event({.record_id = id}, {std::string(300, 'x')}, ""));
    if (id == 2) torn = at;
  }
  std::string bytes = chunk.finish();
  const std::size_t next = bytes.find("**", torn + 1);
  bytes.replace(torn, 100, 100, '\0');
  ChunkWriter::seal(bytes);
  const Log log = read(file_of({bytes}));
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{1, 3, 4}));
  EXPECT_FALSE(log.events[0].recovered);
  EXPECT_TRUE(log.events[1].recovered);
  EXPECT_EQ(log.summary.recovered, 2u);
  ASSERT_EQ(log.damages.size(), 1u);
  EXPECT_EQ(log.damages[0].offset, kFirstChunk + torn);
  EXPECT_EQ(log.damages[0].skipped, next - torn);
}

TEST(EvtxTest, RecordsWhoseTemplateWasZeroedAreReportedOneByOne) {
  std::string bytes = chunk_of(1, 3);
  const std::size_t second = bytes.find("**", 514);
  bytes.replace(512 + 40, second - 512 - 60, second - 512 - 60, '\0');
  ChunkWriter::seal(bytes);
  const Log log = read(file_of({bytes, chunk_of(4, 1)}));
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{4}));
  EXPECT_EQ(log.what(), (std::vector<std::string>{"event record 1: its template is missing",
                                                  "event record 2: its template is missing",
                                                  "event record 3: its template is missing"}));
  EXPECT_EQ(log.damages[1].offset, kFirstChunk + second);
}

TEST(EvtxTest, TemplateThatWasZeroedBehindItsHeadIsMissing) {
  const Fragment inner{.root = element("EventData", {data("v", slot(0))}), .values = {string("x")}};
  ChunkWriter chunk;
  chunk.record(1, event({.record_id = 1}, fragment(inner)));
  chunk.record(2, event({.record_id = 2}, fragment(inner)));
  std::string bytes = chunk.finish();
  // Of the second definition in the chunk the head stays: next, GUID and size in front of its own fragment header.
  const std::string header("\x0f\1\1\0\1\xff\xff", 7), header_with_attributes("\x0f\1\1\0\x41\xff\xff", 7);
  const std::size_t root = bytes.find(header_with_attributes);
  const std::size_t definition = bytes.find(header, root + 1);
  ASSERT_NE(definition, std::string::npos);
  bytes.replace(definition, 40, 40, '\0');
  ChunkWriter::seal(bytes);
  const Log log = read(file_of({bytes}));
  EXPECT_TRUE(log.events.empty());
  EXPECT_EQ(log.what(), (std::vector<std::string>{"event record 1: its template is empty",
                                                  "event record 2: its template is empty"}));
}

TEST(EvtxTest, RecordWhoseValuesWereZeroedIsDamage) {
  const Log log = read(file_with(named_event({.id = 0, .record_id = 0, .time = 0}, {{"v", string("")}})));
  EXPECT_TRUE(log.events.empty());
  EXPECT_EQ(log.what(), std::vector<std::string>{"event record 1: its values are zeros"});
  for (const EventText& head : {EventText{.id = 0}, EventText{.id = 0, .record_id = 0}, EventText{.id = 0, .time = 0}})
    EXPECT_EQ(read(file_with(classic_event(head, {}, ""))).events.size(), 1u);
}

TEST(EvtxTest, NameThatWasZeroedInItsMiddleIsDamage) {
  std::string bytes = chunk_of(1, 1);
  const std::string name = utf8_to_utf16("EventRecordID");
  bytes.replace(bytes.find(name) + 6, name.size() - 6, name.size() - 6, '\0');
  const Log log = read(file_of({bytes}));
  EXPECT_TRUE(log.events.empty());
  EXPECT_EQ(log.what().back(), "event record 1: a name is damaged");
}

TEST(EvtxTest, ChunkWhoseFirstPageWasZeroedGivesTheRecordsBehindIt) {
  ChunkWriter chunk;
  // Has no name in common with the others, so that they bring their names and templates with them.
  chunk.record(1, {.root = element("Filler", {text(std::string(2000, 'x'))}), .is_template = false});
  const std::size_t second = chunk.record(2, classic_event({.record_id = 2}, {"a"}, ""));
  chunk.record(3, classic_event({.record_id = 3}, {"b"}, ""));
  constexpr std::size_t kPage = 4096;
  ASSERT_GT(second, kPage);
  std::string bytes = chunk.finish();
  bytes.replace(0, kPage, kPage, '\0');
  const Log log = read(file_of({bytes, chunk_of(4, 1), std::string(ChunkWriter::kSize, '*')}));
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{2, 3, 4}));
  EXPECT_EQ(log.summary.recovered, 2u);
  EXPECT_EQ(log.what(), (std::vector<std::string>{"chunk: its signature is missing",
                                                  "chunk: its header gives an impossible end of the records",
                                                  "chunk: bytes that are no record", "bytes that are no chunk"}));
  EXPECT_EQ(log.damages[2].skipped, second - 512);
}

TEST(EvtxTest, DirtyLogIsReadBeyondTheChunksItsHeaderCounts) {
  std::string file = file_of({chunk_of(1, 2)}, {.flags = 1});
  file += chunk_of(3, 2) + std::string(3 * ChunkWriter::kSize, '\0');
  const Log log = read(file);
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(log.what(), std::vector<std::string>{});
}

TEST(EvtxTest, ChunkPlacesWithoutChunkAreReportedOncePerRunAndSteppedOver) {
  const std::string zeros(2 * ChunkWriter::kSize, '\0'), junk(ChunkWriter::kSize, 'j');
  const Log log = read(file_of({chunk_of(1, 1), zeros, chunk_of(2, 1), junk, junk, chunk_of(3, 1)}));
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{1, 2, 3}));
  ASSERT_EQ(log.what(), (std::vector<std::string>{"zeros where a chunk should be", "bytes that are no chunk"}));
  EXPECT_EQ(log.damages[0].offset, kFirstChunk + ChunkWriter::kSize);
  EXPECT_EQ(log.damages[0].skipped, 2 * ChunkWriter::kSize);
  EXPECT_EQ(log.damages[1].skipped, 2 * ChunkWriter::kSize);
}

TEST(EvtxTest, ChunksOutOfTheirPlaceAreFound) {
  const Log log = read(file_of({chunk_of(1, 1), std::string(1000, 'j'), chunk_of(2, 1), chunk_of(3, 1)}));
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_TRUE(log.events.back().recovered);
  EXPECT_FALSE(log.events.front().recovered);
}

TEST(EvtxTest, ChunkWithoutItsSignatureIsRecovered) {
  std::string chunk = chunk_of(1, 2);
  chunk.replace(0, 8, 8, 'x');
  const Log log = read(file_of({chunk, chunk_of(3, 1)}));
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(log.summary.recovered, 2u);
  EXPECT_EQ(log.what(), std::vector<std::string>{"chunk: its signature is missing"});
}

TEST(EvtxTest, HolesOfASparseFileCountAsZeros) {
  const std::string chunk = chunk_of(1, 3);
  const std::string head = file_of({chunk}).substr(0, 4096 + 8192);
  const std::string tail = chunk_of(4, 1);
  const std::uint64_t slack = ChunkWriter::kSize - 8192;
  const std::uint64_t hole = slack + 100'000 * std::uint64_t{ChunkWriter::kSize};
  auto stepped_over = std::make_shared<std::uint64_t>(0);
  int reads = 0;
  EvtxInput input;
  input.hole_bytes = stepped_over;
  input.read = [&, offset = std::size_t{0}](std::span<char> target) mutable -> Result<std::size_t> {
    ++reads;
    const std::string& part = offset < head.size() ? head : tail;
    const std::size_t begin = offset < head.size() ? offset : offset - head.size();
    if (offset == head.size()) *stepped_over = hole;
    const std::size_t size = std::min(target.size(), part.size() - begin);
    std::memcpy(target.data(), part.data() + begin, size);
    offset += size;
    return size;
  };
  const Log log = read(input);
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{1, 2, 3, 4}));
  ASSERT_EQ(log.what(), std::vector<std::string>{"zeros where a chunk should be"});
  EXPECT_EQ(log.damages[0].skipped, 100'000 * std::uint64_t{ChunkWriter::kSize});
  EXPECT_LT(reads, 10);
}

TEST(EvtxTest, WhatIsNoEventLogGivesOneError) {
  struct Case {
    const char* name;
    std::string bytes;
    const char* error;
  };
  const Case cases[] = {
      {"empty", "", "the file is empty"},
      {"one byte", "E", "not a Windows event log"},
      {"zip", "PK\3\4" + std::string(300, 'z'), "not a Windows event log"},
      {"text", std::string(3 << 20, 't'), "not a Windows event log"},
      {"zeros", std::string(3 << 20, '\0'), "not a Windows event log"},
  };
  for (const Case& c : cases) {
    const Log log = read(c.bytes);
    EXPECT_EQ(log.error, c.error) << c.name;
    EXPECT_TRUE(log.damages.empty()) << c.name;
  }
}

TEST(EvtxTest, LogWithoutItsFileHeaderIsReadFromItsChunks) {
  std::string file = file_of({chunk_of(1, 2)});
  file.replace(0, 4096, 4096, '\0');
  const Log log = read(file);
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(log.what(), std::vector<std::string>{"file header: its signature is missing"});
}

TEST(EvtxTest, MissingChunksAtTheEndAreReported) {
  const Log log = read(file_of({chunk_of(1, 1)}, {.missing_chunks = 2}));
  EXPECT_EQ(log.what(), std::vector<std::string>{"the file ends after 1 of 3 chunks"});
}

TEST(EvtxTest, EveryTruncationIsReadAsFarAsItGoes) {
  const std::string file = file_of({chunk_of(1, 4), chunk_of(5, 4)});
  const std::size_t used = 512 + 4 * 700;
  std::size_t most = 0;
  for (std::size_t size = 1; size < kFirstChunk + ChunkWriter::kSize + used; size += size < 5000 ? 7 : 97) {
    const Log log = read(file.substr(0, size));
    EXPECT_FALSE(log.error.empty() && log.damages.empty()) << size;
    EXPECT_GE(log.events.size(), most) << size;
    most = log.events.size();
  }
  EXPECT_GE(most, 4u);
}

TEST(EvtxTest, NoFlippedBitHarmsMoreThanItsChunk) {
  const std::string first = chunk_of(1, 3);
  const std::size_t used = 512 + first.substr(512).find_last_not_of('\0');
  for (std::size_t bit = 0; bit < 8 * used; bit += 11) {
    std::string chunk = first;
    chunk[bit / 8] = static_cast<char>(chunk[bit / 8] ^ (1 << bit % 8));
    const Log log = read(file_of({chunk, chunk_of(4, 1)}));
    ASSERT_FALSE(log.events.empty()) << bit;
    EXPECT_EQ(log.events.back().record_id, 4u) << bit;
    // Only a chunk's flags are under no checksum.
    const bool covered = bit / 8 < 120 || bit / 8 >= 124;
    EXPECT_EQ(log.damages.empty(), !covered) << bit;
  }
}

TEST(EvtxTest, NestingHasAnEnd) {
  Node deep = element("Leaf", {text("x")});
  for (int i = 0; i < 100; ++i) deep = element("N", {deep});
  const Log elements = read(file_with(event({}, fragment({.root = element("UserData", {deep})}))));
  EXPECT_EQ(elements.what(), std::vector<std::string>{"event record 1: elements are nested too deeply"});

  Fragment inner{.root = element("F", {text("x")})};
  for (int i = 0; i < 100; ++i) inner = Fragment{.root = element("F", {slot(0, 0x21)}), .values = {fragment(inner)}};
  const Log fragments = read(file_with(event({}, fragment(inner))));
  EXPECT_EQ(fragments.what(), std::vector<std::string>{"event record 1: its fragments are nested too deeply"});
}

TEST(EvtxTest, RecordThatUnfoldsWithoutEndIsDamage) {
  // Each level shows the level below a hundred times: 100^4 values in two kilobytes.
  Fragment inner{.root = element("F", {data("v", text("x"))})};
  for (int level = 0; level < 4; ++level) {
    Node root = element("F", {});
    for (int i = 0; i < 100; ++i) root.children.push_back(element("E" + std::to_string(level), {slot(0, 0x21)}));
    inner = Fragment{.root = root, .values = {fragment(inner)}};
  }
  const Log log = read(file_with(event({}, fragment(inner))));
  ASSERT_EQ(log.damages.size(), 1u);
  EXPECT_TRUE(log.events.empty());
}

TEST(EvtxTest, ReadErrorIsReportedBehindWhatWasRead) {
  const std::string file = file_of({chunk_of(1, 2)});
  EvtxInput input = input_of(file);
  input.read = [inner = input.read, reads = 0](std::span<char> target) mutable -> Result<std::size_t> {
    if (++reads > 2) return Error{ErrorCode::io, "System.evtx: Input/output error"};
    return inner(target.first(std::min<std::size_t>(target.size(), 69'632)));
  };
  const Log log = read(input);
  EXPECT_EQ(log.record_ids(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(log.what(), std::vector<std::string>{"System.evtx: Input/output error"});
}

TEST(EvtxTest, ConsumerCanEndTheReading) {
  std::vector<std::string> chunks;
  for (std::uint64_t i = 0; i < 20; ++i) chunks.push_back(chunk_of(10 * i + 1, 10));
  const std::string file = file_of(chunks);
  for (const std::size_t threads : {1, 3}) {
    EvtxInput input = input_of(file);
    int commits = 0;
    const EvtxConsumer consumer{
        .wants = {}, .event = [](const Event&) { return true; }, .commit = [&] { return ++commits < 5; }};
    std::vector<EvtxConsumer> consumers(threads, consumer);
    ASSERT_TRUE(read_evtx(input, {}, consumers).ok());
    EXPECT_EQ(commits, 5) << threads;
  }
}

TEST(EvtxTest, WhatOneThreadThrowsEndsTheReadingOfAll) {
  std::vector<std::string> chunks;
  for (std::uint64_t i = 0; i < 40; ++i) chunks.push_back(chunk_of(10 * i + 1, 10));
  const std::string file = file_of(chunks);
  for (const std::size_t threads : {1, 3}) {
    for (const std::uint64_t bad : {1, 55, 399}) {
      EvtxInput input = input_of(file);
      const auto take = [&](const Event& event) -> bool {
        if (event.record_id == bad) throw std::bad_alloc();
        return false;
      };
      std::vector<EvtxConsumer> consumers(threads,
                                          EvtxConsumer{.wants = {}, .event = take, .commit = [] { return true; }});
      EXPECT_THROW(read_evtx(input, {}, consumers), std::bad_alloc) << threads << " threads, record " << bad;
    }
  }
}

TEST(EventTextTest, JsonEscapesWhatJsonForbids) {
  Event event;
  event.provider = "a\"b\\c";
  event.event_id = 7;
  event.level = 2;
  event.record_id = 9;
  event.data = {{"long enough for a block", "tab\there, line\nend\r\x01 and \"quotes\" in the middle of more text"},
                {"#1", "日本"}};
  OutputText out;
  append_event_json(out, event);
  EXPECT_EQ(out.view(),
            "{\"record_id\":9,\"time\":\"1970-01-01T00:00:00.0000000Z\",\"provider\":\"a\\\"b\\\\c\",\"event_id\":7,"
            "\"level\":2,"
            "\"channel\":\"\",\"computer\":\"\",\"data\":[[\"long enough for a block\",\"tab\\there, "
            "line\\nend\\r\\u0001 and "
            "\\\"quotes\\\" in the middle of more text\"],[\"#1\",\"日本\"]]}\n");
}

TEST(EventTextTest, JsonEscapesWhereverInATextTheByteStands) {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      text[at] = '"';
      Event event;
      event.data = {{"n", text}};
      OutputText out;
      append_event_json(out, event);
      const std::string expected =
          "[\"n\",\"" + std::string(at, 'x') + "\\\"" + std::string(size - at - 1, 'x') + "\"]";
      EXPECT_NE(out.view().find(expected), std::string_view::npos) << size << " " << at;
    }
  }
}

TEST(EventTextTest, NumberThatIsZeroIsToldApartFromNone) {
  Event event;
  OutputText none, zero;
  append_event_json(none, event);
  event.has_record_id = true;
  append_event_json(zero, event);
  EXPECT_TRUE(none.view().starts_with("{\"record_id\":\"\",")) << none.view();
  EXPECT_TRUE(zero.view().starts_with("{\"record_id\":0,")) << zero.view();
}

TEST(EventTextTest, TextShowsAHeadlineAndOneLinePerValue) {
  Event event;
  event.provider = "VSS";
  event.channel = "Application";
  event.computer = "vm1";
  event.event_id = 8229;
  event.level = 3;
  event.record_id = 12;
  event.data = {{"#1", "0x800423f4"}, {"#2", "\nOperation:\n   Freeze\n"}, {"#3", ""}, {"#4", "\x1b[31m"}};
  event.recovered = true;
  OutputText out;
  append_event_text(out, event);
  EXPECT_EQ(out.view(),
            "1970-01-01T00:00:00.0000000Z Warning VSS 8229 (Application, vm1, record 12, recovered)\n"
            "    #1: 0x800423f4\n"
            "    #2:\n"
            "        Operation:\n"
            "           Freeze\n"
            "    #4: \\x1B[31m\n");
}

TEST(EventsTest, FiltersByProviderIdLevelAndTime) {
  ChunkWriter chunk;
  chunk.record(1, classic_event({.provider = "VSS", .id = 8229, .level = 3, .record_id = 1}, {}, ""));
  const std::string file = file_of({chunk.finish()});
  const Time logged = read(file).events.front().time;
  struct Case {
    const char* name;
    EventsOptions options;
    bool passes;
  };
  const Case cases[] = {
      {"no condition", {}, true},
      {"the provider in another case", {.providers = {"vss"}}, true},
      {"one of several providers", {.providers = {"volsnap", "VSS"}}, true},
      {"a longer name", {.providers = {"VSSAudit"}}, false},
      {"a shorter name", {.providers = {"VS"}}, false},
      {"the id", {.ids = {1, 8229}}, true},
      {"another id", {.ids = {8230}}, false},
      {"this level", {.level = std::uint8_t{3}}, true},
      {"a less severe limit", {.level = std::uint8_t{4}}, true},
      {"a more severe limit", {.level = std::uint8_t{2}}, false},
      {"audit events only", {.level = std::uint8_t{0}}, false},
      {"since then", {.since = logged}, true},
      {"since later", {.since = logged + std::chrono::seconds(1)}, false},
  };
  for (const Case& c : cases) {
    const EventFilter filter(c.options);
    EXPECT_EQ(read(input_of(file), filter).events.size(), c.passes ? 1u : 0u) << c.name;
  }
}

TEST(EventsTest, RecoveredEventsAreCountedOrShown) {
  std::string chunk = chunk_of(1, 2);
  chunk.replace(0, 8, 8, 'x');
  const std::string file = file_of({chunk, chunk_of(3, 1)});
  for (const bool recovered : {false, true}) {
    std::ostringstream out, errors;
    EvtxInput input = input_of(file);
    EXPECT_EQ(print_events({.path = "x.evtx", .recovered = recovered}, input, out, errors), 3);
    const auto lines = [](const std::ostringstream& stream) {
      const std::string text = stream.str();
      return std::count(text.begin(), text.end(), '\n');
    };
    EXPECT_EQ(lines(out), recovered ? 3 : 1);
    EXPECT_EQ(lines(errors), recovered ? 1 : 2);
  }
}

}  // namespace
}  // namespace vmtriage
