#include "agent/output_file.h"

#include <gtest/gtest.h>

#include "agent/base/temporary_name.h"
#include "tests/agent/scratch_folder.h"

namespace vmtriage {
namespace {

Time later() { return now() + std::chrono::hours(2); }

TEST(OutputFiles, ThatARunIsWritingAreNotAbandonedHoweverOldTheyLook) {
  const ScratchFolder folder;
  Result<OutputFile> file = OutputFile::create(folder.file("x.zip"));
  ASSERT_TRUE(file.ok()) << file.error().what;
  ASSERT_TRUE(file->write_at(0, "text").ok());
  remove_abandoned(folder.path(), later());
  EXPECT_EQ(folder.file_count(), 1u);
  EXPECT_TRUE(file->publish().ok());
  EXPECT_EQ(read_bytes(folder.file("x.zip")), "text");
}

TEST(OutputFiles, ThatNoProcessHasOpenAreRemovedWhenTheyAreOldAndOurs) {
  const ScratchFolder folder;
  const std::string abandoned = folder.file(temporary_name()), other = folder.file("bundle.part");
  for (const std::string& path : {abandoned, other}) write_bytes(path, "PK");
  remove_abandoned(folder.path(), now() - std::chrono::hours(1));
  EXPECT_TRUE(std::filesystem::exists(abandoned));
  remove_abandoned(folder.path(), later());
  EXPECT_FALSE(std::filesystem::exists(abandoned));
  EXPECT_TRUE(std::filesystem::exists(other));
  remove_abandoned(folder.file("missing"), later());
}

TEST(TemporaryNames, AreKnownAgainAndNoOtherNameIs) {
  EXPECT_TRUE(is_temporary_name(temporary_name()));
  EXPECT_NE(temporary_name(), temporary_name());
  for (const char* name : {"", ".vmtriage-.part", ".vmtriage-0123456789ABCDEF.part", ".vmtriage-0123456789abcdef.part2",
                           "vmtriage-0123456789abcdef.part", ".vmtriage-0123456789abcde/.part"}) {
    EXPECT_FALSE(is_temporary_name(name)) << name;
  }
}

}  // namespace
}  // namespace vmtriage
