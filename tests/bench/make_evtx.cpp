// Writes one large event log as the System and Application logs of an Azure Windows VM look, for `./dev bench`:
//
//     make_evtx OUT SIZE
//
// The same arguments give the same bytes. A few dozen chunks are made and repeated, record numbers and all, until the
// file has SIZE; a few events in a hundred are ones that a rule asks for.

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/text.h"
#include "tests/analyzers/evtx_writer.h"

namespace vmtriage {
namespace {

using namespace evtx_writer;

// The same on every standard library, which the distributions of <random> are not.
using Random = std::mt19937_64;

constexpr std::uint64_t kChunks = 48;
/// No record, with the templates it may be the first to need, is longer: what may stay free at a chunk's end.
constexpr std::size_t kLongestRecord = 5 << 10;
/// The file header counts with 16 bits.
constexpr std::uint64_t kMaxChunks = 65'535;
constexpr std::size_t kHeaderBytes = 4096;
constexpr std::uint64_t kTicksPerSecond = 10'000'000;
constexpr std::uint64_t kMay1st2024 = 133'590'816'000'000'000;

/// Who logs, as it stands in a record's System.
struct Provider {
  std::string_view name;
  std::string_view guid = {};  ///< none: registered for the old interface only
  std::string_view event_source = {};
  /// Exported logs have providers with a manifest as values of one template for all; the others are part of their own.
  bool is_value = false;
};

constexpr Provider kServices{"Service Control Manager", "{555908d1-a6d7-4695-8e1e-26931d2012f4}",
                             "Service Control Manager"};
constexpr Provider kUpdate{"Microsoft-Windows-WindowsUpdateClient", "{945a8954-c147-4acd-923f-40c45405a658}", "", true};
constexpr Provider kKernel{"Microsoft-Windows-Kernel-General", "{a68ca8b7-004f-d7b6-a698-07e2de0f1f5d}", "", true};
constexpr Provider kVss{"VSS"};
constexpr Provider kVolsnap{"volsnap"};
constexpr Provider kDisk{"disk"};
constexpr Provider kEventLog{"EventLog"};
constexpr Provider kEsent{"ESENT"};
constexpr Provider kSql{"MSSQLSERVER"};

struct Service {
  std::string_view name;
  std::string_view shown;
};
constexpr Service kServiceNames[] = {
    {"VSS", "Volume Shadow Copy"},
    {"swprv", "Microsoft Software Shadow Copy Provider"},
    {"BITS", "Background Intelligent Transfer Service"},
    {"TrustedInstaller", "Windows Modules Installer"},
    {"wuauserv", "Windows Update"},
    {"WinHttpAutoProxySvc", "WinHTTP Web Proxy Auto-Discovery Service"},
    {"RdAgent", "RdAgent"},
    {"WindowsAzureGuestAgent", "Windows Azure Guest Agent"},
    {"IaaSVmProvider", "Microsoft Azure Recovery Services VSS Provider"},
    {"AppXSvc", "AppX Deployment Service (AppXSVC)"},
    {"SQLWriter", "SQL Server VSS Writer"},
    {"gpsvc", "Group Policy Client"},
};

constexpr std::string_view kWriters[] = {"SqlServerWriter", "WMI Writer", "System Writer", "IIS Metabase Writer"};

template <typename Table>
const auto& any_of(Random& random, const Table& table) {
  return table[random() % std::size(table)];
}

std::string number(Random& random, std::uint64_t limit) { return std::to_string(random() % limit); }

std::string guid(Random& random) {
  std::string text;
  for (const char c : std::string_view("{xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx}"))
    text += c == 'x' ? "0123456789abcdef"[random() % 16] : c;
  return text;
}

/// `{00112233-4455-6677-8899-aabbccddeeff}` as a GUID is stored: its first three numbers little endian.
std::string guid_bytes(std::string_view text) {
  constexpr std::array<std::size_t, 16> kOrder = {7, 5, 3, 1, 12, 10, 17, 15, 20, 22, 25, 27, 29, 31, 33, 35};
  std::string bytes;
  for (const std::size_t at : kOrder)
    bytes += static_cast<char>(std::stoi(std::string(text.substr(at, 2)), nullptr, 16));
  return bytes;
}

// What providers log: EventData with one array of strings, or with names, each with the binary part of its provider.

Value array_data(const std::vector<std::string>& items, const std::string& bytes) {
  Fragment inner;
  inner.root = element("EventData", {element("Data", {slot(0, 0x81)}), element("Binary", {optional_slot(1, 0x0e)})});
  inner.values = {strings(items), bytes.empty() ? null() : binary(bytes)};
  return fragment(inner);
}

Value named_data(const std::vector<std::pair<std::string, Value>>& values, const std::string& bytes = "") {
  Fragment inner;
  inner.root.text = "EventData";
  for (const auto& [name, value] : values) {
    inner.root.children.push_back(data(name, slot(static_cast<std::uint16_t>(inner.values.size()), value.type)));
    inner.values.push_back(value);
  }
  if (!bytes.empty()) {
    inner.root.children.push_back(
        element("Binary", {optional_slot(static_cast<std::uint16_t>(inner.values.size()), 0x0e)}));
    inner.values.push_back(binary(bytes));
  }
  return fragment(inner);
}

Value service_state(Random& random) {
  const Service& service = any_of(random, kServiceNames);
  const bool runs = random() % 2 != 0;
  const std::string bytes = utf8_to_utf16(std::string(service.name) + (runs ? "/4" : "/1")) + std::string(2, '\0');
  return named_data({{"param1", string(service.shown)}, {"param2", string(runs ? "running" : "stopped")}}, bytes);
}

Value service_crash(Random& random) {
  const Service& service = any_of(random, kServiceNames);
  return named_data({{"param1", string(service.shown)},
                     {"param2", string(number(random, 5))},
                     {"param3", string("60000")},
                     {"param4", string("1")},
                     {"param5", string("Restart the service")}},
                    utf8_to_utf16(service.name) + std::string(2, '\0'));
}

Value service_start_type(Random& random) {
  const bool to_demand = random() % 2 != 0;
  return named_data({{"param1", string(kServiceNames[2].shown)},
                     {"param2", string(to_demand ? "auto start" : "demand start")},
                     {"param3", string(to_demand ? "demand start" : "auto start")},
                     {"param4", string(kServiceNames[2].name)}});
}

std::string vss_call(Random& random, std::string_view code) {
  return "- Code: " + std::string(code) + "- Call: " + std::string(code) + "- PID:  0000" + number(random, 10'000) +
         "- TID:  0000" + number(random, 10'000) +
         "- CMD:  C:\\Windows\\system32\\vssvc.exe   - User: Name: NT AUTHORITY\\SYSTEM, SID:S-1-5-18 ";
}

Value vss_idle(Random& random) { return array_data({""}, vss_call(random, "CORSVCC00000782")); }

Value vss_writer_failed(Random& random) {
  const std::string context =
      "\n\nOperation:\n   PostSnapshot Event\n\nContext:\n   Execution Context: Writer\n"
      "   Writer Class Id: " +
      guid(random) + "\n   Writer Name: " + std::string(any_of(random, kWriters)) +
      "\n   Writer Instance ID: " + guid(random) +
      "\n   Command Line: C:\\Windows\\system32\\svchost.exe -k netsvcs\n   Process ID: " + number(random, 10'000);
  return array_data({"0x800423f4, The writer experienced a non-transient error.\n", context},
                    vss_call(random, "WRTWRTIC00001205"));
}

std::string status_block(Random& random, std::uint32_t status) {
  std::string bytes = little_endian(std::uint32_t{0}) + little_endian(std::uint32_t{0x00580002}) +
                      little_endian(std::uint32_t{0}) + little_endian(status);
  while (bytes.size() < 40) bytes += little_endian(std::uint64_t{random() % 4});
  return bytes;
}

Value shadow_copy(Random& random) {
  return array_data({"\\Device\\HarddiskVolumeShadowCopy" + number(random, 90), "C:"},
                    status_block(random, 0x40060021));
}

Value shadow_copy_limit(Random& random) {
  return array_data({"\\Device\\HarddiskVolumeShadowCopy" + number(random, 90), random() % 2 != 0 ? "C:" : "F:"},
                    status_block(random, 0xc0060024));
}

Value io_retried(Random& random) {
  return array_data({"\\Device\\Harddisk" + number(random, 4) + "\\DR0", "0x" + number(random, 99'999'999),
                     number(random, 4), "\\Device\\0000003" + number(random, 10)},
                    status_block(random, 0x80040099));
}

Value log_started(Random&) { return array_data({}, little_endian(std::uint64_t{0x0004000107e80005})); }

Value uptime(Random& random) {
  return array_data({"", "", "", "", number(random, 9'999'999), "60", "0 Coordinated Universal Time"},
                    std::string(28, '\0') + utf8_to_utf16("Coordinated Universal Time") + std::string(80, '\0'));
}

Value database_engine_started(Random& random) {
  const std::string process = number(random, 10'000);
  return array_data({"svchost", process + ",P,98", "SRUJet: ", "0", "10", "00", "20348", "0000"}, "");
}

Value database_backed_up(Random& random) {
  const std::string lsn = number(random, 99'999) + ":" + number(random, 999'999) + ":1";
  return array_data(
      {"Sales" + number(random, 40), "2023/11/16(22:30:09)", number(random, 9'999'999), lsn, lsn, "1",
       "FILE=1, TYPE=VIRTUAL_DEVICE: {'" + guid(random) + "1'}"},
      little_endian(std::uint64_t{0x0a00000000004758}) + utf8_to_utf16("app-vm01") + std::string(10, '\0'));
}

Value update_installed(Random& random) {
  return named_data({{"updateTitle", string("Security Intelligence Update - KB2267602 (Version 1.409." +
                                            number(random, 900) + ".0) - Current Channel (Broad)")},
                     {"updateGuid", value(0x0f, guid_bytes(guid(random)))},
                     {"updateRevisionNumber", u32(200)},
                     {"serviceGuid", value(0x0f, guid_bytes("{9482f4b4-e343-43b6-b170-9a65bc822c77}"))}});
}

Value system_started(Random& random) {
  return named_data({{"MajorVersion", u32(10)},
                     {"MinorVersion", u32(0)},
                     {"BuildVersion", u32(20348)},
                     {"QfeVersion", u32(2402)},
                     {"ServiceVersion", u32(0)},
                     {"BootMode", u32(0)},
                     {"StartTime", file_time(kMay1st2024 + random() % kTicksPerSecond)}});
}

struct EventKind {
  const Provider& provider;
  std::uint16_t id;
  std::uint16_t qualifiers;
  std::uint8_t level;
  std::uint16_t task;
  std::uint64_t keywords;
  std::uint64_t share;  ///< of all events of its channel
  Value (*data)(Random&);
};

constexpr std::uint64_t kClassic = 0x80000000000000;
constexpr EventKind kSystemEvents[] = {
    {kServices, 7036, 16384, 4, 0, 0x8080000000000000, 640, service_state},
    {kServices, 7040, 16384, 4, 0, 0x8080000000000000, 90, service_start_type},
    {kServices, 7031, 49152, 2, 0, 0x8080000000000000, 4, service_crash},
    {kVolsnap, 33, 16390, 4, 0, kClassic, 60, shadow_copy},
    {kVolsnap, 36, 49158, 2, 0, kClassic, 4, shadow_copy_limit},
    {kDisk, 153, 32772, 3, 0, kClassic, 8, io_retried},
    {kEventLog, 6005, 32768, 4, 0, kClassic, 10, log_started},
    {kEventLog, 6013, 32768, 4, 0, kClassic, 50, uptime},
    {kUpdate, 19, 0, 4, 1, 0x8000000000000018, 100, update_installed},
    {kKernel, 12, 0, 4, 1, 0x8000000000000080, 40, system_started},
};
constexpr EventKind kApplicationEvents[] = {
    {kVss, 8224, 0, 4, 0, kClassic, 300, vss_idle},
    {kVss, 8229, 0, 3, 0, kClassic, 8, vss_writer_failed},
    {kEsent, 102, 0, 4, 1, kClassic, 300, database_engine_started},
    {kSql, 18264, 16384, 4, 6, kClassic, 400, database_backed_up},
};

struct Channel {
  std::string_view name;
  std::span<const EventKind> events;
};
// System logs grow about twice as fast.
constexpr Channel kChannels[] = {
    {"System", kSystemEvents}, {"System", kSystemEvents}, {"Application", kApplicationEvents}};

const EventKind& choose(Random& random, std::span<const EventKind> kinds) {
  std::uint64_t all = 0;
  for (const EventKind& kind : kinds) all += kind.share;
  std::uint64_t left = random() % all;
  const EventKind* chosen = kinds.data();
  while (left >= chosen->share) left -= (chosen++)->share;
  return *chosen;
}

Node provider_node(const Provider& provider) {
  if (provider.is_value) return element("Provider", {{"Name", {slot(14)}}, {"Guid", {slot(15, 0x0f)}}}, {});
  Attributes attributes = {{"Name", {text(std::string(provider.name))}}};
  if (!provider.guid.empty()) attributes.push_back({"Guid", {text(std::string(provider.guid))}});
  if (!provider.event_source.empty())
    attributes.push_back({"EventSourceName", {text(std::string(provider.event_source))}});
  return element("Provider", std::move(attributes), {});
}

/// Substitutions are numbered as Windows numbers them.
Node event_node(const Provider& provider, std::string_view channel) {
  const Node system = element(
      "System",
      {provider_node(provider), element("EventID", {{"Qualifiers", {optional_slot(4, 0x06)}}}, {slot(3, 0x06)}),
       element("Version", {slot(11, 0x04)}), element("Level", {slot(0, 0x04)}), element("Task", {slot(2, 0x06)}),
       element("Opcode", {slot(1, 0x04)}), element("Keywords", {slot(5, 0x15)}),
       element("TimeCreated", {{"SystemTime", {slot(6, 0x11)}}}, {}), element("EventRecordID", {slot(10, 0x0a)}),
       element("Correlation",
               {{"ActivityID", {optional_slot(7, 0x0f)}}, {"RelatedActivityID", {optional_slot(17, 0x0f)}}}, {}),
       element("Execution", {{"ProcessID", {slot(8, 0x08)}}, {"ThreadID", {slot(9, 0x08)}}}, {}),
       element("Channel", {provider.is_value ? slot(16) : text(std::string(channel))}),
       element("Computer", {text("app-vm01")}), element("Security", {{"UserID", {optional_slot(12, 0x13)}}}, {})});
  return element("Event", {{"xmlns", {text("http://schemas.microsoft.com/win/2004/08/events/event")}}},
                 {system, optional_slot(13, 0x21)});
}

Fragment record_of(const EventKind& kind, std::string_view channel, std::uint64_t id, std::uint64_t time,
                   Random& random) {
  const std::string local_system("\1\1\0\0\0\0\0\5\x12\0\0\0", 12);
  const Provider& provider = kind.provider;
  const bool has_manifest = provider.is_value;
  const auto process = static_cast<std::uint32_t>(provider.guid.empty() ? 0 : 4 * (random() % 3000));
  Fragment root;
  root.root = event_node(provider, channel);
  root.values = {u8(kind.level),
                 u8(0),
                 u16(kind.task),
                 u16(kind.id),
                 has_manifest ? null() : u16(kind.qualifiers),
                 value(0x15, little_endian(kind.keywords)),
                 file_time(time),
                 null(),
                 u32(process),
                 u32(process),
                 u64(id),
                 u8(0),
                 has_manifest ? value(0x13, local_system) : null(),
                 kind.data(random),
                 has_manifest ? string(provider.name) : null(),
                 has_manifest ? value(0x0f, guid_bytes(provider.guid)) : null(),
                 has_manifest ? string(channel) : null(),
                 null()};
  return root;
}

/// The chunks, full, with numbers and times that go on from one to the next.
class ChunkMaker {
 public:
  std::string next(const Channel& channel) {
    ChunkWriter chunk;
    std::size_t start = 0;
    while (start < ChunkWriter::kSize - kLongestRecord) {
      time_ += random_() % (600 * kTicksPerSecond);
      const EventKind& kind = choose(random_, channel.events);
      ++records_;
      start = chunk.record(records_, record_of(kind, channel.name, records_, time_, random_));
    }
    return chunk.finish();
  }
  std::uint64_t records() const { return records_; }

 private:
  Random random_{1};
  std::uint64_t records_ = 0;
  std::uint64_t time_ = kMay1st2024;
};

int write_log(const std::string& path, std::uint64_t count) {
  std::vector<std::string> chunks;
  ChunkMaker maker;
  for (std::uint64_t i = 0; i < kChunks; ++i) chunks.push_back(maker.next(kChannels[i % std::size(kChannels)]));
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << file_of({}, {.missing_chunks = static_cast<std::uint16_t>(count)});
  for (std::uint64_t i = 0; i < count && out; ++i) out << chunks[i % kChunks];
  out.close();
  if (!out) {
    std::fprintf(stderr, "make_evtx: %s: cannot be written\n", path.c_str());
    return 74;
  }
  std::printf("%s in %llu chunks, %llu events in each on average\n",
              format_size(kHeaderBytes + count * ChunkWriter::kSize).c_str(), static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(maker.records() / kChunks));
  return 0;
}

int run(std::span<char*> arguments) {
  const auto bytes = arguments.size() == 2 ? parse_size(arguments[1]) : std::nullopt;
  const std::uint64_t count = bytes && *bytes > kHeaderBytes ? (*bytes - kHeaderBytes) / ChunkWriter::kSize : 0;
  if (count == 0 || count > kMaxChunks) {
    std::fputs("usage: make_evtx OUT SIZE   SIZE: 1M, 512M, at most 4G\n", stderr);
    return 64;
  }
  return write_log(arguments[0], count);
}

}  // namespace
}  // namespace vmtriage

int main(int argc, char** argv) { return vmtriage::run(std::span(argv, static_cast<std::size_t>(argc)).subspan(1)); }
