#include "tests/cli/cli.h"

namespace vmtriage {
namespace {

/// What programs of others say of a bundle.
class BundleForOthers : public CliTest {};

TEST_F(BundleForOthers, ManifestIsWhatOthersComputeToo) {
  for (int i = 0; i < 50; ++i)
    put("var/log/azure/a" + std::to_string(i) + ".log", noise(static_cast<std::size_t>(i) * 997));
  const Unpacked bundle = unpack(collect());
  write_bytes(scratch_.file("check.py"), R"(
import hashlib, json, os, sys
folder = sys.argv[1]
manifest = json.load(open(folder + '/manifest.json'))
listed = {f['path']: f for f in manifest['files']}
found = {os.path.relpath(os.path.join(d, n), folder) for d, _, names in os.walk(folder) for n in names} - {'manifest.json'}
assert found == set(listed), found ^ set(listed)
for path, entry in listed.items():
    data = open(folder + '/' + path, 'rb').read()
    assert len(data) == entry['size'], path
    assert hashlib.sha256(data).hexdigest() == entry['sha256'], path
)");
  EXPECT_EQ(std::system(("python3 '" + scratch_.file("check.py") + "' '" + bundle.folder + "'").c_str()), 0);
  EXPECT_GT(bundle.manifest["files"].size(), 50u);
  EXPECT_EQ(bundle.manifest["bundle"], std::filesystem::path(bundle.folder).filename().string());
}

TEST_F(BundleForOthers, ZipOpensEverywhere) {
  put("var/log/azure/日本語.log", "x\n");
  put("var/log/azure/big.log", noise(9 << 20));
  const Unpacked bundle = unpack(collect());
  EXPECT_EQ(run_quietly("unzip -tq '" + bundle.zip + "'"), 0);
  if (has_tool("7z")) {
    EXPECT_EQ(run_quietly("7z t '" + bundle.zip + "'"), 0);
  }
  EXPECT_EQ(run_quietly("python3 -c \"import zipfile,sys; z=zipfile.ZipFile('" + bundle.zip +
                        "'); sys.exit(z.testzip() is not None or not any('日本語' in n for n in z.namelist()))\""),
            0);
  EXPECT_LE(std::filesystem::path(bundle.zip).filename().string().size(), 110u);
}

}  // namespace
}  // namespace vmtriage
