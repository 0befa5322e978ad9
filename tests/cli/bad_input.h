#pragma once

#include "tests/cli/cli.h"

namespace vmtriage {

inline constexpr const char* kExtensionLog =
    "var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/extension.log";
inline constexpr const char* kFailure = "2024-05-01 10:00:00.766289  Info  Failed to FIFREEZE: /data/dblog\n";
inline constexpr const char* kFailureRule = "linux.freeze.fifreeze-failed";
inline constexpr std::uint64_t kMiB = 1 << 20, kGiB = 1 << 30;

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

  void expect_partial_bundle(const Outcome& outcome) const {
    EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
    const Unpacked bundle = unpack(outcome);
    EXPECT_TRUE(bundle.manifest["partial"]);
    EXPECT_FALSE(bundle.findings["verdict"]["complete"]);
    EXPECT_THAT(bundle.file("ticket.txt"), ::testing::Not(::testing::IsEmpty()));
    const Outcome verified = run_program({"verify", bundle.zip});
    EXPECT_EQ(verified.exit_code, 0);
    EXPECT_THAT(verified.out, ::testing::HasSubstr("ended early"));
    EXPECT_EQ(files_in_target(), 1u);
  }
};

}  // namespace vmtriage
