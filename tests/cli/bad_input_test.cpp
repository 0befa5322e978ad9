#include <sys/file.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <optional>

#include "tests/cli/cli.h"

namespace vmtriage {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kExtensionLog = "var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/extension.log";
constexpr const char* kFailure = "2024-05-01 10:00:00.766289  Info  Failed to FIFREEZE: /data/dblog\n";
constexpr const char* kFailureRule = "linux.freeze.fifreeze-failed";
constexpr std::uint64_t kMiB = 1 << 20, kGiB = 1 << 30;

bool finds(const Json& report, const char* rule) {
  const Json& findings = report["findings"];
  return std::any_of(findings.begin(), findings.end(), [&](const Json& finding) { return finding["rule_id"] == rule; });
}

std::ptrdiff_t lines(std::string_view text) { return std::count(text.begin(), text.end(), '\n'); }

/// Appends `block` until the file has `size` bytes.
void fill(const std::string& path, std::uint64_t size, std::string_view block) {
  std::ofstream stream(path, std::ios::binary | std::ios::app);
  for (std::uint64_t written = 0; written < size && stream; written += block.size()) {
    stream.write(block.data(), static_cast<std::streamsize>(std::min<std::uint64_t>(block.size(), size - written)));
  }
}

/// Text that neither shrinks much nor holds a line break.
std::string long_words(std::size_t size) {
  std::string text = noise(size);
  for (char& c : text)
    c = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"[static_cast<unsigned char>(c) % 64];
  return text;
}

std::string gzipped(const ScratchFolder& scratch, std::string_view text) {
  write_bytes(scratch.file("plain"), text);
  EXPECT_EQ(run_quietly("gzip -fnk1 '" + scratch.file("plain") + "'"), 0);
  return read_bytes(scratch.file("plain.gz"));
}

/// What a bomb is made of: 64 MiB of zeros as a gzip member. Members may follow each other without end.
std::string bomb_member(const ScratchFolder& scratch) {
  EXPECT_EQ(std::system(("head -c 67108864 /dev/zero | gzip -n > '" + scratch.file("member") + "'").c_str()), 0);
  return read_bytes(scratch.file("member"));
}

/// A zip made by Python from `python`, the statements that fill `z`.
void make_zip(const std::string& path, const std::string& python) {
  const std::string program =
      "import zipfile, io\nz = zipfile.ZipFile('" + path + "', 'w', zipfile.ZIP_DEFLATED)\n" + python + "\nz.close()\n";
  write_bytes(path + ".py", program);
  EXPECT_EQ(run_quietly("python3 '" + path + ".py'"), 0);
}

/// A folder in memory, where much can be written fast; on disk where there is no such place.
class MemoryFolder {
 public:
  MemoryFolder() {
    const bool has_shm = std::filesystem::is_directory("/dev/shm") && access("/dev/shm", W_OK) == 0;
    path_ = std::string(has_shm ? "/dev/shm" : "/tmp") + "/vmtriage-test-" + std::to_string(std::random_device{}());
    std::filesystem::create_directories(path_);
  }
  MemoryFolder(const MemoryFolder&) = delete;
  MemoryFolder& operator=(const MemoryFolder&) = delete;
  ~MemoryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class BadInput : public CliTest {
 protected:
  /// The same on both ways into the program: analyzed as a tree and collected as a VM.
  struct Both {
    Outcome analyzed, collected;
    Json analysis, bundle;
  };
  Both run_both(const RunOptions& options = {}) const {
    Both both;
    both.analyzed = analyze(root_, {}, options);
    both.analysis = both.analyzed.report();
    both.collected = collect({}, options);
    both.bundle = unpack(both.collected).findings;
    expect_little_memory(both.analyzed);
    expect_little_memory(both.collected);
    return both;
  }
};

// ---- what the user names

TEST_F(BadInput, PathThatIsNotThereIsOneLineAndAUsageError) {
  const std::string missing = scratch_.file("nothing");
  for (const Arguments& arguments : {Arguments{"analyze", missing},
                                     {"verify", missing},
                                     {"events", missing},
                                     {"collect", "--root", missing, "-o", target_}}) {
    SCOPED_TRACE(arguments.front());
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.exit_code, 64);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, HasSubstr(missing + ": No such file"));
    EXPECT_EQ(lines(outcome.err), 1);
  }
  EXPECT_EQ(files_in_target(), 0u);
}

TEST_F(BadInput, WrongUsageIsOneLineAndNothingElse) {
  const std::vector<std::pair<Arguments, std::string>> cases = {
      {{}, "command"},
      {{"colect"}, "'colect' is not a command"},
      {{"collect", "--no-such-option"}, "--no-such-option"},
      {{"collect", "--profile", "vm"}, "'vm' is not a profile"},
      {{"collect", "--max-file-size", "12Q"}, "'12Q' is no size"},
      {{"collect", "--max-total-size", "-1"}, "--max-total-size"},
      {{"collect", "--since", "soon"}, "'soon' is no time"},
      {{"collect", "--timeout", "0"}, "--timeout"},
      {{"collect", "--compression", "9"}, "--compression"},
      {{"collect", "--path", "relative"}, "'relative' is not an absolute path"},
      {{"collect", "-o", target_, "stray"}, "stray"},
      {{"analyze"}, "PATH"},
      {{"analyze", root_, "--format", "pdf"}, "pdf"},
      {{"analyze", root_, "--until", "2024-13-45"}, "'2024-13-45' is no time"},
      {{"analyze", root_, "--threads", "0"}, "--threads"},
      {{"analyze", root_, "--lang", "tlh"}, "tlh"},
      {{"list", "everything"}, "everything"},
      {{"explain"}, "CODE"},
      {{"verify"}, "BUNDLE"},
  };
  for (const auto& [arguments, reason] : cases) {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    const Outcome outcome = run_program(arguments, {false, {}, scratch_.path(), 20});
    EXPECT_EQ(outcome.exit_code, 64);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, AllOf(StartsWith("vmtriage: "), HasSubstr(reason)));
    EXPECT_EQ(lines(outcome.err), 1) << outcome.err;
  }
}

TEST_F(BadInput, EmptyFolderIsNoCleanVerdict) {
  std::filesystem::create_directories(scratch_.file("empty"));
  root_ = scratch_.file("empty");
  const Outcome outcome = run_program({"analyze", root_});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.out, HasSubstr("no evidence was found to read"));
  const Outcome collected = collect();
  EXPECT_EQ(collected.exit_code, 3);
  EXPECT_FALSE(unpack(collected).findings["verdict"]["complete"]);
}

TEST_F(BadInput, RulesThatCannotBeReadAreNamed) {
  const std::string file = put("rules/mine.xml", R"(<rules>
  <rule id="mine.broken" severity="error" artifacts="*" owner="customer">
    <pattern>unclosed (group</pattern>
    <title>t</title>
    <advice>a</advice>
  </rule>
</rules>
)");
  const std::string folder = vm_path("rules"), missing = scratch_.file("nothing");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {missing, missing + ": No such file"}, {file, file + ": Not a directory"}, {folder, "mine.xml"}};
  for (const auto& [rules, reason] : cases) {
    for (const Outcome& outcome : {analyze(root_, {"--rules", rules}), collect({"--rules", rules})}) {
      EXPECT_EQ(outcome.exit_code, 64);
      EXPECT_THAT(outcome.out, IsEmpty());
      EXPECT_THAT(outcome.err, HasSubstr(reason));
      EXPECT_EQ(lines(outcome.err), 1);
    }
  }
  const Outcome broken = analyze(root_, {"--rules", folder});
  EXPECT_THAT(broken.err, HasSubstr("rules/mine.xml:3: pattern: missing ): unclosed (group"));
  EXPECT_EQ(files_in_target(), 0u);
}

// ---- files that are none, or none of ours

TEST_F(BadInput, UnreadableFileAndFolderAreReportedAndTheRestIsRead) {
  chmod(put("var/log/waagent.log", "x\n").c_str(), 0);
  put("var/log/closed/a.log", "x\n");
  chmod(vm_path("var/log/closed").c_str(), 0);
  put(kExtensionLog, kFailure);
  OrdinaryUser().take_over(target_);
  if (!is_root()) GTEST_LOG_(INFO) << "not root: the files are the tests' own";
  RunOptions options;
  options.ordinary_user = true;
  const Both both = run_both(options);
  EXPECT_EQ(both.analyzed.exit_code, 2);
  EXPECT_EQ(both.collected.exit_code, 2);
  for (const Json& report : {both.analysis, both.bundle}) {
    EXPECT_TRUE(finds(report, kFailureRule));
    EXPECT_FALSE(report["verdict"]["complete"]);
    EXPECT_THAT(said_about(report, "waagent.log"), HasSubstr("Permission denied"));
    EXPECT_THAT(said_about(report, "var/log/closed"), HasSubstr("Permission denied"));
  }
  chmod(vm_path("var/log/closed").c_str(), 0700);
}

TEST_F(BadInput, FolderInPlaceOfAFileIsReportedAndWhatItHoldsIsCollected) {
  put("var/log/waagent.log/inner.log", "x\n");
  const Both both = run_both();
  EXPECT_EQ(both.analyzed.exit_code, 0);
  EXPECT_THAT(said_about(both.bundle, "/var/log/waagent.log"), HasSubstr("a folder"));
  EXPECT_TRUE(unpack(both.collected).has("files/var/log/waagent.log/inner.log"));
}

TEST_F(BadInput, LinksAreNotFollowedOutOfTheVmAndEachIsReported) {
  link("/var/log/gone.log", "var/log/dangling.log");
  link("/etc/shadow", "var/log/shadow.log");
  link("../../../../../../../etc/passwd", "var/log/up.log");
  link("loop-b.log", "var/log/loop-a.log");
  link("loop-a.log", "var/log/loop-b.log");
  link("/var/log", "var/log/again");
  link("/var", "var/log/azure/up");
  put("etc/shadow", "root:$6$secretsecret:19000:0:99999:7:::\n");
  put("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
  const Outcome analyzed = analyze(vm_path("var"));
  EXPECT_EQ(analyzed.exit_code, 0);
  EXPECT_EQ(analyzed.report()["artifacts"]["read"], 1);
  const Outcome collected = collect();
  const Unpacked bundle = unpack(collected);
  for (const char* name : {"dangling.log", "shadow.log", "up.log", "loop-a.log", "loop-b.log", "again", "azure/up"}) {
    EXPECT_THAT(said_about(analyzed.report(), name), HasSubstr("a link")) << name;
    EXPECT_THAT(said_about(bundle.findings, name), HasSubstr("link")) << name;
    EXPECT_FALSE(bundle.has("files/var/log/" + std::string(name))) << name;
  }
  EXPECT_NE(run_quietly("grep -r -e secretsecret -e /bin/bash '" + bundle.folder + "'"), 0);
}

TEST_F(BadInput, FifoSocketAndDeviceAreReportedAndNeverOpened) {
  ASSERT_EQ(mkfifo(vm_path("var/log/pipe.log").c_str(), 0644), 0);
  std::vector<std::string> names = {"pipe.log"};
  if (is_root() && mknod(vm_path("var/log/zero.log").c_str(), S_IFCHR | 0644, makedev(1, 5)) == 0)
    names.push_back("zero.log");
  const Both both = run_both();
  EXPECT_EQ(both.analyzed.exit_code, 0);
  EXPECT_EQ(both.collected.exit_code, 0);
  for (const std::string& name : names) {
    EXPECT_THAT(said_about(both.analysis, name), HasSubstr("not a regular file"));
    EXPECT_THAT(said_about(both.bundle, name), HasSubstr("not a regular file"));
    const Outcome alone = analyze(vm_path("var/log/" + name));
    EXPECT_EQ(alone.exit_code, 64);
    EXPECT_THAT(alone.err, HasSubstr("neither a file nor a folder"));
  }
}

TEST_F(BadInput, NamesWithLineBreaksAndForeignBytesAreShownEscapedAndStoredSafely) {
  put("var/log/two\nlines.log", "x\n");
  put("var/log/bytes-\xff\xfe.log", "x\n");
  put("var/log/bell\x07\x1b[31m.log", "x\n");
  put("var/log/a\\b:c?.log", "x\n");
  put("var/log/CON.log", "x\n");
  link("/var/log/nowhere", "var/log/link\n\xff.log");
  const Both both = run_both();
  EXPECT_EQ(both.analyzed.exit_code, 0);
  EXPECT_EQ(both.analysis["artifacts"]["read"], 8);
  EXPECT_THAT(said_about(both.bundle, "link\\n\\xFF.log"), HasSubstr("leads nowhere"));
  const Unpacked bundle = unpack(both.collected);
  for (const char* name :
       {"two%0Alines.log", "bytes-%FF%FE.log", "bell%07%1B[31m.log", "a/b%3Ac%3F.log", "%43ON.log"}) {
    EXPECT_EQ(bundle.file("files/var/log/" + std::string(name)), "x\n") << name;
  }
  const Outcome text = run_program({"analyze", root_});
  EXPECT_THAT(text.out, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\xff"))));
}

TEST_F(BadInput, PathsLongerThanTheSystemTakesAreReported) {
  const std::string name(250, 'd');
  const int start = open(vm_path("var/log").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int folder = dup(start);
  for (int depth = 0; depth < 20; ++depth) {
    ASSERT_EQ(mkdirat(folder, name.c_str(), 0755), 0);
    const int inner = openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(folder);
    folder = inner;
    const int file = openat(folder, "a.log", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    EXPECT_EQ(write(file, "x\n", 2), 2);
    close(file);
  }
  close(folder);
  close(start);
  const Both both = run_both();
  EXPECT_GT(both.analysis["artifacts"]["read"], 12);
  EXPECT_THAT(said_about(both.analysis, name), HasSubstr("File name too long"));
  EXPECT_THAT(said_about(both.bundle, name), HasSubstr("File name too long"));
  EXPECT_EQ(run_quietly("rm -rf '" + vm_path("var/log/" + name) + "'"), 0);
}

// ---- files that are too much

TEST_F(BadInput, HoleOfFiveGiBIsSteppedOver) {
  const std::string path = put("var/log/messages", "May  1 10:00:00 vm1 first: line\n");
  put(kExtensionLog, "");
  for (const std::string& file : {path, vm_path(kExtensionLog)}) {
    std::filesystem::resize_file(file, 5 * kGiB);
    fill(file, 1, "\n");
    fill(file, std::string_view(kFailure).size(), kFailure);
  }
  const Both both = run_both();
  for (const Json& report : {both.analysis, both.bundle}) {
    EXPECT_TRUE(finds(report, kFailureRule));
    EXPECT_THAT(said_about(report, "messages"), HasSubstr("is a hole"));
    EXPECT_THAT(said_about(report, "extension.log"), HasSubstr("is a hole"));
    EXPECT_LT(report["artifacts"]["bytes"], kMiB);
  }
  EXPECT_THAT(said_about(both.bundle, "messages"), HasSubstr("the newest part was kept"));
}

/// Text without a line break, by default 512 MiB; VMTRIAGE_SLOW_TESTS=1 makes it 2 GiB.
TEST_F(BadInput, EndlessLineIsReadInBoundedMemory) {
  const MemoryFolder memory;
  const std::uint64_t size = std::getenv("VMTRIAGE_SLOW_TESTS") != nullptr ? 2 * kGiB : kGiB / 2;
  const auto space = std::filesystem::space(memory.path());
  if (space.available < 2 * size) GTEST_SKIP() << "needs " << 2 * size << " bytes in " << memory.path();
  const std::string path = memory.file("extension.log");
  fill(path, size, long_words(kMiB));
  fill(path, 1, "\n");
  fill(path, std::string_view(kFailure).size(), kFailure);
  root_ = memory.file("vm");
  std::filesystem::create_directories(std::filesystem::path(vm_path(kExtensionLog)).parent_path());
  const Outcome analyzed = analyze(path);
  expect_little_memory(analyzed);
  EXPECT_EQ(analyzed.report()["artifacts"]["bytes"], size + 1 + std::string_view(kFailure).size());
  std::filesystem::rename(path, vm_path(kExtensionLog));
  const Outcome collected = collect({"--max-file-size", "64M", "--compression", "fast"});
  expect_little_memory(collected);
  const Json report = unpack(collected).findings;
  EXPECT_TRUE(finds(report, kFailureRule));
  EXPECT_THAT(said_about(report, "extension.log"), HasSubstr("too long"));
}

TEST_F(BadInput, NulBytesInALogHideNothing) {
  put(kExtensionLog, std::string(5000, '\0') + "\n" + std::string(kFailure) + std::string(3, '\0'));
  put("var/log/messages", std::string("May  1 10:00:00 vm1 a\0b: c\n", 27));
  const Both both = run_both();
  EXPECT_TRUE(finds(both.analysis, kFailureRule));
  EXPECT_TRUE(finds(both.bundle, kFailureRule));
  const Unpacked bundle = unpack(both.collected);
  EXPECT_EQ(bundle.file(std::string("files/") + kExtensionLog), read_bytes(vm_path(kExtensionLog)));
}

/// 200,000 small logs in one folder, which takes half a minute; VMTRIAGE_SLOW_TESTS=1 makes it a million.
TEST_F(BadInput, MillionFilesAreReadInBoundedMemory) {
  const MemoryFolder memory;
  root_ = memory.file("vm");
  const int wanted = std::getenv("VMTRIAGE_SLOW_TESTS") != nullptr ? 1'000'000 : 200'000;
  const std::string folder = put("var/log/azure/many/first.log", "x\n").substr(0, vm_path("var/log/azure/many").size());
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 1; i < wanted; ++i) {
    const int file =
        openat(descriptor, ("extension-" + std::to_string(i) + ".log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ASSERT_GE(file, 0);
    if (i % 100 == 0) {
      ASSERT_EQ(write(file, "a line\n", 7), 7);
    }
    close(file);
  }
  close(descriptor);
  const RunOptions patient{false, {}, {}, 250};
  const Outcome analyzed = analyze(root_, {}, patient);
  EXPECT_EQ(analyzed.exit_code, 0);
  EXPECT_EQ(analyzed.report()["artifacts"]["read"], wanted);
  expect_little_memory(analyzed);
  const Outcome collected = collect({"--compression", "fast"});
  expect_little_memory(collected);
  const Json report = unpack(collected).findings;
  std::uint64_t told = report["artifacts"]["read"];
  for (const Json& row : report["artifacts"]["left_out"]) {
    const std::string origin = row["origin"];
    if (origin.find("/many") != std::string::npos) told += row.value("count", 1u);
  }
  EXPECT_GE(told, static_cast<std::uint64_t>(wanted));
  EXPECT_THAT(said_about(report, "/many"), HasSubstr("too many files"));
}

// ---- files that change while they are read

/// A VM with one log that takes a while to read.
class Changing : public BadInput {
 protected:
  Changing() {
    root_ = memory_.file("vm");
    log_ = put("var/log/messages", "");
    fill(log_, 192 * kMiB, long_words(kMiB - 1) + "\n");
  }

  /// Until the program has the file open.
  static void wait_for_reader(Program& program, const std::string& path) {
    const std::string folder = "/proc/" + std::to_string(program.pid()) + "/fd";
    for (int i = 0; i < 20'000 && !program.has_ended(); ++i) {
      std::error_code failure;
      for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
        if (std::filesystem::read_symlink(entry.path(), failure) == path) return;
      }
      poll(nullptr, 0, 1);
    }
    ADD_FAILURE() << path << " was never opened";
  }

  void expect_partial_bundle(const Outcome& outcome) const {
    EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
    const Unpacked bundle = unpack(outcome);
    EXPECT_TRUE(bundle.manifest["partial"]);
    EXPECT_FALSE(bundle.findings["verdict"]["complete"]);
    EXPECT_THAT(bundle.file("ticket.txt"), Not(IsEmpty()));
    const Outcome verified = run_program({"verify", bundle.zip});
    EXPECT_EQ(verified.exit_code, 0);
    EXPECT_THAT(verified.out, HasSubstr("ended early"));
    EXPECT_EQ(files_in_target(), 1u);
  }

  MemoryFolder memory_;
  std::string log_;
};

TEST_F(Changing, FileThatGrowsWithoutEndIsReadToTheSizeItHad) {
  for (const Arguments& arguments :
       {Arguments{"analyze", root_, "--format", "json"}, collect_arguments({"--compression", "fast"})}) {
    Program program(arguments);
    wait_for_reader(program, log_);
    const std::string block(256 << 10, 'x');
    while (!program.has_ended() && std::filesystem::file_size(log_) < 2 * kGiB) fill(log_, block.size(), block);
    const Outcome outcome = program.wait();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_little_memory(outcome);
    const Json report = outcome.out.starts_with("{") ? outcome.report() : unpack(outcome).findings;
    EXPECT_LE(report["artifacts"]["bytes"], 193 * kMiB);
    std::filesystem::resize_file(log_, 192 * kMiB);
  }
}

TEST_F(Changing, FileThatIsCutWhileItIsReadIsReported) {
  for (const Arguments& arguments :
       {Arguments{"analyze", root_, "--format", "json"}, collect_arguments({"--compression", "fast"})}) {
    Program program(arguments);
    wait_for_reader(program, log_);
    std::filesystem::resize_file(log_, kMiB);
    const Outcome outcome = program.wait();
    const Json report = outcome.out.starts_with("{") ? outcome.report() : unpack(outcome).findings;
    EXPECT_LT(report["artifacts"]["bytes"], 192 * kMiB);
    EXPECT_THAT(said_about(report, "messages"), HasSubstr("became shorter while it was read"));
    fill(log_, 191 * kMiB, long_words(kMiB - 1) + "\n");
  }
}

TEST_F(Changing, TimeoutGivesAValidPartAndSaysWhatIsMissing) {
  put("var/log/zypper.log", "never reached\n");
  std::filesystem::last_write_time(vm_path("var/log/zypper.log"),
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(9));
  const Outcome outcome = collect({"--timeout", "1", "--threads", "1", "--compression", "small"});
  EXPECT_THAT(outcome.err, HasSubstr("--timeout"));
  expect_partial_bundle(outcome);
  const Json report = unpack(outcome).findings;
  EXPECT_THAT(said_about(report, "/var/log/messages"), HasSubstr("stopped"));
  EXPECT_THAT(said_about(report, "/var/log/zypper.log"), HasSubstr("ended before"));
}

TEST_F(Changing, SignalGivesAValidPart) {
  for (const int signal : {SIGINT, SIGTERM}) {
    SCOPED_TRACE(signal);
    Program program(collect_arguments({"--compression", "small"}));
    wait_for_reader(program, log_);
    program.send(signal);
    const Outcome outcome = program.wait();
    expect_partial_bundle(outcome);
    std::filesystem::remove_all(target_);
    std::filesystem::create_directories(target_);
  }
}

TEST_F(Changing, SignalEndsAnAnalysisWithWhatItHas) {
  fill(log_, kGiB, long_words(kMiB - 1) + "\n");
  Program program({"analyze", root_, "--format", "json"});
  wait_for_reader(program, log_);
  program.send(SIGINT);
  const Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_FALSE(outcome.report()["verdict"]["complete"]);
  EXPECT_THAT(said_about(outcome.report(), "messages"), HasSubstr("stopped"));
}

// ---- archives

TEST_F(BadInput, GzipThatBreaksOffIsReadAsFarAsItGoes) {
  std::string text = kFailure;
  for (int i = 0; i < 20'000; ++i) text += "2024-05-01 10:00:01.000000  Info  line " + std::to_string(i * 7919) + "\n";
  const std::string packed = gzipped(scratch_, text);
  put(std::string(kExtensionLog) + ".1.gz", packed.substr(0, packed.size() / 2));
  put("var/log/empty.log.gz", "");
  put("var/log/head.log.gz", packed.substr(0, 5));
  put("var/log/not.log.gz", "plain text\n");
  const Both both = run_both();
  EXPECT_EQ(both.analyzed.exit_code, 2);
  for (const Json& report : {both.analysis, both.bundle}) {
    EXPECT_TRUE(finds(report, kFailureRule));
    EXPECT_THAT(said_about(report, "extension.log.1.gz"), HasSubstr("truncated"));
    EXPECT_THAT(said_about(report, "head.log.gz"), Not(IsEmpty()));
    EXPECT_THAT(said_about(report, "not.log.gz"), IsEmpty());
    EXPECT_FALSE(report["verdict"]["complete"]);
  }
  const Unpacked bundle = unpack(both.collected);
  EXPECT_THAT(bundle.file(std::string("files/") + kExtensionLog + ".1"), StartsWith(kFailure));
}

TEST_F(BadInput, GzipBombIsStoppedAndReported) {
  const std::string member = bomb_member(scratch_);
  const std::string path = put("var/log/messages.1.gz", "");
  fill(path, 512 * member.size(), member);  // 32 GiB of zeros
  const Both both = run_both();
  EXPECT_EQ(both.analyzed.exit_code, 3);
  EXPECT_THAT(said_about(both.analysis, "messages.1.gz"), HasSubstr("unpacks to far more than a log would"));
  EXPECT_THAT(said_about(both.bundle, "messages.1.gz"), HasSubstr("unpacks to far more than a log would"));
}

TEST_F(BadInput, ZipBombIsStoppedAndReported) {
  const std::string zip = scratch_.file("bomb.zip");
  make_zip(zip, R"(
import zlib, struct
packer = zlib.compressobj(9, zlib.DEFLATED, -15)
chunk = packer.compress(bytes(64 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
data = chunk * 512 + packer.flush()
z.writestr('var/log/after.log', 'x\n')
z.close()
name = b'var/log/messages'
head = struct.pack('<HHHHHIIIHH', 20, 0, 8, 0, 33, 0, len(data), 100, len(name), 0)
body = b'PK\3\4' + head + name + data
central = b'PK\1\2' + struct.pack('<H', 20) + head + struct.pack('<HHHII', 0, 0, 0, 0, 0) + name
end = b'PK\5\6' + struct.pack('<HHHHIIH', 0, 0, 1, 1, len(central), len(body), 0)
open(z.filename, 'wb').write(body + central + end)
)");
  const Outcome outcome = analyze(zip);
  EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
  expect_little_memory(outcome);
  EXPECT_THAT(said_about(outcome.report(), "var/log/messages"), HasSubstr("unpacks to far more than a log would"));
}

TEST_F(BadInput, ArchiveNamesThatClimbTouchNothing) {
  const std::string zip = scratch_.file("climb.zip");
  make_zip(zip, "z.writestr('../../escaped/" + std::string(kExtensionLog) + "', '" +
                    std::string(kFailure).substr(0, std::string_view(kFailure).size() - 1) +
                    "')\nz.writestr('/absolute.log', 'x')\nz.writestr('..\\\\..\\\\windows.log', 'x')");
  const std::size_t before = scratch_.file_count();
  const Outcome outcome = analyze(zip);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_TRUE(finds(outcome.report(), kFailureRule));
  EXPECT_EQ(outcome.report()["artifacts"]["read"], 3);
  EXPECT_EQ(scratch_.file_count(), before);
  EXPECT_FALSE(std::filesystem::exists("/absolute.log"));
}

TEST_F(BadInput, ArchiveInAnArchiveIsReported) {
  const std::string zip = scratch_.file("outer.zip");
  make_zip(zip,
           "inner = io.BytesIO()\ni = zipfile.ZipFile(inner, 'w')\ni.writestr('var/log/syslog', 'x')\ni.close()\n"
           "z.writestr('logs/inner.zip', inner.getvalue())\nz.writestr('var/log/syslog', 'x')");
  const Outcome outcome = analyze(zip);
  EXPECT_THAT(said_about(outcome.report(), "logs/inner.zip"), HasSubstr("an archive inside"));
  put("var/log/azure/inner.zip", read_bytes(zip));
  const Unpacked bundle = unpack(collect());
  EXPECT_THAT(said_about(bundle.findings, "inner.zip"), HasSubstr("an archive inside"));
  EXPECT_FALSE(bundle.has("files/var/log/azure/inner.zip"));
}

TEST_F(BadInput, DamagedArchiveIsReadAsFarAsItGoes) {
  const std::string zip = scratch_.file("cut.zip");
  make_zip(zip, "z.writestr('" + std::string(kExtensionLog) +
                    "', 'Failed to FIFREEZE: /data\\n')\n"
                    "import random\nz.writestr('var/log/syslog', random.Random(1).randbytes(200000))");
  const std::string whole = read_bytes(zip);
  write_bytes(zip, whole.substr(0, whole.size() / 2));
  const Outcome outcome = analyze(zip);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_FALSE(outcome.report()["verdict"]["complete"]);
  EXPECT_THAT(said_about(outcome.report(), "var/log/syslog"), Not(IsEmpty()));
  write_bytes(zip, "PK\x03\x04 this is no zip at all");
  const Outcome none = analyze(zip);
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_FALSE(none.report()["errors"].empty());
}

// ---- where the bundle goes

TEST_F(BadInput, TargetThatCannotBeWrittenIsOneLineAndLeavesNothing) {
  const std::vector<std::pair<std::string, int>> cases = {
      {scratch_.file("nothing") + "/", 73}, {scratch_.file("nothing/x.zip"), 73}, {put("plain", "x") + "/x.zip", 73}};
  for (const auto& [target, code] : cases) {
    SCOPED_TRACE(target);
    const Outcome outcome = run_program({"collect", "--root", root_, "--batch", "-o", target});
    EXPECT_EQ(outcome.exit_code, code);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_EQ(lines(outcome.err), 1);
    EXPECT_THAT(outcome.err, HasSubstr("choose another folder with -o"));
  }
}

TEST_F(BadInput, ReadOnlyTargetIsNoPermission) {
  RunOptions options;
  options.ordinary_user = true;
  std::filesystem::permissions(target_, std::filesystem::perms(0555));
  const Outcome outcome = collect({}, options);
  EXPECT_EQ(outcome.exit_code, 77);
  EXPECT_THAT(outcome.err, HasSubstr("Permission denied"));
  EXPECT_EQ(files_in_target(), 0u);
}

TEST_F(BadInput, FullTargetIsAnErrorAndLeavesNoTemporary) {
  if (!is_root() || mount("none", target_.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "needs root and mount";
  fill(target_ + "/filler", 1024 * 1024 - 4096, std::string(4096, 'x'));
  const Outcome outcome = collect();
  const std::size_t left = files_in_target();
  umount(target_.c_str());
  EXPECT_EQ(outcome.exit_code, 74);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr("No space left on device"));
  EXPECT_EQ(left, 1u);
}

TEST_F(BadInput, SmallTargetTakesLessEvidenceAndSaysSo) {
  if (!is_root() || mount("none", target_.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "needs root and mount";
  fill(put("var/log/messages", ""), 3 * kMiB, noise(kMiB));
  const Outcome outcome = collect();
  EXPECT_THAT(outcome.err, HasSubstr("are free"));
  EXPECT_THAT(said_about(unpack(outcome).findings, "/var/log/messages"), HasSubstr("total budget"));
  umount(target_.c_str());
}

// ---- the real VM

TEST_F(BadInput, SecondRunIsRefusedWhileTheFirstWorks) {
  const std::string lock = shared_folder("run") + "/vmtriage.lock";
  write_bytes(lock, "4711\n");
  OrdinaryUser().take_over(lock);
  const int held = open(lock.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(held, LOCK_EX | LOCK_NB), 0);
  const Outcome outcome = collect_live({"--profile", "minimal"});
  EXPECT_EQ(outcome.exit_code, 75);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("another vmtriage is running (pid 4711)"), HasSubstr("wait")));
  close(held);
}

TEST_F(BadInput, RunWithoutRootWarnsAndSaysSoInTheReport) {
  const Outcome outcome =
      collect_live({"--profile", "minimal", "--batch", "--since", "1h", "--imds-address", "127.0.0.1:1"});
  EXPECT_THAT(outcome.err, HasSubstr("not running as root"));
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(said_about(unpack(outcome).findings, "not root"), HasSubstr("run vmtriage with sudo"));
  expect_little_memory(outcome);
}

}  // namespace
}  // namespace vmtriage
