#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/cli/linux/linux_vm.h"
#include "tests/cli/linux/ordinary_user.h"
#include "tests/cli/windows_vm.h"

namespace vmtriage {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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

class LinuxBadInput : public LinuxVmTest {
 protected:
  /// Of a run whose target, a file system of its own that holds one file of the test, was full; takes it away.
  void expect_full_target(const Outcome& outcome) const {
    const std::size_t left = files_in_target();
    umount(target_.c_str());
    EXPECT_EQ(outcome.exit_code, 74);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, HasSubstr("No space left on device"));
    EXPECT_EQ(left, 1u);
  }
};

TEST_F(LinuxBadInput, UnreadableFileAndFolderAreReportedAndTheRestIsRead) {
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

TEST_F(LinuxBadInput, LinksAreNotFollowedOutOfTheVmAndEachIsReported) {
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
  EXPECT_FALSE(bundle.holds("secretsecret") || bundle.holds("/bin/bash"));
}

TEST_F(LinuxBadInput, FifoSocketAndDeviceAreReportedAndNeverOpened) {
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

TEST_F(LinuxBadInput, NamesWithLineBreaksAndForeignBytesAreShownEscapedAndStoredSafely) {
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

TEST_F(LinuxBadInput, PathsLongerThanTheSystemTakesAreReported) {
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

TEST_F(LinuxBadInput, EventLogWithAHoleOf16GiBIsReadOnBothSidesOfIt) {
  constexpr std::uint64_t kHeader = 4096, kChunk = 65'536;
  const std::string log = failing_log();
  const std::string path = put("Windows/System32/winevt/Logs/Application.evtx", log.substr(0, kHeader + kChunk));
  std::filesystem::resize_file(path, kHeader + 16 * kGiB);
  fill(path, kChunk, log.substr(kHeader + kChunk));
  const Outcome analyzed = analyze();
  expect_little_memory(analyzed);
  EXPECT_TRUE(finds(analyzed.report(), "windows.vss.writer-nonretryable"));
  EXPECT_THAT(said_about(analyzed.report(), "Application.evtx"), HasSubstr("is a hole"));
  const Outcome printed = run_program({"events", path, "--format", "jsonl"});
  EXPECT_EQ(lines(printed.out), 2) << printed.out;
  EXPECT_EQ(lines(printed.err), 1) << printed.err;
}

TEST_F(LinuxBadInput, HoleOfFiveGiBIsSteppedOver) {
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
TEST_F(LinuxBadInput, EndlessLineIsReadInBoundedMemory) {
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

/// 200,000 small logs in one folder, which takes half a minute; VMTRIAGE_SLOW_TESTS=1 makes it a million.
TEST_F(LinuxBadInput, MillionFilesAreReadInBoundedMemory) {
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
  RunOptions patient;
  patient.time_limit_s = 900;
  const Outcome analyzed = analyze(root_, {}, patient);
  EXPECT_EQ(analyzed.exit_code, 0);
  EXPECT_EQ(analyzed.report()["artifacts"]["read"], wanted);
  expect_little_memory(analyzed);
  const Outcome collected = collect({"--compression", "fast"}, patient);
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

// ---- machines that have little

/// Lets the programs that are started meanwhile run on the first of this process's processors only.
class OneProcessor {
 public:
  OneProcessor() {
    sched_getaffinity(0, sizeof all_, &all_);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (std::size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i) {
      if (CPU_ISSET(i, &all_)) CPU_SET(i, &one);
    }
    sched_setaffinity(0, sizeof one, &one);
  }
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;
  ~OneProcessor() { sched_setaffinity(0, sizeof all_, &all_); }

 private:
  cpu_set_t all_;
};

TEST_F(LinuxBadInput, OneProcessorIsEnoughForAnyNumberOfThreads) {
  put(kExtensionLog, kFailure);
  for (int i = 0; i < 30; ++i) {
    fill(put("var/log/azure/log-" + std::to_string(i) + ".log", ""), kMiB / 2, long_words(kMiB / 4 - 1) + "\n");
  }
  const std::string wanted = analyze().out;
  const OneProcessor one;
  for (const char* threads : {"1", "2", "8"}) {
    SCOPED_TRACE(threads);
    EXPECT_EQ(analyze(root_, {"--threads", threads}).out, wanted);
    const Outcome collected = collect({"--threads", threads, "--compression", "fast"});
    EXPECT_EQ(collected.exit_code, 2);
    EXPECT_EQ(run_program({"verify", unpack(collected).zip}).exit_code, 0);
  }
}

/// A group of processes that may hold 128 MiB together, the page cache and what lies in memory file systems included.
class SmallMemory {
 public:
  SmallMemory() {
    std::error_code failure;
    const bool unified = std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers");
    path_ = std::string(unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory") + "/vmtriage-test-" +
            std::to_string(getpid());
    std::filesystem::create_directory(path_, failure);
    const std::string limit = path_ + (unified ? "/memory.max" : "/memory.limit_in_bytes");
    if (!std::filesystem::exists(limit, failure)) return;
    std::ofstream(limit) << 128 * kMiB;
    std::ifstream(limit) >> limit_;
  }
  SmallMemory(const SmallMemory&) = delete;
  SmallMemory& operator=(const SmallMemory&) = delete;
  ~SmallMemory() { rmdir(path_.c_str()); }

  bool holds() const { return limit_ == 128 * kMiB; }
  /// The program with these arguments, inside.
  Outcome run(const Arguments& arguments) const {
    Arguments words = {"-c", "echo $$ >\"$0/cgroup.procs\" && exec \"$@\"", path_, built_program()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run_program(words, {.program = "/bin/sh"});
  }

 private:
  std::string path_;
  std::uint64_t limit_ = 0;
};

TEST_F(LinuxBadInput, Memory128MiBForAllThatIsReadAndWrittenIsEnough) {
  const SmallMemory memory;
  if (!memory.holds()) GTEST_SKIP() << "needs root and a control group for memory";
  put(kExtensionLog, kFailure);
  for (int i = 0; i < 4; ++i) {
    fill(put("var/log/messages-" + std::to_string(i), ""), 48 * kMiB, long_words(kMiB - 1) + "\n");
  }
  const Outcome analyzed = memory.run({"analyze", root_, "--format", "json", "--threads", "8"});
  EXPECT_EQ(analyzed.exit_code, 2) << analyzed.err;
  EXPECT_GT(analyzed.report()["artifacts"]["bytes"], 192 * kMiB);
  const Outcome collected = memory.run(collect_arguments({"--compression", "fast", "--threads", "8"}));
  EXPECT_EQ(collected.exit_code, 2) << collected.err;
  EXPECT_TRUE(finds(Json::parse(analyzed.out), kFailureRule));
  EXPECT_EQ(run_program({"verify", unpack(collected).zip}).exit_code, 0);
}

// ---- files that change while they are read

/// A VM with one log that takes a while to read.
class Changing : public LinuxBadInput {
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
    // It grows on to 2 GiB; what came between its opening and the look at its size counts.
    EXPECT_LT(report["artifacts"]["bytes"], 1 * kGiB);
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

/// The same with eight threads that share one event log and the other files.
TEST_F(Changing, EventLogThatIsCutWhileThreadsReadItIsReported) {
  const std::string name = "Windows/System32/winevt/Logs/Application.evtx";
  const std::string path = put(name, "");
  const std::string log = failing_log();
  constexpr std::uint64_t kChunks = 3000, kChunkBytes = 65'536;
  fill(path, 4096, evtx_writer::file_of({}, {.missing_chunks = kChunks}));
  fill(path, kChunks * kChunkBytes, std::string_view(log).substr(4096));
  Program program({"analyze", root_, "--format", "json", "--threads", "8"});
  wait_for_reader(program, path);
  std::filesystem::resize_file(path, 4096 + 20 * kChunkBytes);
  const Outcome outcome = program.wait();
  const Json report = outcome.report();
  expect_little_memory(outcome);
  EXPECT_TRUE(finds(report, "windows.vss.writer-nonretryable"));
  EXPECT_THAT(said_about(report, "Application.evtx"), HasSubstr("became shorter while it was read"));
}

TEST_F(Changing, SignalGivesAValidPart) {
  for (const int signal : {SIGINT, SIGTERM}) {
    SCOPED_TRACE(signal);
    Program program(collect_arguments({"--compression", "small"}));
    wait_for_reader(program, log_);
    kill(static_cast<pid_t>(program.pid()), signal);
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
  kill(static_cast<pid_t>(program.pid()), SIGINT);
  const Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_FALSE(outcome.report()["verdict"]["complete"]);
  EXPECT_THAT(said_about(outcome.report(), "messages"), HasSubstr("stopped"));
}

TEST_F(LinuxBadInput, ReadOnlyTargetIsNoPermission) {
  RunOptions options;
  options.ordinary_user = true;
  std::filesystem::permissions(target_, std::filesystem::perms(0555));
  const Outcome outcome = collect({}, options);
  EXPECT_EQ(outcome.exit_code, 77);
  EXPECT_THAT(outcome.err, HasSubstr("Permission denied"));
  EXPECT_EQ(files_in_target(), 0u);
}

TEST_F(LinuxBadInput, FullTargetIsAnErrorAndLeavesNoTemporary) {
  if (!is_root() || mount("none", target_.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "needs root and mount";
  fill(target_ + "/filler", 1024 * 1024 - 4096, std::string(4096, 'x'));
  const Outcome outcome = collect();
  expect_full_target(outcome);
}

/// Eight threads are compressing what cannot be made smaller when the disk is full.
TEST_F(LinuxBadInput, TargetThatFillsUpInTheMiddleIsAnErrorAndLeavesNoTemporary) {
  if (!is_root() || mount("none", target_.c_str(), "tmpfs", 0, "size=256m") != 0)
    GTEST_SKIP() << "needs root and mount";
  for (int i = 0; i < 12; ++i) {
    fill(put("var/log/azure/log-" + std::to_string(i) + ".log", ""), 10 * kMiB, long_words(kMiB - 1) + "\n");
  }
  Program program(collect_arguments({"--compression", "small", "--threads", "8"}));
  const auto free_bytes = [this] { return std::filesystem::space(target_).available; };
  while (!program.has_ended() && free_bytes() > 250 * kMiB) poll(nullptr, 0, 1);
  EXPECT_FALSE(program.has_ended());
  fill(target_ + "/filler", 256 * kMiB, std::string(4096, 'x'));
  const Outcome outcome = program.wait();
  expect_full_target(outcome);
}

TEST_F(LinuxBadInput, SmallTargetTakesLessEvidenceAndSaysSo) {
  if (!is_root() || mount("none", target_.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "needs root and mount";
  fill(put("var/log/messages", ""), 3 * kMiB, noise(kMiB));
  const Outcome outcome = collect();
  EXPECT_THAT(outcome.err, HasSubstr("are free"));
  EXPECT_THAT(said_about(unpack(outcome).findings, "/var/log/messages"), HasSubstr("total budget"));
  umount(target_.c_str());
}

TEST_F(LinuxBadInput, SecondRunIsRefusedWhileTheFirstWorks) {
  const LiveTurn turn(scratch_);
  const std::string lock = scratch_.file("run/vmtriage.lock");
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

TEST_F(LinuxBadInput, RunWithoutRootWarnsAndSaysSoInTheReport) {
  const Outcome outcome =
      collect_live({"--profile", "minimal", "--batch", "--since", "1h", "--imds-address", "127.0.0.1:1"});
  EXPECT_THAT(outcome.err, HasSubstr("not running as root"));
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(said_about(unpack(outcome).findings, "not root"), HasSubstr("run vmtriage with sudo"));
  expect_little_memory(outcome);
}

}  // namespace
}  // namespace vmtriage
