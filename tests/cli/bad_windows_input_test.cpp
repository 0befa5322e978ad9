#include <random>

#include "tests/cli/windows_vm.h"

namespace vmtriage {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kLog = "Windows/System32/winevt/Logs/Application.evtx";
constexpr const char* kWriters = "commands/vssadmin_list_writers.txt";
constexpr const char* kStatus = "Packages/Plugins/Microsoft.Azure.RecoveryServices.VMSnapshot/1.0.1/Status/0.status";

class BadWindowsInput : public CliTest {
 protected:
  /// What the analysis says about one file of the VM, beside a healthy one.
  Json analysis() const {
    const Outcome outcome = analyze();
    expect_little_memory(outcome);
    return outcome.report();
  }
  /// The only error of a report.
  static std::string error_of(const Json& report) {
    EXPECT_EQ(report["errors"].size(), 1u) << report["errors"].dump();
    return report["errors"].empty() ? "" : report["errors"][0]["what"].get<std::string>();
  }
  Outcome events() const { return run_program({"events", vm_path(kLog), "--format", "jsonl"}); }
};

TEST_F(BadWindowsInput, WhatIsNoEventLogGivesOneErrorInBothCommands) {
  struct Case {
    const char* name;
    std::string bytes;
    const char* analyzed;
    const char* printed;
  };
  const Case cases[] = {
      {"nothing", "", "the file is empty", "the file is empty"},
      {"one byte", "E", "not a Windows event log", "not a Windows event log"},
      {"zip", "PK\3\4" + std::string(300, 'z'), "an archive, not an event log", "not a Windows event log"},
      {"noise", noise(300'000), "not a Windows event log", "not a Windows event log"},
      {"header only", failing_log().substr(0, 4096), "the file ends after 0 of 2 chunks", "the file ends after 0 of 2"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    put(kLog, c.bytes);
    const Json report = analysis();
    EXPECT_THAT(error_of(report), HasSubstr(c.analyzed));
    EXPECT_FALSE(report["verdict"]["complete"]);
    const Outcome printed = events();
    EXPECT_EQ(printed.exit_code, 3);
    EXPECT_THAT(printed.out, IsEmpty());
    EXPECT_THAT(printed.err, HasSubstr(c.printed));
    EXPECT_EQ(lines(printed.err), 1) << printed.err;
  }
}

TEST_F(BadWindowsInput, LogCutAtAny512ByteBoundaryGivesWhatIsThereAndOneError) {
  const std::string log = failing_log();
  bool seen = false;
  // Every boundary is tried where something changes; the slack of a chunk is all the same.
  for (std::size_t size = 512; size < log.size(); size += size % 65'536 < 8192 ? 512 : 14'336) {
    SCOPED_TRACE(size);
    put(kLog, log.substr(0, size));
    const Json report = analysis();
    error_of(report);
    const bool found = finds(report, "windows.vss.writer-nonretryable");
    EXPECT_TRUE(found || (!seen && size < 4096 + 4096));
    seen = found;
  }
}

TEST_F(BadWindowsInput, FlippedBitIsOneErrorAndTheOtherChunkIsRead) {
  std::mt19937 random(7);
  const std::string log = failing_log();
  for (int i = 0; i < 12; ++i) {
    std::string broken = log;
    const std::size_t at = 4096 + 512 + random() % 1024;
    broken[at] = static_cast<char>(broken[at] ^ (1 << (random() % 8)));
    SCOPED_TRACE(at);
    put(kLog, broken);
    const Json report = analysis();
    error_of(report);
    EXPECT_TRUE(finds(report, "windows.vss.writer-nonretryable"));
    const Outcome printed = events();
    EXPECT_EQ(printed.exit_code, 3);
    EXPECT_THAT(printed.out, HasSubstr("\"record_id\":9"));
    EXPECT_THAT(printed.err, HasSubstr("chunk: its data checksum is wrong"));
  }
}

TEST_F(BadWindowsInput, LogThatWindowsHasOpenMayHaveOldChecksums) {
  std::string log = failing_log();
  log[120] = 1;  // in use
  log[4096 + 52] = static_cast<char>(log[4096 + 52] ^ 1);
  put(kLog, log);
  const Json report = analysis();
  EXPECT_THAT(report["errors"], IsEmpty());
  EXPECT_TRUE(finds(report, "windows.vss.writer-nonretryable"));
}

TEST_F(BadWindowsInput, FolderInPlaceOfALogIsOneErrorAndWhatItHoldsIsRead) {
  put(std::string(kLog) + "/events/Application.txt",
      "Source: VSS\nEvent ID: 8229\nDescription:\nA VSS writer has rejected an event with error 0x800423f4, x\n");
  const Json report = analysis();
  EXPECT_EQ(error_of(report), "a folder, not an event log");
  EXPECT_TRUE(finds(report, "windows.vss.writer-failed") || finds(report, "windows.vss.writer-nonretryable"));
  const Outcome printed = events();
  EXPECT_EQ(printed.exit_code, 3);
  EXPECT_THAT(printed.err, HasSubstr("not a regular file"));
  EXPECT_EQ(lines(printed.err), 1);
}

constexpr std::string_view kList =
    "vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool\n"
    "(C) Copyright 2001-2013 Microsoft Corp.\n\n"
    "Writer name: 'SqlServerWriter'\n"
    "   Writer Id: {a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}\n"
    "   Writer Instance Id: {1bddd48e-5052-49db-9b07-b96f96727e6b}\n"
    "   State: [9] Failed\n"
    "   Last error: Timed out\n\n"
    "Writer name: 'WMI Writer'\n"
    "   Writer Id: {a6ad56c2-b509-4e6c-bb19-49d8f43532f0}\n"
    "   Writer Instance Id: {1bddd48e-5052-49db-9b07-b96f96727e6c}\n"
    "   State: [1] Stable\n"
    "   Last error: No error\n";

TEST_F(BadWindowsInput, ListOfWritersCutBehindAnyLineGivesWhatIsThereAndSaysThatItIsCut) {
  for (std::size_t end = kList.find('\n'); end != std::string_view::npos; end = kList.find('\n', end + 1)) {
    const std::string_view cut = kList.substr(0, end + 1);
    SCOPED_TRACE(cut);
    put(kWriters, cut);
    const Json report = analysis();
    EXPECT_EQ(finds(report, "windows.vssadmin.writer-failed"), cut.find("State: [9]") != std::string_view::npos);
    const bool whole_writers = cut.ends_with("Timed out\n") || cut.ends_with("\n\n") || cut.ends_with("No error\n");
    const bool says = !report["errors"].empty() || finds(report, "windows.vssadmin.no-writers") ||
                      finds(report, "windows.vssadmin.writer-failed");
    EXPECT_TRUE(whole_writers || says);
    if (cut.ends_with("96c}\n") || cut.ends_with("'WMI Writer'\n") || cut.ends_with("Stable\n")) {
      EXPECT_THAT(error_of(report), HasSubstr("breaks off inside writer 'WMI Writer' at line 10"));
    }
  }
}

TEST_F(BadWindowsInput, BannerOfAnotherProductAndForeignEncodingsHideNoWriter) {
  const std::string list = "Acme Collector 3.1\r\n> running: 'vssadmin list writers'\r\n" + std::string(kList);
  for (const std::string& bytes :
       {list, "\xff\xfe" + utf8_to_utf16(list), utf8_to_utf16(list), "\xfe\xff" + utf8_to_utf16(list, true),
        "\x83\x89\x83\x43\x83\x5e\x81\x5b\n" + list, "\xff\xfe\xfd" + list}) {
    put(kWriters, bytes);
    EXPECT_TRUE(finds(analysis(), "windows.vssadmin.writer-failed")) << bytes.substr(0, 40);
  }
}

TEST_F(BadWindowsInput, NestingOfTwoHundredThousandLevelsIsOneError) {
  constexpr std::size_t kLevels = 200'000;
  const std::string json = std::string(kLevels, '[') + std::string(kLevels, ']');
  std::string xml = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>";
  for (std::size_t i = 0; i < kLevels; ++i) xml += "<a>";
  const std::pair<const char*, std::string> cases[] = {
      {kStatus, json},
      {"Packages/Plugins/Microsoft.Azure.RecoveryServices.VMSnapshot/1.0.1/RuntimeSettings/0.settings", json},
      {"WindowsAzure/Logs/AggregateStatus/aggregatestatus.json", json},
      {"events/System.xml", xml},
      {"events/System.txt", xml + "\n</Event>\n"},
  };
  for (const auto& [name, text] : cases) {
    SCOPED_TRACE(name);
    put(name, text);
    const std::string error = error_of(analysis());
    EXPECT_TRUE(error.find("nested deeper than 64 levels") != std::string::npos ||
                error.find("<Event> without an end") != std::string::npos)
        << error;
    std::filesystem::remove(vm_path(name));
  }
}

}  // namespace
}  // namespace vmtriage
