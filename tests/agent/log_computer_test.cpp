#include "agent/log_computer.h"

#include <gtest/gtest.h>

#include "tests/agent/scratch_folder.h"
#include "tests/analyzers/evtx_writer.h"

namespace vmtriage {
namespace {

using namespace evtx_writer;

/// A disk whose System log names these computers, the oldest first.
std::string computer_of(const std::vector<std::string>& computers) {
  const ScratchFolder disk;
  std::filesystem::create_directories(disk.file("Windows/System32/winevt/Logs"));
  std::vector<std::string> chunks;
  for (std::size_t i = 0; i < computers.size();) {
    ChunkWriter chunk;
    for (const std::size_t end = std::min(i + 100, computers.size()); i < end; ++i) {
      chunk.record(i + 1, classic_event({.record_id = i + 1, .channel = "System", .computer = computers[i]}, {"x"}, ""));
    }
    chunks.push_back(chunk.finish());
  }
  write_bytes(disk.file("Windows/System32/winevt/Logs/System.evtx"), file_of(chunks));
  return computer_of_logs(disk.path());
}

TEST(ComputerOfLogs, IsTheOneThatMostOfTheNewestEventsName) {
  EXPECT_EQ(computer_of({"vm1", "vm1", "WIN-8KQ"}), "vm1");
  EXPECT_EQ(computer_of({"vm1.contoso.com", "vm1"}), "vm1");
  std::vector<std::string> long_log(700, "image");
  for (int i = 0; i < 400; ++i) long_log.push_back("vm1");
  EXPECT_EQ(computer_of(long_log), "vm1");
}

TEST(ComputerOfLogs, IsUnknownWithoutALog) {
  const ScratchFolder disk;
  EXPECT_EQ(computer_of_logs(disk.path()), "");
}

}  // namespace
}  // namespace vmtriage
