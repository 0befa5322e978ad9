#include "analyzers/codes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "agent/base/embedded.h"

namespace vmtriage {
namespace {

constexpr std::string_view kSmallXml = R"(<codes family="Test" family-ja="試験">
  <code name="FirstFailure" number="121" where="guest" owner="customer">
    <alias>201</alias> <alias>VSS 8229</alias>
    <message>the first disk is full</message> <message xml:lang="ja">最初のディスクに空きがありません</message>
    <meaning>m</meaning> <meaning xml:lang="ja">意</meaning> <action>a</action> <action xml:lang="ja">処</action>
  </code>
  <code name="SecondFailure" number="0x800423F4" where="event" owner="windows">
    <message>the second disk is full</message>
    <meaning>m</meaning> <action>a</action>
  </code>
  <code name="ThirdFailure" number="-1" where="portal" owner="sap">
    <alias>121</alias> <meaning>m</meaning> <action>a</action>
  </code>
</codes>)";

Result<Codes> parse_one(std::string_view xml) {
  const std::string_view files[] = {xml};
  return Codes::parse(files);
}

Codes small_codes() { return std::move(*parse_one(kSmallXml)); }

Codes shipped_codes() {
  std::vector<std::string_view> files;
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path.starts_with("analyzers/codes/")) files.push_back(file.bytes);
  }
  Result<Codes> codes = Codes::parse(files);
  EXPECT_TRUE(codes.ok()) << (codes.ok() ? "" : codes.error().what);
  return codes.ok() ? std::move(*codes) : Codes();
}

std::vector<std::string> names(const std::vector<const Code*>& codes) {
  std::vector<std::string> names;
  for (const Code* code : codes) names.push_back(code->name);
  return names;
}

using Names = std::vector<std::string>;

TEST(CodesTest, EntryIsReadWithAllItsParts) {
  const Codes codes = small_codes();
  ASSERT_EQ(codes.all().size(), 3u);
  const Code& code = codes.all()[0];
  EXPECT_EQ(code.name, "FirstFailure");
  EXPECT_EQ(code.number, "121");
  EXPECT_EQ(code.family, (LocalText{"Test", "試験"}));
  EXPECT_EQ(code.where, CodeTrace::guest);
  EXPECT_EQ(code.owner, "customer");
  EXPECT_EQ(code.aliases, (Names{"201", "VSS 8229"}));
  ASSERT_EQ(code.messages.size(), 2u);
  EXPECT_EQ(code.messages[1].language, Language::ja);
  EXPECT_EQ(code.messages[1].text, "最初のディスクに空きがありません");
  EXPECT_EQ(code.meaning, (LocalText{"m", "意"}));
  EXPECT_EQ(code.action, (LocalText{"a", "処"}));
  EXPECT_EQ(name_of(codes.all()[2].where), "portal");
}

TEST(CodesTest, LineBreaksInTheXmlAreBlanksInTheText) {
  const Result<Codes> codes = parse_one(
      "<codes><code name='A' where='guest' owner='o'><meaning>one\n   two</meaning><action>a</action></code></codes>");
  ASSERT_TRUE(codes.ok());
  EXPECT_EQ(codes->all()[0].meaning.en, "one two");
}

TEST(CodesTest, EverySpellingOfACodeFindsIt) {
  const Codes codes = small_codes();
  const std::vector<std::pair<std::string, Names>> cases = {
      {"FirstFailure", {"FirstFailure"}},
      {"firstfailure", {"FirstFailure"}},
      {" StatusCode.FirstFailure,", {"FirstFailure"}},
      {"\"FirstFailure\".", {"FirstFailure"}},
      {"Error Code: FirstFailure", {"FirstFailure"}},
      {"エラー コード：FirstFailure", {"FirstFailure"}},
      {"201", {"FirstFailure"}},
      {"0x79", {"FirstFailure", "ThirdFailure"}},
      {"121", {"FirstFailure", "ThirdFailure"}},
      {"error code: 121,", {"FirstFailure", "ThirdFailure"}},
      {"VSS 8229", {"FirstFailure"}},
      {"vss/8229", {"FirstFailure"}},
      {"VSS Event ID 8229", {"FirstFailure"}},
      {"0x800423f4", {"SecondFailure"}},
      {"800423F4", {"SecondFailure"}},
      {"(0x800423F4)", {"SecondFailure"}},
      {"hr = 0x800423F4,", {"SecondFailure"}},
      {"-2147212300", {"SecondFailure"}},
      {"2147754996", {"SecondFailure"}},
      {"-1", {"ThirdFailure"}},
      {"0xFFFFFFFF", {"ThirdFailure"}},
      {"2026-01-01 T:S Enable failed StatusCode.FirstFailure, see 0x800423f4", {"FirstFailure", "SecondFailure"}},
      {"120", {}},
      {"0x", {}},
      {"0x800423F4800423F4", {}},
      {"99999999999999999999", {}},
      {"the first disk is full", {}},
      {"", {}},
      {" ", {}},
      {"error", {}},
  };
  for (const auto& [query, expected] : cases) {
    EXPECT_EQ(names(codes.lookup(query)), expected) << "query: " << query;
  }
}

TEST(CodesTest, OwnNumberComesBeforeTheSameAliasOfAnEarlierEntry) {
  const Result<Codes> codes = parse_one(
      "<codes><code name='Old' where='guest' owner='o'><alias>7</alias><meaning>m</meaning><action>a</action></code>"
      "<code name='New' number='7' where='guest' owner='o'><meaning>m</meaning><action>a</action></code></codes>");
  ASSERT_TRUE(codes.ok());
  EXPECT_EQ(names(codes->lookup("7")), (Names{"New", "Old"}));
}

TEST(CodesTest, WordsOfAMessageFindItsCodeBestFirst) {
  const Codes codes = small_codes();
  EXPECT_EQ(names(codes.search("second disk FULL!")), (Names{"SecondFailure", "FirstFailure"}));
  EXPECT_EQ(names(codes.search("最初のディスクに 空きがありません。")), (Names{"FirstFailure"}));
  EXPECT_TRUE(codes.search("quite another matter altogether").empty());
  EXPECT_TRUE(codes.search("全く別の話題です").empty());
  EXPECT_TRUE(codes.search("").empty());
}

TEST(CodesTest, NearestNamesAreThoseSpelledAlike) {
  const Codes codes = small_codes();
  EXPECT_EQ(codes.nearest("FirstFailuer"), (Names{"FirstFailure"}));
  EXPECT_EQ(codes.nearest("secondfail"), (Names{"SecondFailure"}));
  EXPECT_EQ(codes.nearest("Failure").size(), 3u);
  EXPECT_TRUE(codes.nearest("xyzzyxyzzyxyzzy").empty());
  EXPECT_TRUE(codes.nearest("").empty());
}

TEST(CodesTest, DamagedXmlIsAnErrorThatNamesFileAndOffset) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"<codes><code", "offset 11: Error parsing"},
      {"<rules/>", "the root element is not <codes>"},
      {"", "codes file 2: offset 0"},
      {"<codes>\n<code where='guest' owner='o'/></codes>", "offset 9: code has no name"},
      {"<codes><code name='A' where='moon' owner='o'/></codes>", "where is not one of guest, partial, portal, event"},
      {"<codes><code name='A' where='guest'/></codes>", "A has no owner"},
      {"<codes><code name='A' where='guest' owner='o'><action>a</action></code></codes>", "A has no meaning"},
      {"<codes><code name='A' where='guest' owner='o'><meaning>m</meaning></code></codes>", "A has no action"},
  };
  for (const auto& [xml, expected] : cases) {
    const std::string_view files[] = {kSmallXml, xml};
    const Result<Codes> codes = Codes::parse(files);
    ASSERT_FALSE(codes.ok()) << xml;
    EXPECT_EQ(codes.error().code, ErrorCode::corrupt);
    EXPECT_TRUE(codes.error().what.starts_with("codes file 2: offset ")) << codes.error().what;
    EXPECT_NE(codes.error().what.find(expected), std::string::npos) << codes.error().what;
  }
}

TEST(CodesTest, GarbageIsNeverFoundAndNeverCrashes) {
  const Codes codes = shipped_codes();
  const std::vector<std::string> garbage = {
      "\xff\xfe\xff",
      "\xe3\x82",
      std::string("\0\0\0", 3),
      "-",
      std::string(1u << 20, 'a'),
      std::string(1u << 20, '\xff'),
      std::string(1u << 20, ' '),
      "-99999999999999999999",
      "--",
      "0x",
      ",;:",

  };
  for (const std::string& query : garbage) {
    EXPECT_TRUE(codes.lookup(query).empty()) << query.substr(0, 20);
    EXPECT_LE(codes.search(query).size(), 5u);
    EXPECT_LE(codes.nearest(query).size(), 5u);
  }
}

// ---- what is shipped ----------------------------------------------------------------------------------------------

TEST(ShippedCodesTest, EveryEntryIsComplete) {
  static const std::set<std::string> kOwners = {"azure-backup", "azure-platform", "windows", "sql",
                                                "sap",          "vendor",         "customer"};
  const Codes codes = shipped_codes();
  for (const Code& code : codes.all()) {
    SCOPED_TRACE(code.name);
    EXPECT_TRUE(kOwners.contains(code.owner)) << code.owner;
    EXPECT_FALSE(code.family.en.empty());
    EXPECT_FALSE(code.family.ja.empty());
    EXPECT_FALSE(code.meaning.ja.empty());
    EXPECT_FALSE(code.action.ja.empty());
    EXPECT_EQ(code.shows.en.empty(), code.shows.ja.empty());
    ASSERT_FALSE(code.references.empty());
    for (const std::string& reference : code.references) {
      EXPECT_TRUE(reference.starts_with("https://")) << reference;
      EXPECT_EQ(reference.find_first_of(" <>\""), std::string::npos) << reference;
    }
    for (const std::string& alias : code.aliases) EXPECT_FALSE(alias.empty());
    for (const CodeMessage& message : code.messages) EXPECT_FALSE(message.text.empty());
  }
}

TEST(ShippedCodesTest, JapaneseIsWrittenInJapanese) {
  const auto has_wide = [](const std::string& text) {
    return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0xe3; });
  };
  const Codes codes = shipped_codes();
  for (const Code& code : codes.all()) {
    EXPECT_TRUE(has_wide(code.meaning.ja)) << code.name;
    EXPECT_TRUE(has_wide(code.action.ja)) << code.name;
    EXPECT_FALSE(has_wide(code.meaning.en)) << code.name;
    EXPECT_FALSE(has_wide(code.action.en)) << code.name;
  }
}

TEST(ShippedCodesTest, PortalCodesSayThatTheGuestCannotShowThem) {
  const Codes codes = shipped_codes();
  for (const Code& code : codes.all()) {
    if (code.where != CodeTrace::portal) continue;
    EXPECT_NE(code.shows.en.find("guest logs cannot show"), std::string::npos) << code.name;
    EXPECT_NE(code.shows.ja.find("のログには"), std::string::npos) << code.name;
  }
}

TEST(ShippedCodesTest, NoNameIsUsedTwiceOrIsTheAliasOfAnother) {
  const Codes codes = shipped_codes();
  std::set<std::string> seen;
  for (const Code& code : codes.all()) {
    EXPECT_TRUE(seen.insert(to_lower(code.name)).second) << code.name;
  }
  for (const Code& code : codes.all()) {
    for (const std::string& alias : code.aliases) {
      EXPECT_TRUE(equal_no_case(alias, code.name) || !seen.contains(to_lower(alias))) << code.name << ": " << alias;
    }
  }
}

TEST(ShippedCodesTest, KnownCodesAreFound) {
  const Codes codes = shipped_codes();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"OlrBackupFailed", "OlrBackupFailed"},
      {"UserErrorBcmDatasourceNotPresent", "UserErrorBcmDatasourceNotPresent"},
      {"UserErrorVmNotShutDown", "UserErrorVmNotShutDown"},
      {"UserErrorRpCollectionLimitReached", "UserErrorRpCollectionLimitReached"},
      {"121", "FailedRetryableFsFreezeFailed"},
      {"201", "FailedRetryableFsFreezeFailed"},
      {"1108", "FailedPrepostPreScriptTimeout"},
      {"1118", "FailedPrepostPluginConfigOwnershipError"},
      {"512", "FailedWorkloadLogModeChanged"},
      {"statuscode.failedretryablefsfreezefailed,", "FailedRetryableFsFreezeFailed"},
      {"ExtensionFailedVssWriterInBadState", "ExtensionFailedVssWriterInBadState"},
      {"Error Code: Snapshot operation failed due to VSS Writers in bad state. "
       "Error Message: ExtensionFailedVssWriterInBadState",
       "ExtensionFailedVssWriterInBadState"},
      {"usevsscopybackup", "USEVSSCOPYBACKUP"},
      {"アプリケーション整合性", "application-consistent"},
      {"ファイル システム整合性", "file-system-consistent"},
      {"crash consistency", "crash-consistent"},
      {"BackUpOperationFailedV2", "BackUpOperationFailed"},
      {"FailedWorkloadDatabaseNotOpen", "FailedWorkloadDatabaseStatusChanged"},
      {"Pre-ScriptTimeout", "Pre-ScriptTimeout"},
      {"-1", "PluginUnknownFailure"},
      {"1012", "PluginSettingsStatusInvalid"},
      {"2001", "GoalStateUnsupportedRequiredFeatures"},
      {"Non-zero exit code: 127", "ExtensionCommandExit127"},
      {"exit code 51", "ExtensionCommandExit51"},
      {"400039", "BackupJobError400039"},
      {"112", "HanaPreregExit112"},
      {"107", "HanaPreregExit104"},
      {"UserErrorHanaPreScriptNotRun", "UserErrorPreregistrationScriptNotRun"},
      {"[447]", "HANA backup could not be completed"},
      {"2000008", "HANA error during asynchronous file transfer"},
      {"71000018", "HANA ptime exception"},
  };
  for (const auto& [query, expected] : cases) {
    const Names found = names(codes.lookup(query));
    EXPECT_NE(std::find(found.begin(), found.end(), expected), found.end()) << query;
  }
}

TEST(ShippedCodesTest, EveryNumberOfTheLinuxExtensionIsKnown) {
  const Codes codes = shipped_codes();
  std::vector<int> numbers = {0,  1,  2,  3,   4,   11,  12,  13,  14,  15,  16,
                              17, 76, 85, 121, 122, 123, 124, 173, 402, 556, 761};
  for (int number = 201; number <= 203; ++number) numbers.push_back(number);
  for (int number = 300; number <= 318; ++number) numbers.push_back(number);
  for (int number = 500; number <= 512; ++number) numbers.push_back(number);
  for (int number = 1100; number <= 1118; ++number) numbers.push_back(number);
  for (const int number : numbers) {
    const std::vector<const Code*> found = codes.lookup(std::to_string(number));
    EXPECT_TRUE(std::any_of(found.begin(), found.end(), [](const Code* code) {
      return code->family.en.starts_with("Linux VM backup extension");
    })) << number;
  }
}

TEST(ShippedCodesTest, PortalMessagesAreFoundByTheirWordsInBothLanguages) {
  const Codes codes = shipped_codes();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"VM needs to be in deallocated state for performing replace disks operation", "UserErrorVmNotShutDown"},
      {"復元ポイント コレクションの上限に達しました", "UserErrorRpCollectionLimitReached"},
      {"Snapshot operation failed due to VSS Writers in bad state", "ExtensionFailedVssWriterInBadState"},
      {"新しい項目を探索できませんでした 内部エラーが発生しました", "DiscoveryInternalError2015"},
      {"スナップショット VM サブタスクがタイムアウトしました", "BackupSnapshotSubtaskTimeout2015"},
      {"データ ディスクの数がサポートされている上限を超えています", "RegisterTooManyDataDisks2015"},
      {"VM ゲスト エージェント証明書がありません", "RegisterAgentCertificateMissing2015"},
  };
  for (const auto& [words, expected] : cases) {
    const Names found = names(codes.search(words));
    ASSERT_FALSE(found.empty()) << words;
    EXPECT_EQ(found.front(), expected) << words;
  }
}

}  // namespace
}  // namespace vmtriage
