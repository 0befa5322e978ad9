#include <random>

#include "tests/cli/bad_input.h"
#include "tests/cli/windows_vm.h"

namespace vmtriage {
namespace {

using ::testing::HasSubstr;

/// The evidence of a Linux and of a Windows VM in one tree, sick and damaged in many places: whatever is told in the
/// order in which threads come to it would show.
class Threads : public BadInput {
 protected:
  Threads() {
    for (int i = 0; i < 6; ++i)
      put(std::string(kExtensionLog) + (i == 0 ? "" : "." + std::to_string(i)), extension_log(i));
    for (int i = 1; i < 30; ++i) {
      put("var/log/azure/Microsoft.Azure.Monitor/agent-" + std::to_string(i) + ".log", other_log(i));
      put("var/log/messages-" + std::to_string(i) + ".gz", gzipped(other_log(100 + i)));
    }
    put("var/log/syslog.1", other_log(7) + std::string(2 * kMiB, 'x') + "\n" + other_log(8));
    put("var/log/cut.log.gz", gzipped(other_log(9)).substr(0, 400));
    const char* const names[] = {"System", "Application", "Microsoft-Windows-VHDMP%4Operational"};
    for (int i = 0; i < 3; ++i)
      put("Windows/System32/winevt/Logs/" + std::string(names[i]) + ".evtx", event_log(40 + 30 * i));
    put("Windows/System32/winevt/Logs/Setup.evtx", event_log(20).substr(0, 600'000));
  }

  static std::string two_digits(unsigned number) {
    return {static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
  }

  static std::string extension_log(int seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::string text;
    for (unsigned i = 0; i < 400; ++i) {
      text += "2024/05/0" + std::to_string(1 + seed) + " " + two_digits(i / 60) + ":" + two_digits(i % 60) +
              ":00.321026  Info  ";
      text += random() % 40 == 0
                  ? "Failed to FIFREEZE: /data/vol" + std::to_string(random() % 5) + " with error message: busy\n"
                  : "freezing mount " + std::to_string(random() % 9) + "\n";
    }
    return text;
  }

  static std::string other_log(int seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::string text;
    for (unsigned i = 0; i < 300; ++i) {
      text += "2024-05-01 " + two_digits(i / 60) + ":" + two_digits(i % 60) + ":00,123 ";
      text += random() % 50 == 0
                  ? "ERROR OSError: [Errno 28] No space left on device: '/var/lib/" + std::to_string(seed) + "'\n"
                  : "INFO uploaded " + std::to_string(random()) + " bytes\n";
    }
    return text;
  }

  static std::string event_log(int count) {
    using namespace evtx_writer;
    const char* const writers[] = {"WMI Writer", "System Writer", "SqlServerWriter", "IIS Metabase Writer"};
    std::vector<std::string> chunks;
    std::mt19937 random(static_cast<unsigned>(count));
    for (std::uint64_t id = 1; chunks.size() < static_cast<std::size_t>(count);) {
      ChunkWriter chunk;
      for (int i = 0; i < 20; ++i, ++id) {
        const std::string context =
            "\nContext:\n   Writer Class Id: {a6ad56c2-b509-4e6c-bb19-49d8f43532f0}\n   Writer Name: " +
            std::string(writers[random() % std::size(writers)]) + "\n";
        EventText head{.record_id = id};
        head.time += id * 600'000'000;
        chunk.record(id,
                     classic_event(head, {"0x800423f4, The writer experienced a non-transient error.", context}, ""));
      }
      chunks.push_back(chunk.finish());
    }
    return file_of(chunks);
  }
};

TEST_F(Threads, TheReportIsTheSameByteForByteForAnyNumberOfThem) {
  const std::string alone = analyze(root_, {"--threads", "1"}).out;
  const Json report = Json::parse(alone);
  EXPECT_TRUE(finds(report, kFailureRule));
  EXPECT_GE(report["findings"].size(), 4u) << report["findings"].dump(1);
  EXPECT_GE(report["errors"].size(), 2u);
  for (const char* threads : {"2", "8", "2", "8"}) {
    const Outcome outcome = analyze(root_, {"--threads", threads});
    EXPECT_EQ(outcome.out, alone) << threads;
  }
}

TEST_F(Threads, FindingsOfTheBundleAreTheSameByteForByteForAnyNumberOfThem) {
  const auto findings = [this](const char* threads) {
    return unpack(collect({"--threads", threads, "--compression", "fast"})).file("findings.json");
  };
  for (const char* system : {"windows", "linux"}) {
    SCOPED_TRACE(system);
    if (system == std::string_view("linux")) std::filesystem::remove_all(vm_path("Windows"));
    const std::string alone = findings("1");
    EXPECT_GE(Json::parse(alone)["findings"].size(), 1u);
    EXPECT_EQ(findings("2"), alone);
    EXPECT_EQ(findings("8"), alone);
  }
}

TEST_F(Threads, AsManyAsCanBeAskedForTakeLittleMemory) {
  for (int i = 0; i < 16; ++i) {
    fill(put("var/log/azure/large-" + std::to_string(i) + ".log", ""), 4 * kMiB, other_log(i));
  }
  expect_little_memory(analyze(root_, {"--threads", "8"}));
  std::filesystem::remove_all(vm_path("Windows"));
  const Outcome collected = collect({"--threads", "8"});
  expect_little_memory(collected);
  EXPECT_EQ(run_program({"verify", unpack(collected).zip}).exit_code, 0);
}

TEST_F(Threads, AMachineOf256CoresIsNotTakenWhole) {
  const Outcome outcome = collect({"--threads", "256"});
  EXPECT_EQ(outcome.exit_code, 64);
  EXPECT_THAT(outcome.err, HasSubstr("--threads"));
}

}  // namespace
}  // namespace vmtriage
