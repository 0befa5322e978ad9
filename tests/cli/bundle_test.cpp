#include <functional>
#include <map>
#include <regex>

#include "agent/base/text.h"
#include "tests/cli/cli.h"

namespace vmtriage {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kExtensionLog = "var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/extension.log";

/// A line that holds a secret between « and ».
constexpr std::string_view kSecretLines[] = {
    "GET "
    "https://a.blob.core.windows.net/vhds/"
    "d.vhd?sv=2018-03-28&sr=b&sig=«7ap%2BxS9GQ%2FabcDEFghiJKLmnoPQRstuVWXyz01234%3D»&se=2024",
    R"({"uri":"https://a/b?sv=2018\u0026sig=«JsonSasSignature%2B12345%3D»\u0026se=2024"})",
    "<Uri>https://a/b?sv=2018&amp;sig=«XmlSasSignature%2B12345%3D»&amp;se=2024</Uri>",
    "redirect=https%3A%2F%2Fa%2Fb%3Fsv%3D2018%26sig%3D«UrlSasSignature12345»%26se%3D2024",
    "AccountName=a;AccountKey=«Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/"
    "KBHBeksoGMGw==»;X=y",
    "SharedAccessKeyName=Root;SharedAccessKey=«abcDEF0123456789abcDEF0123456789abcDEF01234=»",
    "SharedAccessSignature=«opaque-shared-0123456789»",
    R"("protectedSettings":"«MIIB0wYJKoZIhvcNAQcDoIIBxDCCAcACAQAx»","protectedSettingsCertThumbprint":"ABCDEF0123")",
    R"(JSON config: "{\"protectedSettings\": \"«MIIC1xYJKoZIhvcNAQcDoIIEscaped»\",\"publicSettings\": {}}")",
    "2024-05-01 10:00:00.1 Info snapshotTaskToken : «c2FtcGxlLXRhc2stdG9rZW4»",
    "ddSnapshotIdentifier Information from Host- creationTime : 2024-05-01T00:00:00Z, id : 9f1c-22, token : "
    "«DirectDrive.Token-01_x»",
    R"("directDriveSnapshotIdentifier":{"creationTime":{"DateTime":"x"},"id":"2","token":"«DirectDriveJson01»"})",
    "Authorization: Bearer «eyJ0eXAiOiJKV1QiLCJhbGci.eyJhdWQiOiJodHRwczovL20.c2lnbmF0dXJl_x-»",
    "msi answered «eyJ0eXAiOiJKV1QiLCJhbGcj.eyJhdWQiOiJodHRwczovL21.c2lnbmF0dXJl_y-» ok",
    "<wa:UserPassword>«User P@ssw0rd!»</wa:UserPassword>",
    "login failed, password=«hunter2-plain»",
    "node.session.auth.password = «iscsi-hunter2»",
    "InitiatorChapPassword=\"«a45f6fb9fe35a5»\"",
    "TargetPassword=\"«70d717a9e2daec2»\"",
    "Server=s;User Id=u;Password=«Connect10n-Pass»;Encrypt=true",
    "credString=«{'user': 'x', 'pw': 'y z9'}»",
    "HttpProxy.Host=http://user:«pr0xy-pass»@proxy.local:3128",
    "hdbsql -n localhost:30013 -u SYSTEM -p «Manager1hdbsql» -d SYSTEMDB \"select 1\"",
    "hdbuserstore Set AZUREWLBACKUPHANAUSER host:30013@SYSTEMDB BACKUPUSER «Manager1store»",
    "<CustomData>«I2Nsb3VkLWNvbmZpZwpzZWNyZXQ=»</CustomData>",
};

struct Planted {
  std::string text;
  std::vector<std::string> secrets;
};

Planted plant() {
  Planted planted;
  for (std::string_view line : kSecretLines) {
    const std::size_t begin = line.find("«"), end = line.find("»");
    const std::string secret(line.substr(begin + 2, end - begin - 2));
    planted.secrets.push_back(secret);
    planted.text += std::string(line.substr(0, begin)) + secret + std::string(line.substr(end + 2)) + "\n";
  }
  planted.secrets.push_back("MIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun");
  planted.text +=
      "-----BEGIN RSA PRIVATE KEY-----\n" + planted.secrets.back() + "\n-----END RSA PRIVATE KEY-----\nplain end\n";
  return planted;
}

class BundleOf : public CliTest {
 protected:
  Unpacked healthy() const { return unpack(collect()); }

  /// A bundle of other entries.
  std::string with_entries(const std::string& name, const std::vector<ZipEntry>& entries) const {
    const std::string path = scratch_.file(name + ".zip");
    write_bytes(path, zip_of(entries));
    return path;
  }
};

/// Every secret in every kind of file: as it is, compressed, UTF-16, as JSON, in one long line, in findings.
TEST_F(BundleOf, SecretsAreInNoByteOfTheBundleAndNotOnTheTerminal) {
  const Planted planted = plant();
  std::string one_line = planted.text;
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  put("var/log/waagent.log", planted.text);
  put(kExtensionLog,
      planted.text + "Failed to FIFREEZE: /data sig=1 https://a/b?sv=1&sig=" + planted.secrets[0] + "&se=2\n");
  put("var/log/waagent.log.1.gz", gzipped(planted.text));
  put("var/log/azure/utf16.log", utf8_to_utf16("\xef\xbb\xbf" + planted.text));
  put("var/log/azure/utf16be.log", utf8_to_utf16("\xef\xbb\xbf" + planted.text, true));
  put("var/log/azure/crlf.log", [&] {
    std::string text;
    for (char c : planted.text) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return text;
  }());
  put("var/lib/waagent/Microsoft.Azure.X-1.0/status/0.status", planted.text);
  put("var/lib/waagent/Microsoft.Azure.X-1.0/config/HandlerStatus",
      Json{{"formattedMessage", {{"message", planted.text}}}, {"password", planted.secrets[15]}}.dump());
  put("etc/azure/workload.conf", planted.text);
  put("var/log/long.log", std::string(3 << 20, 'x') + " " + planted.text);

  const Outcome outcome = run_program({"collect", "--root", root_, "-o", target_});
  EXPECT_EQ(outcome.exit_code, 2);
  const Outcome json = analyze(root_), html = analyze(root_, {"--format", "html"});
  std::string zip;
  for (const auto& entry : std::filesystem::directory_iterator(target_)) zip = entry.path().string();
  const Unpacked bundle = unpack_file(zip);
  std::map<std::string, std::string> texts = {
      {"stdout", outcome.out}, {"stderr", outcome.err}, {"json", json.out}, {"html", html.out}};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(bundle.folder)) {
    if (entry.is_regular_file()) texts[entry.path().string()] = read_bytes(entry.path().string());
  }
  EXPECT_GT(texts.size(), 14u);
  for (const std::string& secret : planted.secrets) {
    const std::string wide = utf8_to_utf16(secret), wide_be = utf8_to_utf16(secret, true);
    for (const auto& [name, text] : texts) {
      EXPECT_TRUE(text.find(secret) == std::string::npos && text.find(wide) == std::string::npos &&
                  text.find(wide_be) == std::string::npos)
          << secret << " in " << name;
    }
  }
  EXPECT_THAT(bundle.file("files/var/log/waagent.log"), HasSubstr("plain end\n"));
  EXPECT_TRUE(bundle.has("files/var/log/waagent.log.1"));
}

TEST_F(BundleOf, OneSecretHasOnePlaceholderInAllFilesOfARun) {
  put("var/log/waagent.log", "password=hunter2-a\npassword=hunter2-b\n");
  put("var/log/azure/other.log", "x password=hunter2-a\n");
  put("var/log/azure/old.log.gz", gzipped("y password=hunter2-a\n"));
  const Unpacked bundle = healthy();
  const auto placeholder = [](const std::string& text) {
    const std::size_t begin = text.find("password=") + 9;
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  const std::string log = bundle.file("files/var/log/waagent.log");
  const std::string first = placeholder(log), second = placeholder(log.substr(log.find('\n')));
  EXPECT_THAT(first, AllOf(Not(IsEmpty()), Not(HasSubstr("hunter2"))));
  EXPECT_NE(first, second);
  EXPECT_EQ(placeholder(bundle.file("files/var/log/azure/other.log")), first);
  EXPECT_EQ(placeholder(bundle.file("files/var/log/azure/old.log")), first);
  const std::string again = healthy().file("files/var/log/waagent.log");
  EXPECT_NE(placeholder(again), first) << "a value could be tried out with another run's placeholders";
}

TEST_F(BundleOf, EveryFileIsByteForByteWhatItWasButForSecrets) {
  const std::string bytes =
      "\xef\xbb\xbf"
      "first\r\nsecond \xff\xfe bytes\n\n\tlast without end";
  put("var/log/azure/bytes.log", bytes);
  put("var/log/azure/wide.log", utf8_to_utf16("\xef\xbb\xbfschön\r\n日本語\r\n"));
  put("var/log/azure/empty.log", "");
  const Unpacked bundle = healthy();
  EXPECT_EQ(bundle.file("files/var/log/azure/bytes.log"), bytes);
  EXPECT_EQ(bundle.file("files/var/log/azure/wide.log"), read_bytes(vm_path("var/log/azure/wide.log")));
  EXPECT_TRUE(bundle.has("files/var/log/azure/empty.log"));
}

TEST_F(BundleOf, ReportInsideIsTheOneThatWasPrinted) {
  put(kExtensionLog, "2024-05-01 10:00:00.1  Info  Failed to FIFREEZE: /data\n");
  const Outcome outcome =
      run_program({"collect", "--root", root_, "-o", target_ + "/vmtriage_x.zip", "--format", "json"});
  const Unpacked bundle = unpack_file(target_ + "/vmtriage_x.zip");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out, bundle.file("findings.json"));
  EXPECT_THAT(bundle.file("report.html"),
              AllOf(HasSubstr("/data"), HasSubstr("linux.freeze.fifreeze-failed"), Not(HasSubstr("<script src"))));
  EXPECT_THAT(bundle.file("ticket.txt"), HasSubstr("/data"));
  EXPECT_THAT(bundle.file("README.txt"), Not(IsEmpty()));
  // A bundle analyzed again gives the same findings, and does not take its own report for evidence.
  const Json again = analyze(bundle.zip).report();
  ASSERT_EQ(again["findings"].size(), bundle.findings["findings"].size());
  EXPECT_EQ(again["findings"][0]["rule_id"], bundle.findings["findings"][0]["rule_id"]);
  EXPECT_EQ(again["findings"][0]["count"], bundle.findings["findings"][0]["count"]);
}

/// The names in a bundle below its folder, which has the bundle's name.
std::set<std::string> names_in(const std::string& zip) {
  const std::string folder = std::filesystem::path(zip).stem().string() + "/";
  std::set<std::string> names;
  for (const ZipEntry& entry : read_zip(zip)) {
    EXPECT_TRUE(entry.name.starts_with(folder)) << entry.name;
    names.insert(entry.name.substr(folder.size()));
  }
  return names;
}

TEST_F(BundleOf, LayoutIsTheSameOnEverySystem) {
  put("var/log/azure/a b 日本.log", "x\n");
  const std::set<std::string> expected = {"README.txt",
                                          "files/etc/hostname",
                                          "files/etc/os-release",
                                          "files/var/log/azure/a b 日本.log",
                                          "files/var/log/syslog",
                                          "findings.json",
                                          "manifest.json",
                                          "report.html",
                                          "ticket.txt"};
  EXPECT_EQ(names_in(healthy().zip), expected);
}

TEST_F(BundleOf, RunningVmHasTheSamePartsOnEverySystem) {
  const Outcome outcome =
      collect_live({"--profile", "minimal", "--since", "1h", "--batch", "--imds-address", "127.0.0.1:1"});
  std::set<std::string> parts;
  for (const std::string& name : names_in(outcome.out.substr(0, outcome.out.find('\n')))) {
    parts.insert(name.substr(0, name.find('/')));
    const bool is_command = std::regex_match(name, std::regex("commands/[a-z0-9_-]+\\.txt"));
    EXPECT_EQ(name.starts_with("commands/"), is_command) << name;
  }
  parts.erase("files");  // none where no file is young enough
  EXPECT_THAT(parts, ::testing::ElementsAre("README.txt", "commands", "findings.json", "manifest.json", "report.html",
                                            "ticket.txt"));
}

TEST_F(BundleOf, VerifyTellsEveryKindOfChange) {
  put("var/log/waagent.log", "some text\n");
  const Unpacked bundle = healthy();
  const Outcome good = run_program({"verify", bundle.zip});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_THAT(good.out, HasSubstr("all as the manifest says"));
  const std::vector<ZipEntry> entries = read_zip(bundle.zip);
  const std::string top = entries.front().name.substr(0, entries.front().name.find('/') + 1);
  const auto with_log = [&](const std::function<void(std::string&)>& change) {
    std::vector<ZipEntry> changed = entries;
    for (ZipEntry& entry : changed) {
      if (entry.name.ends_with("waagent.log")) change(entry.bytes);
    }
    return changed;
  };
  const auto without = [&](std::string_view name) {
    std::vector<ZipEntry> changed = entries;
    std::erase_if(changed, [&](const ZipEntry& entry) { return entry.name.ends_with(name); });
    return changed;
  };
  const auto with = [&](const std::string& name) {
    std::vector<ZipEntry> changed = entries;
    changed.push_back({name, "x"});
    return changed;
  };
  const struct {
    const char* name;
    std::vector<ZipEntry> entries;
    const char* reason;
  } cases[] = {
      {"changed", with_log([](std::string& bytes) { bytes = "SOME text\n"; }), "was changed"},
      {"shorter", with_log([](std::string& bytes) { bytes.pop_back(); }), "of the"},
      {"longer", with_log([](std::string& bytes) { bytes += 'x'; }), "is larger"},
      {"added", with(top + "files/new.log"), "new.log: is not in the manifest"},
      {"missing", without("waagent.log"), "waagent.log: is missing"},
      {"outside", with("other/new.log"), "lies outside"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Outcome outcome = run_program({"verify", with_entries(c.name, c.entries)});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.out, HasSubstr(c.reason));
  }
  const Outcome none = run_program({"verify", with_entries("no-manifest", without("manifest.json"))});
  EXPECT_EQ(none.exit_code, 64);
  EXPECT_THAT(none.err, HasSubstr("manifest.json"));
}

}  // namespace
}  // namespace vmtriage
