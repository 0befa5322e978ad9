#include "analyzers/checks/vssadmin.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "analyzers/checks/vss_copies.h"
#include "analyzers/checks/vss_writer_list.h"
#include "analyzers/console_text.h"
#include "tests/analyzers/check_fixture.h"
#include "tests/analyzers/vss_samples.h"

namespace vmtriage {
namespace {

const RuleBase& vss_rules() {
  static const RuleBase base = [] {
    std::vector<EmbeddedFile> files;
    for (const EmbeddedFile& file : embedded_files()) {
      if (file.path == "analyzers/rules/windows-vss-checks.xml") files.push_back(file);
    }
    auto parsed = RuleBase::parse(files);
    if (!parsed) throw std::runtime_error(parsed.error().what);
    return std::move(*parsed);
  }();
  return base;
}

Insights read_as(std::string_view id, std::string_view origin, std::string_view text,
                 std::size_t block_bytes = 1 << 20) {
  Artifact artifact;
  artifact.id = id;
  artifact.origin = origin;
  Insights insights;
  const VssadminAnalyzer analyzer(vss_rules());
  const auto scan = analyzer.scan(artifact);
  if (scan == nullptr) return insights;
  for (std::uint64_t line = 1; !text.empty(); ++line) {
    scan->block({text.substr(0, block_bytes), false}, line);
    text.remove_prefix(std::min(text.size(), block_bytes));
  }
  scan->finish(insights);
  return insights;
}

Insights read_writers(std::string_view text) {
  return read_as("windows.vssadmin.writers", "vssadmin list writers", text);
}
Insights read_unknown(std::string_view text) { return read_as("text.unknown", "notes.txt", text); }

std::string writer(std::string_view name, std::string_view state, std::string_view error) {
  return "Writer name: '" + std::string(name) + "'\n   State: " + std::string(state) +
         "\n   Last error: " + std::string(error) + "\n\n";
}

std::string whole_list_without(std::string_view missing) {
  std::string text = "vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool\n\n";
  for (const std::string_view name : {"Task Scheduler Writer", "System Writer", "ASR Writer", "Registry Writer",
                                      "Shadow Copy Optimization Writer", "COM+ REGDB Writer", "WMI Writer"}) {
    if (name != missing) text += writer(name, "[1] Stable", "No error");
  }
  return text;
}

// ---- parsing

TEST(WriterList, FieldsAreReadByTheirOrderInEveryLanguage) {
  const std::tuple<std::string_view, std::string_view, int, std::string_view> cases[] = {
      {kEnglishWriters, "SqlServerWriter", 9, "Timed out"},
      {kJapaneseWriters, "SqlServerWriter", 8, "再試行可能なエラー"},
      {kGermanWriters, "Microsoft Exchange Writer", 7, "Wiederholbarer Fehler"},
      {kFrenchWriters, "Registry Writer", 11, "Aucune erreur"},
  };
  for (const auto& [text, name, state, error] : cases) {
    const auto writers = parse_writer_list(text);
    ASSERT_GE(writers.size(), 2U) << name;
    EXPECT_EQ(writers[0].name, "System Writer");
    EXPECT_EQ(writers[0].class_id, "e8132975-6f93-4464-a53e-1050253ae220");
    EXPECT_EQ(writers[0].instance_id, "3a440350-edf0-4b35-bbc0-2af9898666f7");
    EXPECT_EQ(writers[1].name, name);
    EXPECT_EQ(writers[1].state, state) << name;
    EXPECT_EQ(writers[1].last_error, error);
  }
}

TEST(WriterList, FullWidthColonsTypographicQuotesAndLostIndentationAreAccepted) {
  const auto writers = parse_writer_list(
      "ライター名： ‘System Writer’\n\nライター Id： {E8132975-6F93-4464-A53E-1050253AE220}\n\n状態： [1] "
      "安定\n\n最後のエラー： エラーなし\n");
  ASSERT_EQ(writers.size(), 1U);
  EXPECT_EQ(writers[0].class_id, "e8132975-6f93-4464-a53e-1050253ae220");
  EXPECT_EQ(writers[0].state, 1);
  EXPECT_EQ(writers[0].last_error, "エラーなし");
}

TEST(WriterList, WhatMarkdownMakesOfAListIsRead) {
  const auto writers = parse_writer_list(
      "Writer name: 'Microsoft Hyper-V VSS Writer'\n\n    **State: [8] Failed**\n\n    Last error: Retryable error\n\n"
      "Writer name: 'SqlServerWriter'\n   State: \\[11\\] Failed\n   Last error: Non-retryable error\n");
  ASSERT_EQ(writers.size(), 2U);
  EXPECT_EQ(writers[0].state, 8);
  EXPECT_EQ(writers[0].last_error, "Retryable error");
  EXPECT_EQ(writers[1].state, 11);
  EXPECT_EQ(writers[1].last_error, "Non-retryable error");
}

TEST(WriterList, WriterThatIsCutOffAfterAnyLineIsStillReported) {
  for (const std::string_view whole : {kEnglishWriters, kJapaneseWriters, kGermanWriters, kFrenchWriters}) {
    std::string text;
    std::size_t names = 0;
    bool failed = false;
    for (const std::string_view line : split_lines(whole)) {
      text += std::string(line) + "\n";
      const bool opens = !line.starts_with(' ') && (line.ends_with('\'') || line.ends_with('"'));
      names += opens ? 1 : 0;
      failed = failed || line.find("[9]") != line.npos || line.find("[8]") != line.npos ||
               line.find("[7]") != line.npos || line.find("[11]") != line.npos;
      // A single name at the very end could open anything; behind other writers it is a writer.
      const bool lone_name = opens && names == 1;
      EXPECT_EQ(parse_writer_list(text).size(), lone_name ? 0 : names) << text;
      // The banner alone, before the first id, is the list that has no writer.
      if (names == 0 || lone_name) continue;
      EXPECT_EQ(read_writers(text).findings.size(), failed ? 1U : 0U) << text;
    }
  }
}

TEST(WriterList, NextCommandIsNotTheErrorOfTheLastWriter) {
  const auto writers = parse_writer_list(
      "Writer name: 'WMI Writer'\n   State: [1] Stable\n\nC:\\Windows\\system32>vssadmin list providers\n");
  ASSERT_EQ(writers.size(), 1U);
  EXPECT_EQ(writers[0].last_error, "");
}

TEST(WriterList, DiskshadowStatusIsRead) {
  const auto writers = parse_writer_list(R"(Listing writer status ...
* WRITER "System Writer"
        - Status: 5 (VSS_WS_WAITING_FOR_BACKUP_COMPLETE)
        - Writer Failure code: 0x00000000 (S_OK)
        - Writer ID: {e8132975-6f93-4464-a53e-1050253ae220}
        - Instance ID: {7e631031-c695-4229-9da1-a7de057e64cb}
* WRITER SqlServerWriter
        - Status: 8 (VSS_WS_FAILED_AT_PREPARE_SNAPSHOT)
        - Writer Failure code: 0x800423f4 (VSS_E_WRITERERROR_NONRETRYABLE)
        - Writer ID: {a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}
)");
  ASSERT_EQ(writers.size(), 2U);
  EXPECT_EQ(writers[0].name, "System Writer");
  EXPECT_EQ(writers[0].failure, 0U);
  EXPECT_EQ(writers[0].instance_id, "7e631031-c695-4229-9da1-a7de057e64cb");
  EXPECT_EQ(writers[1].name, "SqlServerWriter");
  EXPECT_EQ(writers[1].state, 8);
  EXPECT_EQ(writers[1].failure, 0x800423f4U);
  EXPECT_EQ(writers[1].class_id, "a65faa63-5ea8-4ebc-9dbd-a0c4db26912a");
}

TEST(WriterList, OtherTextsHoldNoWriters) {
  for (const std::string_view text :
       {"name: 'x'\nvalue: [3] y\nmore: z {\n", "* a list\n* of \"things\"\n- Status: 5\n", "", "Error: 'x'\n",
        "State: [9] Failed\n"}) {
    for (const WriterStatus& found : parse_writer_list(text)) EXPECT_EQ(found.name, "x") << text;
  }
}

constexpr std::string_view kProviders = R"(
Provider name: 'Hyper-V IC Software Shadow Copy Provider'
   Provider type: Software
   Provider Id: {74600e39-7dc5-4567-a03b-f091d6c7b092}
   Version: 1.0.0.0

プロバイダー名: 'Acronis VSS Provider'
   プロバイダーの種類: ソフトウェア
   プロバイダー Id: {f5dbcc43-b847-494e-8083-f030501da611}
   バージョン: 1.0.0.2
)";

constexpr std::string_view kShadows = R"(
Contents of shadow copy set ID: {da4b9974-8ca0-4602-ac7e-d1c5f23fd25d}
   Contained 1 shadow copies at creation time: 3/09/2026 1:40:44 AM
      Shadow Copy ID: {7c13d002-0627-4c14-9e7d-682f93ea9d32}
         Original Volume: (C:)\\?\Volume{cbd6257a-71bb-4473-b800-498f0a8e380c}\
         Shadow Copy Volume: \\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy3
         Originating Machine: host
         Service Machine: host
         Provider: 'Microsoft Software Shadow Copy provider 1.0'
         Type: ApplicationRollback
         Attributes: Persistent, No auto release, Differential, Auto recovered

        * Shadow copy ID = {87e12f70-64e3-4f5f-bebb-66a01dafae89}               %VSS_SHADOW_1%
                - Original volume name: \\?\Volume{351b4712-0000-0000-0000-602200000000}\ [D:\]
                - Shadow copy device name: \\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy2
                - Exposed as: \\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy2
)";

TEST(Providers, AreToldFromWritersInEveryLanguage) {
  const auto providers =
      parse_provider_list(std::string(kEnglishWriters) + std::string(kProviders) + std::string(kShadows));
  ASSERT_EQ(providers.size(), 2U);
  EXPECT_EQ(providers[0].name, "Hyper-V IC Software Shadow Copy Provider");
  EXPECT_TRUE(is_microsoft_provider(providers[0]));
  EXPECT_EQ(providers[1].name, "Acronis VSS Provider");
  EXPECT_EQ(providers[1].id, "f5dbcc43-b847-494e-8083-f030501da611");
  EXPECT_EQ(providers[1].version, "1.0.0.2");
  EXPECT_FALSE(is_microsoft_provider(providers[1]));
  EXPECT_TRUE(parse_writer_list(kProviders).empty());
  EXPECT_TRUE(parse_writer_list(kShadows).empty());
}

TEST(Shadows, AreCountedOnceByTheirDevice) {
  const auto copies = parse_shadow_list(std::string(kShadows) + std::string(kShadows));
  ASSERT_EQ(copies.size(), 2U);
  EXPECT_EQ(copies[0].volume, "C:");
  EXPECT_EQ(copies[0].device, "HarddiskVolumeShadowCopy3");
  EXPECT_EQ(copies[1].volume, "D:");
}

std::string storage(std::string_view used, std::string_view maximum) {
  return "Shadow Copy Storage association\n   For volume: (C:)\\\\?\\Volume{986da89b-2336-4410-9417-d5dbf1f5f3e5}\\\n"
         "   Shadow Copy Storage volume: (C:)\\\\?\\Volume{986da89b-2336-4410-9417-d5dbf1f5f3\ne5}\\\n"
         "   Used Shadow Copy Storage space: " +
         std::string(used) +
         "\n   Allocated Shadow Copy Storage space: 2.53 GB (1%)\n"
         "   Maximum Shadow Copy Storage space: " +
         std::string(maximum) + "\n";
}

TEST(Storage, SizesOfEveryLanguageAreRead) {
  const std::tuple<std::string_view, double> cases[] = {
      {"11.8 GB (8%)", 11.8 * (1 << 30)},
      {"11,8 Go (8 %)", 11.8 * (1 << 30)},
      {"1,023 MB (8%)", 1023.0 * (1 << 20)},
      {"320 МБ (8%)", 320.0 * (1 << 20)},
      {"0 バイト (8%)", 0},
  };
  for (const auto& [maximum, bytes] : cases) {
    const auto found = parse_storage_list(storage("0 bytes (0%)", maximum));
    ASSERT_EQ(found.size(), 1U) << maximum;
    EXPECT_EQ(found[0].volume, "C:");
    ASSERT_TRUE(found[0].maximum.has_value()) << maximum;
    EXPECT_NEAR(*found[0].maximum, bytes, 1) << maximum;
    EXPECT_EQ(found[0].maximum_percent, 8);
  }
  for (const std::string_view unbounded : {"UNBOUNDED (100%)", "無制限 (100%)"}) {
    EXPECT_TRUE(parse_storage_list(storage("1 GB (1%)", unbounded)).front().unbounded);
  }
}

TEST(Storage, VolumesAreNoStorage) {
  EXPECT_TRUE(
      parse_storage_list("Volume path: C:\\\n    Volume name: \\\\?\\Volume{986da89b-2336-4410-9417-d5dbf1f5f3e5}\\\n"
                         "Volume path: D:\\\n    Volume name: \\\\?\\Volume{086da89b-2336-4410-9417-d5dbf1f5f3e5}\\\n")
          .empty());
}

// ---- findings

TEST(Vssadmin, FailedWriterIsNamedWithPhaseErrorServiceAndOwner) {
  const Insights insights = read_writers(kEnglishWriters);
  ASSERT_EQ(rule_ids(insights), Ids{"windows.vssadmin.writer-failed"});
  const Finding& finding = insights.findings[0];
  EXPECT_EQ(finding.severity, Severity::error);
  EXPECT_EQ(finding.component, "SqlServerWriter");
  EXPECT_EQ(finding.owner, "sql");
  EXPECT_EQ(finding.codes, (std::vector<std::string>{"ExtensionFailedVssWriterInBadState", "0x800423F2"}));
  EXPECT_NE(finding.advice.en.find("SQLWriter"), std::string::npos);
  EXPECT_NE(finding.advice.en.find("next three"), std::string::npos);
  EXPECT_NE(finding.advice.ja.find("次の 3 回"), std::string::npos);
  EXPECT_EQ(finding.advice.en.find("  "), std::string::npos);
  ASSERT_EQ(finding.evidence.size(), 1U);
  EXPECT_EQ(finding.evidence[0].line, 11U);
  EXPECT_EQ(finding.evidence[0].excerpt, "Writer name: 'SqlServerWriter' | State: [9] Failed | Last error: Timed out");
  ASSERT_EQ(levels(insights), Ids{"file-system"});
  EXPECT_EQ(insights.runs[0].writers, Ids{insights.findings[0].component});
  EXPECT_NE(insights.runs[0].because.en.find("next three attempts"), std::string::npos);
  EXPECT_FALSE(insights.runs[0].evidence.empty());
}

TEST(Vssadmin, EveryLanguageAndEncodingGivesTheSameFinding) {
  const std::pair<std::string, std::string_view> cases[] = {
      {std::string(kJapaneseWriters), "SqlServerWriter"},
      {std::string(kJapaneseWritersCp932), "SqlServerWriter"},
      {"\xFF\xFE" + utf8_to_utf16(kJapaneseWriters), "SqlServerWriter"},
      {std::string(kGermanWriters), "Microsoft Exchange Writer"},
      {std::string(kFrenchWriters), "Registry Writer"},
      {"Nom du r\x82"
       "dacteur\xFF: 'Registry Writer'\n  \x90tat\xFF: [11] \x90"
       "chec\n",
       "Registry Writer"},
      {"Nom du r\xE9"
       "dacteur\xA0: 'Registry Writer'\n  \xC9tat\xA0: [11] \xC9"
       "chec\n",
       "Registry Writer"},
  };
  for (const auto& [text, component] : cases) {
    const Insights insights = read_writers(text);
    ASSERT_EQ(rule_ids(insights), Ids{"windows.vssadmin.writer-failed"}) << component;
    EXPECT_EQ(insights.findings[0].component, component);
    const bool whole = text.find("vssadmin") != std::string::npos || text.starts_with("\xFF\xFE");
    EXPECT_EQ(read_unknown(text).findings.size(), whole ? 1U : 0U) << component;
  }
}

TEST(Vssadmin, JapaneseConsoleBytesAreShownAsText) {
  const Insights insights = read_writers(kJapaneseWritersCp932);
  ASSERT_EQ(insights.findings.size(), 1U);
  EXPECT_NE(insights.findings[0].evidence[0].excerpt.find("最後のエラー: 再試行可能なエラー"), std::string::npos);
}

TEST(Vssadmin, HealthyListsGiveNothing) {
  const std::string cases[] = {
      whole_list_without(""),
      writer("System Writer", "[1] Stable", "No error") +
          writer("WMI Writer", "[5] Waiting for completion", "No error"),
      writer("System Writer", "[1] Vakaa", "Kaikki hyvin") + writer("WMI Writer", "[1] Vakaa", "Kaikki hyvin"),
      writer("System Writer", "[1] Vakaa", "Kaikki hyvin"),
      writer("WMI Writer", "[2] Waiting for freeze", "No error"),
      std::string(kProviders.substr(0, kProviders.find("プロバイダー"))) + std::string(kShadows) +
          storage("2.06 GB (1%)", "11.8 GB (8%)"),
      storage("0 bytes (0%)", "32.0 MB (6%)"),
      storage("1 GB (1%)", "UNBOUNDED (100%)"),
      "No items found that satisfy the query.\n",
      "vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool\n\nError: Invalid command.\n",
      "",
  };
  for (const std::string& text : cases) EXPECT_EQ(rule_ids(read_writers(text)), Ids{}) << text;
}

TEST(Vssadmin, WordFailedCountsWhereTheNumberSaysStable) {
  const Insights insights = read_writers(writer("System Writer", "[1] Failed", "No error"));
  EXPECT_EQ(rule_ids(insights), Ids{"windows.vssadmin.writer-failed"});
}

TEST(Vssadmin, StableWriterWithAnErrorIsAWarning) {
  const std::string cases[] = {
      writer("Microsoft Exchange Writer", "[1] Stable", "Retryable error"),
      writer("Microsoft Exchange Writer", "[1] Stable", "0x800423f3"),
      writer("System Writer", "[1] Stabil", "Kein Fehler") + writer("WMI Writer", "[1] Stabil", "Kein Fehler") +
          writer("Microsoft Exchange Writer", "[1] Stabil", "Wiederholbarer Fehler"),
      writer("System Writer", "[1] Vakaa", "Kaikki hyvin") + writer("WMI Writer", "[1] Vakaa", "Kaikki hyvin") +
          writer("Microsoft Exchange Writer", "[1] Vakaa", "Jotain muuta"),
  };
  for (const std::string& text : cases) {
    const Insights insights = read_writers(text);
    ASSERT_EQ(rule_ids(insights), Ids{"windows.vssadmin.writer-with-error"}) << text;
    EXPECT_EQ(insights.findings[0].severity, Severity::warning);
    EXPECT_EQ(insights.findings[0].component, "Microsoft Exchange Writer");
  }
}

TEST(Vssadmin, OwnerIsTheVendorForUnknownWriters) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"Acme Backup Writer", "vendor"},
      {"Oracle VSS Writer - ORCL", "vendor"},
      {"MSDEWriter", "sql"},
      {"ADAM (corp) Writer", "windows"},
      {"NTDS", "windows"},
      {"SMS Writer", "windows"},
      {"IIS Config Writer", "windows"},
  };
  for (const auto& [name, owner] : cases) {
    const Insights insights = read_writers(writer(name, "[8] Failed", "Non-retryable error"));
    ASSERT_EQ(insights.findings.size(), 1U) << name;
    EXPECT_EQ(insights.findings[0].owner, owner) << name;
    EXPECT_EQ(insights.findings[0].rule_id,
              owner == "vendor" ? "windows.vssadmin.vendor-writer-failed" : "windows.vssadmin.writer-failed");
  }
}

TEST(Vssadmin, InstancesOfOneWriterAreOneFinding) {
  const Insights insights = read_writers(writer("Microsoft Exchange Writer", "[7] Failed", "Retryable error") +
                                         writer("Microsoft Exchange Writer", "[9] Failed", "Timed out"));
  ASSERT_EQ(insights.findings.size(), 1U);
  EXPECT_EQ(insights.findings[0].count, 2U);
  EXPECT_EQ(insights.findings[0].evidence.size(), 2U);
}

TEST(Vssadmin, FailedRestoreIsOnlyAWarning) {
  EXPECT_EQ(read_writers(writer("NTDS", "[13] Failed", "Retryable error")).findings.at(0).severity, Severity::warning);
}

TEST(Vssadmin, WhatIsMissingIsReported) {
  const std::string banner =
      "vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool\n(C) Copyright\n\n";
  const std::pair<std::string, Ids> cases[] = {
      {whole_list_without("System Writer"), {"windows.vssadmin.system-writer-missing"}},
      {writer("Registry Writer", "[1] Stable", "No error"), {}},
      {whole_list_without("System Writer") + "Writer name: 'IIS Config Writer'\n", {}},
      {banner, {"windows.vssadmin.no-writers"}},
      {"C:\\>vssadmin list writers\n" + banner + "Waiting for responses.\n", {"windows.vssadmin.no-writers"}},
  };
  for (const auto& [text, ids] : cases) EXPECT_EQ(rule_ids(read_writers(text)), ids) << text;
  EXPECT_EQ(rule_ids(read_as("windows.vssadmin.shadows", "vssadmin list shadows", banner)), Ids{});
}

TEST(Vssadmin, SeveralWritersInAFreezeAreAWarning) {
  const Insights insights =
      read_writers(writer("NTDS", "[3] Frozen", "No error") + writer("WMI Writer", "[4] x", "No error"));
  EXPECT_EQ(rule_ids(insights), Ids{"windows.vssadmin.writers-busy"});
}

TEST(Vssadmin, ErrorsOfTheCommandAreReported) {
  const std::tuple<std::string_view, std::string_view, Severity> cases[] = {
      {"Error: 0x8000FFFF\n", "windows.vssadmin.writers-unreachable", Severity::error},
      {"エラー: 0x80042302\n", "windows.vssadmin.writers-unreachable", Severity::error},
      {"Error: Unexpected failure: Catastrophic failure\n", "windows.vssadmin.command-failed", Severity::error},
      {"Fehler: 0x8004230C\n", "windows.vssadmin.command-failed", Severity::error},
      {"Error: The shadow copy provider had an error. Please see the system and application event logs.\n",
       "windows.vssadmin.command-failed", Severity::error},
      {"Error: Insufficient storage available to create either the shadow copy storage file or other shadow copy "
       "data.\n",
       "windows.vssadmin.command-failed", Severity::error},
      {"Fehler: Irgendetwas\n", "windows.vssadmin.command-failed", Severity::info},
      {"Error: You don't have the correct permissions to run this command.\n", "windows.vssadmin.not-elevated",
       Severity::info},
  };
  for (const auto& [text, id, severity] : cases) {
    const Insights insights = read_writers(text);
    ASSERT_EQ(rule_ids(insights), Ids{std::string(id)}) << text;
    EXPECT_EQ(insights.findings[0].severity, severity) << text;
    EXPECT_EQ(rule_ids(read_unknown(text)), Ids{}) << "an error of anything";
  }
}

TEST(Vssadmin, ThirdPartyProviderIsNewsAndAWarningBesideAFailedWriter) {
  const Insights alone = read_unknown(kProviders);
  ASSERT_EQ(rule_ids(alone), Ids{"windows.vssadmin.third-party-provider"});
  EXPECT_EQ(alone.findings[0].severity, Severity::info);
  const Insights both = read_unknown(std::string(kEnglishWriters) + std::string(kProviders) + std::string(kShadows));
  ASSERT_EQ(rule_ids(both), (Ids{"windows.vssadmin.writer-failed", "windows.vssadmin.third-party-provider"}));
  EXPECT_EQ(both.findings[1].severity, Severity::warning);
}

TEST(Vssadmin, ManyShadowCopiesAndNarrowStorageAreReported) {
  const auto copies = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text +=
          "  Original Volume: (E:)\\\\?\\Volume{351b4712-0000-0000-0000-602200000000}\\\n"
          "  Shadow Copy Volume: \\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy" +
          std::to_string(i) + "\n";
    }
    return text;
  };
  EXPECT_EQ(rule_ids(read_unknown(copies(63))), Ids{});
  EXPECT_EQ(rule_ids(read_unknown(copies(64))), Ids{"windows.vssadmin.many-shadow-copies"});
  EXPECT_EQ(rule_ids(read_unknown(copies(512))), Ids{"windows.vssadmin.shadow-copy-limit"});
  EXPECT_EQ(rule_ids(read_unknown(storage("0 bytes (0%)", "300 MB (0%)"))), Ids{"windows.vssadmin.storage-small"});
  EXPECT_EQ(rule_ids(read_unknown(storage("2.00 GB (1%)", "2.00 GB (1%)"))), Ids{"windows.vssadmin.storage-full"});
}

TEST(Vssadmin, BannerOfAnotherProductAndBlocksDoNotMatter) {
  const std::string text =
      "Acme Collector 3.1 (build: 'x')\nMode: [full]\n> running: 'vssadmin'\n" + std::string(kEnglishWriters);
  EXPECT_EQ(rule_ids(read_as("text.unknown", "acme.log", text, 50)), Ids{"windows.vssadmin.writer-failed"});
}

TEST(Vssadmin, ListsThatAreCutOffAnywhereInAnyEncodingInventNothing) {
  const std::string healthy =
      std::string(kEnglishWriters.substr(0, kEnglishWriters.find("Writer name: 'SqlServer"))) +
      std::string(kProviders.substr(0, kProviders.find("プロバイダー"))) + std::string(kShadows) +
      storage("2.06 GB (1%)", "11.8 GB (8%)") +
      "Volume path: C:\\\n    Volume name: \\\\?\\Volume{986da89b-2336-4410-9417-d5dbf1f5f3e5}\\\n";
  const auto utf16 = [](std::string_view text) { return "\xFF\xFE" + utf8_to_utf16(text); };
  const auto utf16_big = [](std::string_view text) { return "\xFE\xFF" + utf8_to_utf16(text, true); };
  const auto dos = [](std::string_view text) { return "R\x82sum\x82\r\n" + std::string(text); };
  for (std::size_t end = 0; end != std::string::npos; end = healthy.find('\n', end + 1)) {
    const std::string_view part = std::string_view(healthy).substr(0, end);
    const bool banner_only = part.find("Writer name") == part.npos && part.find("vssadmin 1.1") != part.npos;
    for (const std::string& text : {std::string(part), utf16(part), utf16_big(part), dos(part)}) {
      const Insights insights = read_as("text.unknown", "vss.txt", text);
      if (banner_only) continue;
      EXPECT_EQ(rule_ids(insights), Ids{}) << part;
    }
  }
}

TEST(Vssadmin, DiskshadowThatIsCutOffReportsTheWriterAsSoonAsItsStateIsKnown) {
  const std::string whole =
      "Microsoft DiskShadow version 1.0\r\n\r\n* WRITER \"Registry Writer\"\r\n        - Status: 1 "
      "(VSS_WS_STABLE)\r\n        - Writer Failure code: 0x00000000 (S_OK)\r\n\r\n* WRITER "
      "\"SqlServerWriter\"\r\n        - Status: 8 (VSS_WS_FAILED_AT_PREPARE_SNAPSHOT)\r\n        - Writer Failure "
      "code: 0x800423f4 (VSS_E_WRITERERROR_NONRETRYABLE)\r\n        - Writer ID: "
      "{a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}\r\n";
  for (std::size_t end = whole.find('\n'); end != std::string::npos; end = whole.find('\n', end + 1)) {
    const std::string part = whole.substr(0, end + 1);
    const Ids expected = part.find("Status: 8") == part.npos ? Ids{} : Ids{"windows.vssadmin.writer-failed"};
    for (const std::string& text : {part, "\xFF\xFE" + utf8_to_utf16(part)}) {
      const Insights insights = read_as("windows.diskshadow", "diskshadow list writers", text);
      EXPECT_EQ(rule_ids(insights), expected) << part;
      if (part.find("0x800423f4") == part.npos) continue;
      EXPECT_EQ(insights.findings.at(0).codes.back(), "0x800423F4");
    }
  }
}

TEST(Vssadmin, TextWhoseHeadIsSomethingElseIsLetGo) {
  const std::string log(70 << 10, 'x');
  EXPECT_EQ(rule_ids(read_unknown(log + "\n" + std::string(kEnglishWriters))), Ids{});
  EXPECT_EQ(rule_ids(read_as("linux.syslog", "/var/log/syslog", kEnglishWriters)), Ids{});
  EXPECT_FALSE(
      looks_like_vss_listing("Writer Class Id: {e8132975-6f93-4464-a53e-1050253ae220}\nWriter Name: System Writer\n"
                             "Writer Instance ID: {3dd28eb2-c214-4c18-97b7-47da7fe76649}\n"));
}

}  // namespace
}  // namespace vmtriage
