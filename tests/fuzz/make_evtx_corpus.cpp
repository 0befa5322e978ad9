#include <cstdio>
#include <fstream>
#include <string>

#include "tests/analyzers/evtx_writer.h"

// Writes the seeds of the two event log fuzzers: `make_evtx_corpus tests/fuzz/corpus`.
namespace {

using namespace vmtriage::evtx_writer;

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// A chunk without the unused room behind its records: cut-off chunks are read as well, and small seeds mutate better.
std::string cut(const std::string& chunk) {
  const std::size_t end = chunk.find_last_not_of('\0');
  return chunk.substr(0, end == std::string::npos ? 0 : end + 4);
}

std::string every_value_type() {
  ChunkWriter chunk;
  std::vector<std::pair<std::string, Value>> values;
  for (const int type : {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
                         0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x20}) {
    const std::string bytes("\1\2\0\0\5\0\0\0\1\0\0\0\2\0\0\0", 16);
    values.emplace_back("v" + std::to_string(type), value(static_cast<std::uint8_t>(type), bytes));
    values.emplace_back("a" + std::to_string(type), value(static_cast<std::uint8_t>(type | 0x80), bytes));
  }
  chunk.record(1, named_event({}, values));
  return cut(chunk.finish());
}

std::string nested() {
  Fragment leaf{
      .root = element("Inner", {{"code", {slot(0, 0x08)}}}, {text("a"), entity("amp"), char_reference(0x416)}),
      .values = {u32(5)}};
  Fragment plain{.root = element("Plain", {instruction("pi"), c_data("text")}), .values = {}, .is_template = false};
  Fragment outer{.root = element("UserData", {element("Outer", {slot(0, 0x21), slot(1, 0x21), slot(2, 0x23)})}),
                 .values = {fragment(leaf), fragment(plain), fragment(plain, 0x23)}};
  ChunkWriter chunk;
  chunk.record(1, event({}, fragment(outer)));
  chunk.record(2, event({}, fragment(outer)));
  return cut(chunk.finish());
}

std::string classic() {
  ChunkWriter chunk;
  chunk.record(1, classic_event({}, {"0x800423f4, Transient error", "Operation:\n   Freeze Event"}, "- Code: WRT"));
  chunk.record(2, classic_event({.id = 12289}, {"a", "", "c"}, ""));
  return cut(chunk.finish());
}

std::string forwarded() {
  ChunkWriter chunk;
  chunk.record(
      1,
      plain_event({}, {element("EventData", {data("x", text("1")), element("Data", {text("2")})}),
                       element("RenderingInfo", {{"Culture", {text("ja-JP")}}}, {element("Message", {text("m")})})}));
  return cut(chunk.finish());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: make_evtx_corpus FOLDER\n"), 64;
  const std::string folder = argv[1];
  const std::pair<const char*, std::string> seeds[] = {
      {"value-types", every_value_type()}, {"nested", nested()}, {"classic", classic()}, {"forwarded", forwarded()}};
  for (const auto& [name, chunk] : seeds) {
    write(folder + "/evtx/" + name, std::string(1, '\0') + file_of({chunk}));
    // Of the record at 512, the content starts behind its header of 24 bytes.
    std::string record = chunk;
    record.replace(0, 4, little_endian(std::uint16_t{536}) + little_endian(std::uint16_t{0xffff}));
    write(folder + "/binxml/" + name, record);
  }
  write(folder + "/evtx/two-chunks",
        std::string(1, '\1') + file_of({std::string(65'536, '\0'), classic()}).substr(0, 69'000));
}
