#include "agent/explain.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace vmtriage {
namespace {

constexpr std::string_view kXml = R"(<codes family="Portal" family-ja="ポータル">
  <code name="OlrBackupFailed" where="portal" owner="customer">
    <alias>OLR</alias>
    <message>restore ended with warnings</message> <message xml:lang="ja">復元が警告付きで終了しました</message>
    <meaning>The disks were not swapped.</meaning> <meaning xml:lang="ja">ディスクは置き換えられていません。</meaning>
    <shows>Portal only.</shows> <shows xml:lang="ja">ポータルのみ。</shows>
    <action>Resume the backup.</action> <action xml:lang="ja">バックアップを再開します。</action>
    <reference>https://example.com/olr</reference>
  </code>
  <code name="FsFreezeFailed" number="121" where="guest" owner="customer">
    <meaning>A freeze failed.</meaning> <action>Unmount.</action>
  </code>
</codes>)";

struct Outcome {
  int exit_code = 0;
  std::string out;
  std::string err;
};

Outcome run(const std::vector<std::string>& queries, ExplainFormat format = ExplainFormat::text,
            Language language = Language::en, const std::string& input = "") {
  const std::string_view files[] = {kXml};
  const Result<Codes> codes = Codes::parse(files);
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code = explain(queries, *codes, language, format, in, out, err);
  return {exit_code, out.str(), err.str()};
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(ExplainTest, KnownCodeIsExplainedAndTheExitCodeIsZero) {
  const Outcome result = run({"olrbackupfailed"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "OlrBackupFailed\n"
            "  Also: OLR\n"
            "  Family: Portal\n"
            "  Message: restore ended with warnings\n"
            "  Meaning: The disks were not swapped.\n"
            "  Shows in: Portal only.\n"
            "  Do this: Resume the backup.\n"
            "  Owner: customer\n"
            "  Reference: https://example.com/olr\n"
            "\n");
}

TEST(ExplainTest, JapaneseIsUsedWhereItIsKnown) {
  const Outcome result = run({"OlrBackupFailed", "121"}, ExplainFormat::text, Language::ja);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_TRUE(contains(result.out, "対処: バックアップを再開します。")) << result.out;
  EXPECT_TRUE(contains(result.out, "メッセージ: 復元が警告付きで終了しました"));
  EXPECT_TRUE(contains(result.out, "対処: Unmount.")) << "no Japanese: English is shown";
}

TEST(ExplainTest, WordsOfAMessageAreSearchedAndSaidToBeSo) {
  for (const std::string query : {"restore ended with warnings", "復元が警告付きで終了"}) {
    const Outcome result = run({query});
    EXPECT_EQ(result.exit_code, 0) << query;
    EXPECT_TRUE(contains(result.out, query + ": no code of this name")) << result.out;
    EXPECT_TRUE(contains(result.out, "\nOlrBackupFailed\n"));
  }
}

TEST(ExplainTest, UnknownCodeGetsTheNearestNamesAHintAndExitCodeOne) {
  const Outcome result = run({"OlrBakupFailed", "121"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_TRUE(result.err.starts_with("OlrBakupFailed: not a known code; nearest: OlrBackupFailed\n")) << result.err;
  EXPECT_TRUE(contains(result.err, "Search by words of the message"));
  EXPECT_TRUE(contains(result.out, "FsFreezeFailed\n")) << "the known one is still explained";
}

TEST(ExplainTest, UnknownCodeWithNothingNearHasNoSuggestion) {
  const Outcome result = run({"Xyzzy"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_TRUE(result.err.starts_with("Xyzzy: not a known code\n")) << result.err;
}

TEST(ExplainTest, DashReadsOneCodeALine) {
  const Outcome result =
      run({"-"}, ExplainFormat::text, Language::en, "121\r\n\n  StatusCode.OlrBackupFailed,\nnonsense");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_TRUE(contains(result.out, "FsFreezeFailed\n"));
  EXPECT_TRUE(contains(result.out, "OlrBackupFailed\n"));
  EXPECT_TRUE(result.err.starts_with("nonsense: not a known code"));
}

TEST(ExplainTest, NothingAskedIsSaidAndIsNoSuccess) {
  for (const auto& queries : {std::vector<std::string>{}, std::vector<std::string>{"-"}}) {
    const Outcome result = run(queries);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.err, "explain: no code given\n");
    EXPECT_EQ(result.out, "");
  }
}

TEST(ExplainTest, JsonHoldsEveryAnswerAlsoTheUnknownOnes) {
  const Outcome result = run({"121", "nonsense"}, ExplainFormat::json);
  EXPECT_EQ(result.exit_code, 1);
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["schema"], 1);
  ASSERT_EQ(json["answers"].size(), 2u);
  EXPECT_EQ(json["answers"][0]["match"], "code");
  EXPECT_EQ(json["answers"][0]["codes"][0]["name"], "FsFreezeFailed");
  EXPECT_EQ(json["answers"][0]["codes"][0]["number"], "121");
  EXPECT_EQ(json["answers"][0]["codes"][0]["where"], "guest");
  EXPECT_EQ(json["answers"][1]["match"], "none");
  EXPECT_EQ(json["answers"][1]["query"], "nonsense");
}

TEST(ExplainTest, JsonLinesHoldOneAnswerEach) {
  const Outcome result = run({"121", "OLR", "restore warnings"}, ExplainFormat::jsonl, Language::ja);
  EXPECT_EQ(result.exit_code, 0);
  std::istringstream lines(result.out);
  std::vector<std::string> matches;
  for (std::string line; std::getline(lines, line);) matches.push_back(nlohmann::json::parse(line)["match"]);
  EXPECT_EQ(matches, (std::vector<std::string>{"code", "code", "words"}));
}

TEST(ExplainTest, GarbageIsRepeatedInPrintableFormAndCutShort) {
  const std::vector<std::string> garbage = {"", "\x1b[31m\xff\xfe", std::string(1u << 20, 'q'), std::string("a\0b", 3)};
  for (const std::string& query : garbage) {
    for (const ExplainFormat format : {ExplainFormat::text, ExplainFormat::json, ExplainFormat::jsonl}) {
      const Outcome result = run({query}, format);
      EXPECT_EQ(result.exit_code, 1);
      EXPECT_LT(result.err.size(), 700u);
      EXPECT_LT(result.out.size(), 1000u);
      EXPECT_EQ(result.err.find('\x1b'), std::string::npos);
      if (format != ExplainFormat::text) {
        EXPECT_TRUE(nlohmann::json::accept(result.out)) << result.out;
      }
    }
  }
}

}  // namespace
}  // namespace vmtriage
