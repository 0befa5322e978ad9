#include "agent/verify.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "agent/manifest.h"
#include "agent/sha256.h"
#include "agent/zip_writer.h"
#include "tests/agent/scratch_folder.h"

namespace vmtriage {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

const std::string kFolder = "vmtriage_case_host_20240501T020304Z_abcdef";

void add(ZipWriter& zip, const std::string& name, std::string_view bytes) {
  Result<ZipWriter::Entry> entry = zip.open(name, {});
  ASSERT_TRUE(entry->write(bytes).ok());
  ASSERT_TRUE(entry->close().ok());
}

std::string manifest_of(const Files& files, const std::string& folder = kFolder) {
  std::string json;
  ManifestWriter writer([&](std::string_view text) -> Status {
    json += text;
    return Done{};
  });
  EXPECT_TRUE(writer.begin({.tool = "t", .bundle = folder, .created = {}, .partial = true, .environment = {}}).ok());
  for (const auto& [path, bytes] : files) {
    Sha256 hash;
    hash.update(bytes);
    ManifestEntry entry;
    entry.bundle_path = path;
    entry.size = bytes.size();
    entry.sha256 = hash.finish();
    EXPECT_TRUE(writer.add(entry).ok());
  }
  EXPECT_TRUE(writer.finish().ok());
  return json;
}

/// A zip of `stored` files and this manifest.
void write_bundle(const std::string& path, const Files& stored, const std::string& manifest) {
  auto zip = std::move(*ZipWriter::create(path));
  for (const auto& [name, bytes] : stored) add(*zip, kFolder + "/" + name, bytes);
  if (!manifest.empty()) add(*zip, kFolder + "/manifest.json", manifest);
  ASSERT_TRUE(zip->finish().ok());
}

const Files& sample() {
  static const Files files = {{"README.txt", "read me\n"},
                              {"files/var/log/syslog", std::string(200'000, 'x')},
                              {"files/バックアップ😀.log", "語"},
                              {"commands/vssadmin list writers.txt", ""}};
  return files;
}

TEST(Verify, WholeBundleHasNoProblem) {
  const ScratchFolder folder;
  write_bundle(folder.file("a.zip"), sample(), manifest_of(sample()));
  const Result<VerifyReport> report = verify_bundle(folder.file("a.zip"));
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_EQ(report.value().problems, std::vector<std::string>{});
  EXPECT_EQ(report.value().bundle, kFolder);
  EXPECT_TRUE(report.value().partial);
  EXPECT_EQ(report.value().files, 4u);
  EXPECT_EQ(report.value().bytes, 200'011u);
}

TEST(Verify, BundlePackedAnewByAnotherToolHasNoProblem) {
  if (!has_tool("unzip") || !has_tool("zip")) GTEST_SKIP() << "zip and unzip are not installed";
  const ScratchFolder folder;
  write_bundle(folder.file("a.zip"), sample(), manifest_of(sample()));
  const std::string paths =
      "cd " + folder.path() + " && LC_ALL=C.UTF-8 unzip -q a.zip && LC_ALL=C.UTF-8 zip -qr b.zip " + kFolder;
  ASSERT_EQ(run_quietly(paths), 0);
  const Result<VerifyReport> report = verify_bundle(folder.file("b.zip"));
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_EQ(report.value().problems, std::vector<std::string>{});
}

struct Difference {
  std::string name;
  std::function<void(Files&)> change;  ///< of what is stored, after the manifest was made
  std::vector<std::string> problems;
};

class VerifyDifference : public testing::TestWithParam<Difference> {};

TEST_P(VerifyDifference, IsNamed) {
  const ScratchFolder folder;
  Files stored = sample();
  GetParam().change(stored);
  write_bundle(folder.file("a.zip"), stored, manifest_of(sample()));
  const Result<VerifyReport> report = verify_bundle(folder.file("a.zip"));
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_EQ(report.value().problems, GetParam().problems);
}

INSTANTIATE_TEST_SUITE_P(
    Changes, VerifyDifference,
    testing::Values(Difference{"Changed",
                               [](Files& files) { files[0].second[0] = 'R'; },
                               {"README.txt: was changed: its hash is not that of the manifest"}},
                    Difference{"Shorter",
                               [](Files& files) { files[0].second.pop_back(); },
                               {"README.txt: has 7 of the 8 bytes of the manifest"}},
                    Difference{"Longer",
                               [](Files& files) { files[0].second += "x"; },
                               {"README.txt: is larger than the 8 bytes of the manifest"}},
                    Difference{"Bomb",
                               [](Files& files) { files[0].second.assign(300 << 20, '\0'); },
                               {"README.txt: is larger than the 8 bytes of the manifest"}},
                    Difference{"Missing", [](Files& files) { files.erase(files.begin()); }, {"README.txt: is missing"}},
                    Difference{"Added",
                               [](Files& files) { files.emplace_back("files/evil.exe", "x"); },
                               {"files/evil.exe: is not in the manifest"}},
                    Difference{"Renamed",
                               [](Files& files) { files[0].first = "LIESMICH.txt"; },
                               {"LIESMICH.txt: is not in the manifest", "README.txt: is missing"}}),
    [](const auto& difference) { return difference.param.name; });

/// Puts `to`, of the same length, in place of every `from`: in local headers and in the directory.
void replace_in(const std::string& path, const std::string& from, const std::string& to, bool every = true) {
  std::string bytes = read_bytes(path);
  std::size_t position = bytes.find(from);
  ASSERT_NE(position, std::string::npos);
  for (; position != std::string::npos; position = every ? bytes.find(from, position + 1) : std::string::npos) {
    bytes.replace(position, to.size(), to);
  }
  write_bytes(path, bytes);
}

TEST(Verify, UnsafeAndDoubleNamesAreNamed) {
  const ScratchFolder folder;
  const Files files = {{"aaaa", "1"}, {"aaab", "1"}, {"aa/bb", "2"}};
  write_bundle(folder.file("a.zip"), files, manifest_of(files));
  replace_in(folder.file("a.zip"), kFolder + "/aaab", kFolder + "/aaaa");
  replace_in(folder.file("a.zip"), kFolder + "/aa/bb", kFolder + "/../bb");
  const Result<VerifyReport> report = verify_bundle(folder.file("a.zip"));
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_EQ(report.value().problems,
            (std::vector<std::string>{"aaaa: is twice in the archive", kFolder + "/../bb: is not a safe name",
                                      "aa/bb: is missing", "aaab: is missing"}));
}

TEST(Verify, FileOutsideOfTheFolderIsNamed) {
  const ScratchFolder folder;
  write_bundle(folder.file("a.zip"), {{"a", "1"}, {"b", "2"}}, manifest_of({{"a", "1"}}));
  replace_in(folder.file("a.zip"), kFolder + "/b", "x" + kFolder.substr(1) + "/b");
  const Result<VerifyReport> report = verify_bundle(folder.file("a.zip"));
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_EQ(report.value().problems,
            std::vector<std::string>{"x" + kFolder.substr(1) + "/b: lies outside of the bundle's folder"});
}

TEST(Verify, FolderOfAnotherNameIsNamed) {
  const ScratchFolder folder;
  write_bundle(folder.file("a.zip"), {{"a", "1"}}, manifest_of({{"a", "1"}}, "other"));
  const Result<VerifyReport> report = verify_bundle(folder.file("a.zip"));
  ASSERT_TRUE(report.ok()) << report.error().what;
  EXPECT_EQ(report.value().problems, std::vector<std::string>{kFolder + "/: is not the folder of the manifest, other"});
}

TEST(Verify, DamagedDataIsAProblemOfItsFileAndTheRestIsCompared) {
  const ScratchFolder folder;
  const Files files = {{"damaged", noise(1000)}, {"whole", "1"}};
  write_bundle(folder.file("a.zip"), files, manifest_of(files));
  std::string bytes = read_bytes(folder.file("a.zip"));
  for (std::size_t i = 300; i < 400; ++i) bytes[i] = static_cast<char>(~bytes[i]);
  write_bytes(folder.file("a.zip"), bytes);
  const Result<VerifyReport> report = verify_bundle(folder.file("a.zip"));
  ASSERT_TRUE(report.ok()) << report.error().what;
  ASSERT_EQ(report.value().problems.size(), 1u);
  EXPECT_TRUE(report.value().problems[0].starts_with("damaged: ")) << report.value().problems[0];
  EXPECT_EQ(report.value().files, 1u);
}

TEST(Verify, OnlySoManyProblemsAreListed) {
  const ScratchFolder folder;
  Files files;
  for (int i = 0; i < 1005; ++i) files.emplace_back(std::to_string(i), "");
  write_bundle(folder.file("a.zip"), {}, manifest_of(files));
  const Result<VerifyReport> report = verify_bundle(folder.file("a.zip"));
  ASSERT_TRUE(report.ok()) << report.error().what;
  ASSERT_EQ(report.value().problems.size(), kMaxVerifyProblems + 1);
  EXPECT_EQ(report.value().problems.back(), "more: 5 problems are not listed");
}

TEST(Verify, EveryTruncationIsAnErrorOrAProblem) {
  const ScratchFolder folder;
  const Files files = {{"a", "1"}, {"b", "22"}};
  write_bundle(folder.file("a.zip"), files, manifest_of(files));
  const std::string whole = read_bytes(folder.file("a.zip"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_bytes(folder.file("b.zip"), std::string_view(whole).substr(0, size));
    EXPECT_FALSE(verify_bundle(folder.file("b.zip")).ok()) << size;
  }
}

TEST(Verify, NoChangedByteCrashesOrHangs) {
  const ScratchFolder folder;
  const Files files = {{"a", "1"}, {"b", "22"}};
  write_bundle(folder.file("a.zip"), files, manifest_of(files));
  const std::string whole = read_bytes(folder.file("a.zip"));
  std::size_t unnoticed = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(~bytes[i]);
    write_bytes(folder.file("b.zip"), bytes);
    const Result<VerifyReport> report = verify_bundle(folder.file("b.zip"));
    if (report.ok() && report.value().problems.empty()) ++unnoticed;
  }
  EXPECT_LT(unnoticed, whole.size() / 3) << "times and attributes are not compared, the rest is";
}

struct BadBundle {
  std::string name;
  std::function<void(const std::string&)> make;
  std::string what;  ///< behind the path
};

class VerifyBadBundle : public testing::TestWithParam<BadBundle> {};

TEST_P(VerifyBadBundle, IsRefusedWithAReason) {
  const ScratchFolder folder;
  GetParam().make(folder.file("a.zip"));
  const Result<VerifyReport> report = verify_bundle(folder.file("a.zip"));
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().what, folder.file("a.zip") + ": " + GetParam().what);
}

std::string nested_manifest() { return R"({"schema":1,"files":[{"path":)" + std::string(200'000, '['); }

INSTANTIATE_TEST_SUITE_P(
    Bundles, VerifyBadBundle,
    testing::Values(
        BadBundle{"Absent", [](const std::string&) {}, "No such file or directory"},
        BadBundle{"Folder", [](const std::string& path) { std::filesystem::create_directory(path); }, "not a file"},
        BadBundle{"Empty", [](const std::string& path) { write_bytes(path, ""); }, "not a zip file, or it was cut off"},
        BadBundle{"Noise", [](const std::string& path) { write_bytes(path, noise(100'000)); },
                  "not a zip file, or it was cut off"},
        BadBundle{"NoManifest",
                  [](const std::string& path) {
                    write_bundle(path, {{"a", "1"}}, "");
                  },
                  "has no manifest.json"},
        BadBundle{"NestedManifest", [](const std::string& path) { write_bundle(path, {}, nested_manifest()); },
                  "manifest.json: nested too deep"},
        BadBundle{"HugeManifest", [](const std::string& path) { write_bundle(path, {}, std::string(65 << 20, ' ')); },
                  "manifest.json: it is too large"},
        BadBundle{"BytesBefore",
                  [](const std::string& path) {
                    write_bundle(path, {}, manifest_of({}));
                    write_bytes(path, "#!/bin/sh\n" + read_bytes(path));
                  },
                  "its directory does not lie where it should: bytes are missing or were added"},
        BadBundle{"BytesBehind",
                  [](const std::string& path) {
                    write_bundle(path, {}, manifest_of({}));
                    write_bytes(path, read_bytes(path) + "x");
                  },
                  "not a zip file, or it was cut off"},
        BadBundle{"TwoNamesForOneEntry",
                  [](const std::string& path) {
                    write_bundle(path, {{"good", "1"}}, manifest_of({{"good", "1"}}));
                    replace_in(path, "/good", "/evil", false);
                  },
                  kFolder + "/good: has another name in its header than in the directory"}),
    [](const auto& bundle) { return bundle.param.name; });

}  // namespace
}  // namespace vmtriage
