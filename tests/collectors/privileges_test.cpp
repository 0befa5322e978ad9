#include "collectors/privileges.h"

#include <gtest/gtest.h>

namespace vmtriage {
namespace {

TEST(Privileges, LocaleNamesTellTheLanguage) {
  struct Case {
    const char* locale;
    Language language;
  };
  for (const Case& c :
       {Case{"ja_JP.UTF-8", Language::ja}, Case{"ja", Language::ja}, Case{"ja-JP", Language::ja},
        Case{"ja.utf8", Language::ja}, Case{"Japanese_Japan.932", Language::ja}, Case{"ja_JP@cjknarrow", Language::ja},
        Case{"jam_JM", Language::en}, Case{"en_US.UTF-8", Language::en}, Case{"C", Language::en},
        Case{"POSIX", Language::en}, Case{"", Language::en}}) {
    EXPECT_EQ(language_of_locale(c.locale), c.language) << c.locale;
  }
}

TEST(Privileges, FreeSpaceIsKnownForFoldersThatExist) {
  EXPECT_TRUE(disk_free_bytes("/").ok());
  const auto missing = disk_free_bytes("/no/such/folder");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_TRUE(missing.error().what.starts_with("/no/such/folder: "));
}

}  // namespace
}  // namespace vmtriage
