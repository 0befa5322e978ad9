#include "tests/cli/windows_vm.h"

namespace vmtriage {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kLog = "Windows/System32/winevt/Logs/Application.evtx";

/// Files with holes, which cost no room here.
class SparseInput : public CliTest {};

TEST_F(SparseInput, SparseLogOfSixteenGiBEndsSoonInLittleMemory) {
  for (const std::string& start : {std::string(), failing_log()}) {
    SCOPED_TRACE(start.size());
    put(kLog, start);
    std::filesystem::resize_file(vm_path(kLog), std::uint64_t{16} << 30);
    const Outcome analyzed = analyze();
    expect_little_memory(analyzed);
    const Json report = analyzed.report();
    EXPECT_EQ(finds(report, "windows.vss.writer-nonretryable"), !start.empty());
    if (start.empty()) {
      EXPECT_THAT(said_about(report, kLog), HasSubstr("the file is empty"));
    }
    const Outcome printed = run_program({"events", vm_path(kLog)});
    expect_little_memory(printed);
    // Zeros behind the last chunk are what Windows has set aside.
    EXPECT_EQ(printed.exit_code, start.empty() ? 3 : 0);
    EXPECT_EQ(lines(printed.err), start.empty() ? 1 : 0) << printed.err;
  }
}

}  // namespace
}  // namespace vmtriage
