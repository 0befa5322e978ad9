#include "agent/manifest.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vmtriage {
namespace {

const std::string kHash(64, 'a');

ManifestEntry sample_entry() {
  ManifestEntry entry;
  entry.id = "linux.waagent.log";
  entry.origin = "/var/log/waagent.log";
  entry.bundle_path = "files/var/log/waagent.log";
  entry.size = 812;
  entry.modified = from_unix_seconds(1'714'529'283);
  entry.sha256 = kHash;
  entry.truncated = 100;
  entry.decoded = "gzip";
  entry.obtained = "exported";
  entry.redactions = 3;
  entry.redacted = true;
  entry.error = "changed while it was read";
  return entry;
}

ManifestHead sample_head() {
  ManifestHead head;
  head.tool = "vmtriage 1.0.0";
  head.bundle = "vmtriage_case_host_20240501T020304Z_abcdef";
  head.created = from_unix_seconds(1'714'529'284);
  head.partial = true;
  head.environment = {{"host", "vm1"}, {"os", "Ubuntu \"22.04\""}};
  return head;
}

std::string written(const ManifestHead& head, const std::vector<ManifestEntry>& files,
                    const std::vector<LeftOut>& left_out) {
  std::string json;
  ManifestWriter writer([&](std::string_view text) -> Status {
    json += text;
    return Done{};
  });
  EXPECT_TRUE(writer.begin(head).ok());
  for (const ManifestEntry& entry : files) EXPECT_TRUE(writer.add(entry).ok());
  for (const LeftOut& line : left_out) EXPECT_TRUE(writer.leave_out(line).ok());
  EXPECT_TRUE(writer.finish().ok());
  return json;
}

TEST(Manifest, IsReadAsItWasWritten) {
  ManifestEntry plain;
  plain.bundle_path = "README.txt";
  plain.sha256 = kHash;
  const std::vector<ManifestEntry> files = {sample_entry(), plain};
  const std::vector<LeftOut> left_out = {{"linux.syslog", "/var/log/syslog", "not found", 1}, {"x", "", "budget", 7}};
  const Result<Manifest> read = read_manifest(written(sample_head(), files, left_out));
  ASSERT_TRUE(read.ok()) << read.error().what;
  EXPECT_EQ(read.value().files, files);
  EXPECT_EQ(read.value().left_out, left_out);
  EXPECT_EQ(read.value().head.bundle, sample_head().bundle);
  EXPECT_EQ(read.value().head.tool, sample_head().tool);
  EXPECT_EQ(read.value().head.created, sample_head().created);
  EXPECT_EQ(read.value().head.environment, sample_head().environment);
  EXPECT_TRUE(read.value().head.partial);
}

TEST(Manifest, IsJsonWhateverItsListsHold) {
  const LeftOut left_out{"a", "b", "c", 1};
  for (const std::string& json :
       {written({}, {}, {}), written({}, {sample_entry()}, {}), written({}, {}, {left_out, left_out})}) {
    const auto parsed = nlohmann::json::parse(json, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << json;
    EXPECT_TRUE(parsed["files"].is_array());
    EXPECT_TRUE(parsed["left_out"].is_array());
  }
}

TEST(Manifest, HostileNamesStayInsideTheirStrings) {
  ManifestEntry entry = sample_entry();
  entry.origin = "/tmp/a\"b\n\xff\x01";
  entry.error = "bad byte \xfe";
  const Result<Manifest> read = read_manifest(written({}, {entry}, {}));
  ASSERT_TRUE(read.ok()) << read.error().what;
  EXPECT_EQ(read.value().files.at(0).origin, "/tmp/a\"b\\n\\xFF\\x01");
  EXPECT_EQ(read.value().files.at(0).error, "bad byte \xef\xbf\xbd");
}

TEST(Manifest, ErrorOfTheTargetIsHandedOn) {
  ManifestWriter writer([](std::string_view) -> Status { return Error{ErrorCode::io, "a.zip: full"}; });
  EXPECT_EQ(writer.begin({}).error().what, "a.zip: full");
  EXPECT_EQ(writer.add(sample_entry()).error().what, "a.zip: full");
  EXPECT_EQ(writer.finish().error().what, "a.zip: full");
}

TEST(Manifest, UnknownKeysOfAnyShapeArePassedOver) {
  const std::string json =
      R"({"schema":1,"new":[{"path":"x"},[1,{"size":2}]],"files":[{"path":"a","more":{"path":"b","l":[1,{"size":3}]},)"
      R"("size":7,"sha256":")" +
      kHash + R"("}],"environment":{"deep":{"a":"b"},"k":"v"}})";
  const Result<Manifest> read = read_manifest(json);
  ASSERT_TRUE(read.ok()) << read.error().what;
  ASSERT_EQ(read.value().files.size(), 1u);
  EXPECT_EQ(read.value().files[0].bundle_path, "a");
  EXPECT_EQ(read.value().files[0].size, 7u);
  EXPECT_EQ(read.value().head.environment, (Values{{"k", "v"}}));
}

struct BadManifest {
  std::string name;
  std::string json;
  std::string what;
};

class BadManifests : public testing::TestWithParam<BadManifest> {};

TEST_P(BadManifests, AreRefusedWithAReason) {
  const Result<Manifest> read = read_manifest(GetParam().json);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().what, "manifest.json: " + GetParam().what);
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadManifests,
    testing::Values(BadManifest{"Empty", "", "not JSON at byte 1"}, BadManifest{"Text", "hello", "not JSON at byte 1"},
                    BadManifest{"Array", "[]", "not an object"}, BadManifest{"Number", "1", "not an object"},
                    BadManifest{"CutOff", R"({"schema":1,"files":[)", "not JSON at byte 22"},
                    BadManifest{"NoSchema", R"({"files":[]})", "no schema"},
                    BadManifest{"NewerSchema", R"({"schema":2,"files":[]})", "schema 2 is newer than this program"},
                    BadManifest{"NoFiles", R"({"schema":1,"files":{}})", "no list of files"},
                    BadManifest{"NestedList", R"({"schema":1,"files":[["x"]]})", "files is not a list of objects"},
                    BadManifest{"NoPath", R"({"schema":1,"files":[{"size":1}]})", "file 1 has no path"},
                    BadManifest{"NoHash", R"({"schema":1,"files":[{"path":"a","sha256":"../x"}]})", "a has no sha256"},
                    BadManifest{"DeepArrays", R"({"schema":1,"x":)" + repeated("[", 200'000), "nested too deep"},
                    BadManifest{"DeepObjects", repeated(R"({"files":)", 200'000), "nested too deep"}),
    [](const auto& text) { return text.param.name; });

}  // namespace
}  // namespace vmtriage
