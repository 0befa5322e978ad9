#include "analyzers/event_rules.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/event_quote.h"
#include "analyzers/evtx/value.h"
#include "tests/analyzers/evtx_writer.h"
#include "tests/analyzers/rule_examples.h"

namespace vmtriage {
namespace {

using namespace evtx_writer;

std::string unchanged(std::string_view text) { return std::string(text); }

/// Gives some bytes at a time.
ReadBytes reader_of(std::string_view bytes, std::size_t block_bytes) {
  return [bytes, block_bytes, given = std::size_t{0}](std::span<char> target) mutable -> Result<std::size_t> {
    const std::size_t count = bytes.substr(0, given + block_bytes).copy(target.data(), target.size(), given);
    given += count;
    return count;
  };
}

/// Feeds texts and logs to one EventRules, as a run does.
class EventRulesTest : public testing::Test {
 protected:
  std::vector<Finding> text(std::string_view text, std::size_t block_bytes = 1 << 20) {
    Artifact artifact;
    artifact.id = "text.unknown";
    artifact.origin = "events/Application.txt";
    return scan(artifact, text, block_bytes);
  }

  std::vector<Finding> log(const std::vector<std::pair<EventText, std::vector<std::string>>>& events,
                           std::string binary = "") {
    ChunkWriter chunk;
    std::uint64_t id = 0;
    for (auto [head, strings] : events) {
      head.record_id = ++id;
      chunk.record(id, classic_event(head, strings, binary));
    }
    Artifact artifact;
    artifact.id = "windows.events.log";
    artifact.format = Format::evtx;
    artifact.origin = "Application.evtx";
    return scan(artifact, file_of({chunk.finish()}), 1000);
  }

  std::vector<Finding> scan(const Artifact& artifact, std::string_view bytes, std::size_t block_bytes) {
    const auto one = rules_.scan(artifact);
    if (one == nullptr) return {};
    if (artifact.format == Format::evtx) {
      ThreadSlots slots(threads_, threads_ - 1);
      one->pull(reader_of(bytes, block_bytes), slots);
    }
    std::uint64_t line = 1;
    for (std::string_view rest = artifact.format == Format::text ? bytes : ""; !rest.empty();) {
      std::size_t size = std::min(block_bytes, rest.size());
      if (size < rest.size()) size = std::min(rest.find('\n', size), rest.size() - 1) + 1;
      one->block(Block{rest.substr(0, size), false}, line);
      line +=
          static_cast<std::uint64_t>(std::count(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size), '\n'));
      rest.remove_prefix(size);
    }
    Insights insights;
    one->finish(insights);
    rules_.conclude(insights);
    errors_ = insights.errors;
    return insights.findings;
  }

  EventRules rules_{RuleBase::built_in(), unchanged};
  unsigned threads_ = 1;
  std::vector<Error> errors_;
};

std::vector<std::string> ids_of(const std::vector<Finding>& findings) {
  std::vector<std::string> ids;
  for (const Finding& finding : findings) ids.push_back(finding.rule_id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

bool has(const std::vector<Finding>& findings, std::string_view id) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) { return finding.rule_id == id; });
}

std::string context(std::string_view writer, std::string_view id) {
  return "\nOperation:\n   PostSnapshot Event\n\nContext:\n   Writer Class Id: {" + std::string(id) +
         "}\n   Writer Name: " + std::string(writer) + "\n";
}

const std::string kSqlWriter = context("SqlServerWriter", "a65faa63-5ea8-4ebc-9dbd-a0c4db26912a");
const std::string kWmiWriter = context("WMI Writer", "a6ad56c2-b509-4e6c-bb19-49d8f43532f0");
using Ids = std::vector<std::string>;

TEST_F(EventRulesTest, EveryRuleHitsItsMatchesAndPassesItsMisses) {
  std::size_t tried = 0;
  for (const Rule& rule : rules_with_examples().rules()) {
    if (rule.events.empty()) continue;
    EXPECT_FALSE(rule.matches.empty()) << rule.id;
    EXPECT_FALSE(rule.misses.empty()) << rule.id;
    EXPECT_FALSE(rule.title.ja.empty() || rule.advice.ja.empty()) << rule.id;
    if (rule.silent) continue;  // WindowsRuns holds what becomes of them
    const auto repeated = [&](const std::string& example) {
      std::string text;
      for (std::uint32_t i = 0; i < rule.threshold; ++i) text += example + "\n\n";
      return text;
    };
    for (const std::string& match : rule.matches) {
      EXPECT_TRUE(has(text(repeated(match)), rule.id))
          << rule.id << "\n"
          << match << "\ngave " << testing::PrintToString(ids_of(text(repeated(match))));
      ++tried;
    }
    for (const std::string& miss : rule.misses)
      EXPECT_FALSE(has(text(repeated(miss)), rule.id)) << rule.id << "\n" << miss;
  }
  EXPECT_GT(tried, 50u);
}

TEST_F(EventRulesTest, FailedWriterInAnEventLogIsNamedWithItsServiceAndError) {
  const auto findings = log({{{}, {"0x800423f4, The writer experienced a non-transient error.", kWmiWriter}}});
  ASSERT_EQ(ids_of(findings), (Ids{"windows.vss.writer-nonretryable"}));
  EXPECT_EQ(findings[0].component, "WMI Writer");
  EXPECT_NE(findings[0].title.en.find("0x800423f4"), std::string::npos);
  EXPECT_NE(findings[0].advice.en.find("Winmgmt"), std::string::npos);
  ASSERT_EQ(findings[0].evidence.size(), 1u);
  EXPECT_EQ(findings[0].evidence[0].record_id, 1u);
  EXPECT_NE(findings[0].evidence[0].excerpt.find("VSS 8229: 0x800423f4"), std::string::npos);
  EXPECT_EQ(findings[0].evidence[0].excerpt.find("Binary"), std::string::npos);
}

TEST_F(EventRulesTest, SameWriterIsOneFindingWithItsCount) {
  std::vector<std::pair<EventText, std::vector<std::string>>> events(9, {{}, {"0x800423f4, x", kSqlWriter}});
  const auto findings = log(events);
  ASSERT_EQ(ids_of(findings), (Ids{"windows.vss.sql-writer-failed"}));
  EXPECT_EQ(findings[0].count, 9u);
  EXPECT_EQ(findings[0].evidence.size(), kMaxExcerpts);
}

TEST_F(EventRulesTest, HealthySystemsGiveNoWarning) {
  const auto findings = log({
      {{.id = 8224, .level = 4}, {"\n"}},
      {{.id = 8193, .level = 2},
       {"RegOpenKeyExW(-2147483646,SYSTEM\\CurrentControlSet\\Services\\VSS\\Diag,...)",
        "0x80070005, Access is denied.", kWmiWriter}},
      {{.id = 8193, .level = 2}, {"ConvertStringSidToSid(S-1-5-21-1.bak)", "0x80070539, x", kWmiWriter}},
      {{.id = 8194, .level = 2}, {"0x80070005, Access is denied.", kWmiWriter}},
      {{.id = 8220, .level = 4}, {"C:\\x", "y"}},
      {{.id = 12289, .level = 2}, {"Older writer session state is being removed.", "0x80042409", kWmiWriter}},
      {{.id = 22, .level = 2}, {"{3e02620c-e180-44f3-b154-2473646e4cb8}", "HWPRV", "0x80040154"}},
      {{.provider = "Microsoft-Windows-CAPI2", .id = 513, .level = 2},
       {"Details:\nAddLegacyDriverFiles: Unable to back up image of binary Microsoft Link-Layer Discovery Protocol."}},
      {{.provider = "disk", .id = 34, .channel = "System"}, {"\\Device\\Harddisk0\\DR0"}},
      {{.provider = "disk", .id = 153, .channel = "System"}, {"\\Device\\Harddisk0\\DR0", "0x1", "0"}},
      {{.provider = "Service Control Manager", .id = 7036, .level = 4, .channel = "System"},
       {"Volume Shadow Copy", "stopped"}},
      {{.provider = "Service Control Manager", .id = 7031, .level = 2, .channel = "System"}, {"Contoso Agent", "1"}},
      {{.provider = "EventSystem", .id = 4625, .level = 4}, {"86400", "SuppressDuplicateDuration"}},
      {{.provider = "volsnap", .id = 33, .level = 4, .channel = "System"},
       {"\\Device\\HarddiskVolumeShadowCopy1", "C:", "C:"}},
      {{.provider = "Microsoft-Windows-Ntfs", .id = 153, .level = 4, .channel = "Operational"}, {"x"}},
  });
  for (const Finding& finding : findings) EXPECT_EQ(finding.severity, Severity::info) << finding.rule_id;
  EXPECT_FALSE(has(findings, "windows.eventsystem.suppressed"));
}

TEST_F(EventRulesTest, HarmlessEventThatSomebodyPickedOutIsAWarning) {
  const std::string event =
      "Source: VSS\nEvent ID: 8194\nDescription:\nIVssWriterCallback hr = 0x80070005" + kWmiWriter;
  const auto findings = text(event);
  ASSERT_EQ(ids_of(findings), (Ids{"windows.vss.callback-access-denied"}));
  EXPECT_EQ(findings[0].severity, Severity::warning);
  std::string many;
  for (int i = 0; i < 9; ++i) many += event;
  EXPECT_EQ(text(many)[0].severity, Severity::info);
}

TEST_F(EventRulesTest, HarmlessEventBesideARealFailureStaysInformation) {
  const auto findings =
      text("Source: VSS\nEvent ID: 8194\nDescription:\nx\nSource: VSS\nEvent ID: 8229\nDescription:\n0x800423f4, x\n" +
           kWmiWriter);
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.severity,
              finding.rule_id == "windows.vss.callback-access-denied" ? Severity::info : Severity::error);
  }
  EXPECT_EQ(findings.size(), 2u);
}

TEST_F(EventRulesTest, ThresholdCountsWithinItsTime) {
  constexpr std::uint64_t kMinute = 600'000'000;
  std::vector<std::pair<EventText, std::vector<std::string>>> events;
  for (std::uint64_t i = 0; i < 20; ++i) {
    EventText head{.provider = "disk", .id = 153, .channel = "System"};
    head.time += i * 30 * kMinute;
    events.push_back({head, {"\\Device\\Harddisk1\\DR1", "0x10", "1"}});
  }
  EXPECT_TRUE(log(events).empty());
  for (std::uint64_t i = 0; i < events.size(); ++i) events[i].first.time = EventText{}.time + i * kMinute;
  EXPECT_EQ(ids_of(log(events)), (Ids{"windows.disk.io-retried"}));
}

TEST_F(EventRulesTest, CauseInTheSystemLogIsFoundForAFailureInTheApplicationLog) {
  EXPECT_EQ(log({{{}, {"0x800423f2, The writer timed out.", kWmiWriter}}}).size(), 1u);
  EventText cause{.provider = "volsnap", .id = 8, .level = 2, .channel = "System"};
  cause.time += 600'000'000;
  const auto findings = log({{cause, {"\\Device\\HarddiskVolumeShadowCopy1", "C:"}}});
  ASSERT_EQ(ids_of(findings), (Ids{"windows.volsnap.hold-timeout"}));
  cause.provider = "storahci";
  cause.id = 129;
  const auto reset = log({{cause, {"\\Device\\RaidPort0"}}});
  ASSERT_EQ(ids_of(reset), (Ids{"windows.window.io", "windows.window.io"}));
  EXPECT_NE(reset[0].title.en.find("storahci 129"), std::string::npos) << reset[0].title.en;
}

TEST_F(EventRulesTest, CrashOfTheWritersServiceIsItsCause) {
  EventText crash{.provider = "Service Control Manager", .id = 7034, .level = 2, .channel = "System"};
  EXPECT_EQ(log({{crash, {"x"}}}).size(), 0u);
  const auto findings = text(
      "Log Name: Application\nSource: VSS\nDate: 2024-05-01T02:03:04\nEvent ID: 8229\nDescription:\n0x800423f4\n" +
      kSqlWriter +
      "Log Name: System\nSource: Service Control Manager\nDate: 2024-05-01T02:02:30\nEvent ID: 7034\nDescription:\n"
      "The SQL Server VSS Writer service terminated unexpectedly.  It has done this 1 time(s).\n");
  EXPECT_EQ(ids_of(findings),
            (Ids{"windows.service.sql-crashed", "windows.vss.sql-writer-failed", "windows.window.service"}));
}

TEST_F(EventRulesTest, EventsOfAnotherComputerAreNoCause) {
  log({{{.computer = "a"}, {"0x800423f2, x", kWmiWriter}}});
  EXPECT_EQ(log({{{.provider = "storahci", .id = 129, .channel = "System", .computer = "b"}, {"x"}}}).size(), 0u);
}

TEST_F(EventRulesTest, FrozenDatabaseThatIsNeverResumedIsReported) {
  const std::string frozen = " spid51 I/O is frozen on database sales. No user action is required.\n";
  const std::string resumed = " spid51 I/O was resumed on database sales. No user action is required.\n";
  const std::string later =
      "2024-05-01 04:00:00.00 spid9 I/O is frozen on database model. No user action is required.\n";
  EXPECT_EQ(ids_of(text("2024-05-01 02:03:04.00" + frozen + later)), (Ids{"windows.sql-event.never-resumed"}));
  EXPECT_EQ(ids_of(text("2024-05-01 02:03:04.00" + frozen + "2024-05-01 02:05:04.00" + resumed)),
            (Ids{"windows.sql-event.frozen-long"}));
  EXPECT_TRUE(text("2024-05-01 02:03:04.00" + frozen + "2024-05-01 02:03:07.00" + resumed + later).empty());
}

TEST_F(EventRulesTest, FreezeAtTheEndOfALogIsNoHang) {
  EXPECT_TRUE(log({{{.provider = "MSSQLSERVER", .id = 3197, .level = 4}, {"sales"}}}).empty());
}

TEST_F(EventRulesTest, BlocksMayCutAnExportAnywhere) {
  const std::string whole =
      "Source: VSS\nEvent ID: 8229\nDescription:\n0x800423f4, x\n" + kSqlWriter + "Source: volsnap\nEvent ID: 25\n";
  for (const std::size_t bytes : {1u, 20u, 60u, 200u}) {
    EXPECT_EQ(ids_of(text(whole, bytes)), (Ids{"windows.volsnap.grow-in-time", "windows.vss.sql-writer-failed"}))
        << bytes;
  }
}

TEST_F(EventRulesTest, ExportInTheCodePageOfTheConsoleIsRead) {
  // What Event Viewer and wevtutil write on a Japanese Windows, in code page 932.
  const std::string japanese =
      "\x83\x8D\x83O\x82\xCC\x96\xBC\x91O: System\n"
      "\x83\\\x81[\x83X: volsnap\n"
      "\x83"
      "C\x83x\x83\x93\x83g ID: 25\n"
      "\x83\x8C\x83x\x83\x8B: \x83G\x83\x89\x81[\n"
      "\x83R\x83\x93\x83s\x83\x85\x81[\x83^\x81[: vm1\n"
      "\x90\xE0\x96\xBE:\n"
      "\x83{\x83\x8A\x83\x85\x81[\x83\x80 C: \x82\xCC\x83V\x83\x83\x83h\x83"
      "E \x83R\x83s\x81[\x82\xCD\x92\x86\x8E~\x82\xB3\x82\xEA\x82\xDC\x82\xB5\x82\xBD\x81"
      "B\n";
  for (const std::size_t bytes : {20u, 1u << 20}) {
    const auto findings = text(japanese, bytes);
    ASSERT_EQ(ids_of(findings), Ids{"windows.volsnap.grow-in-time"}) << bytes;
    EXPECT_NE(findings[0].evidence.at(0).excerpt.find("のシャドウ コピーは中止されました"), std::string::npos);
  }
}

TEST_F(EventRulesTest, NumberedValueIsFoundUnderTheNameThatNewerWindowsGivesIt) {
  ChunkWriter chunk;
  for (std::uint64_t id = 1; id <= 10; ++id) {
    chunk.record(id, named_event({.provider = "disk", .id = 153, .record_id = id, .channel = "System"},
                                 {{"DeviceName", string("\\Device\\Harddisk1\\DR1")}, {"Lba", string("0x10")}}));
  }
  Artifact artifact;
  artifact.format = Format::evtx;
  const auto findings = scan(artifact, file_of({chunk.finish()}), 1 << 20);
  ASSERT_EQ(ids_of(findings), (Ids{"windows.disk.io-retried"}));
  EXPECT_EQ(findings[0].component, "\\Device\\Harddisk1\\DR1");
}

TEST_F(EventRulesTest, EventsThatRepeatAreCountedAndShownWithTheirOwnTimesAndNumbers) {
  constexpr std::uint64_t kSecond = 10'000'000, kEvents = 40;
  std::vector<std::pair<EventText, std::vector<std::string>>> events;
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    EventText head;
    head.time += i * kSecond;
    events.push_back({head, {"0x800423f4", i % 2 == 0 ? kSqlWriter : kWmiWriter}});
  }
  const Time first = from_file_time(EventText{}.time);
  const auto findings = log(events);
  ASSERT_EQ(ids_of(findings), (Ids{"windows.vss.sql-writer-failed", "windows.vss.writer-nonretryable"}));
  for (const Finding& finding : findings) {
    const bool is_sql = finding.rule_id == "windows.vss.sql-writer-failed";
    const std::uint64_t shift = is_sql ? 0 : 1;
    EXPECT_EQ(finding.count, kEvents / 2);
    EXPECT_EQ(finding.first_seen, first + std::chrono::seconds(shift));
    EXPECT_EQ(finding.last_seen, first + std::chrono::seconds(kEvents - 2 + shift));
    std::vector<std::uint64_t> shown;
    for (const Evidence& evidence : finding.evidence) {
      shown.push_back(evidence.record_id.value_or(0));
      EXPECT_EQ(evidence.time, first + std::chrono::seconds(shown.back() - 1));
      EXPECT_NE(evidence.excerpt.find(is_sql ? "SqlServerWriter" : "WMI Writer"), std::string::npos);
    }
    EXPECT_EQ(shown, (std::vector<std::uint64_t>{1 + shift, 3 + shift, 35 + shift, 37 + shift, 39 + shift}));
  }
}

TEST_F(EventRulesTest, EventsOfTheSameDataFromAnotherProviderOrNumberAreNoRepetitions) {
  const auto sql = [](EventText head) { return std::pair(head, std::vector<std::string>{"0x800423f4", kSqlWriter}); };
  EXPECT_EQ(ids_of(log({sql({}), sql({.provider = "Backup"})})), (Ids{"windows.vss.sql-writer-failed"}));
  EXPECT_EQ(log({sql({}), sql({.provider = "Backup"}), sql({})})[0].count, 2u);
  EXPECT_EQ(log({sql({}), sql({.id = 1}), sql({})})[0].count, 2u);
}

TEST_F(EventRulesTest, ProvidersThatTheEventsTellThemselvesAreToldApart) {
  ChunkWriter chunk;
  std::uint64_t number = 0;
  for (const char* provider : {"XYZ", "VSS", "Backup", "VSS", "XYZ", "VSS"}) {
    const EventText head{.provider = provider, .record_id = ++number};
    Fragment record = classic_event(head, {"0x800423f4", kSqlWriter}, "");
    record.root.children.front().children.front() = element("Provider", {{"Name", {slot(14)}}}, {});
    record.values.push_back(string(head.provider));
    chunk.record(number, record);
  }
  Artifact artifact;
  artifact.format = Format::evtx;
  const auto findings = scan(artifact, file_of({chunk.finish()}), 1 << 20);
  ASSERT_EQ(ids_of(findings), (Ids{"windows.vss.sql-writer-failed"}));
  EXPECT_EQ(findings[0].count, 3u);
}

TEST_F(EventRulesTest, ProvidersThatTheTemplateTellsAreToldApartHoweverMany) {
  std::vector<std::pair<EventText, std::vector<std::string>>> events;
  for (int i = 0; i < 60; ++i) {
    if (i == 40) events.push_back({EventText{}, {"0x800423f4", kSqlWriter}});
    events.push_back({EventText{.provider = "Q" + std::to_string(i)}, {"0x800423f4", kSqlWriter}});
  }
  const auto findings = log(events);
  ASSERT_EQ(ids_of(findings), (Ids{"windows.vss.sql-writer-failed"}));
  EXPECT_EQ(findings[0].count, 1u);
}

TEST_F(EventRulesTest, EventsWhoseIdsAndLevelsMixAlikeAreToldApart) {
  constexpr std::uint16_t kId = 12289;
  constexpr std::uint8_t kLevel = 2;
  const auto one = [](std::uint16_t id, std::uint8_t level) {
    return std::pair(EventText{.id = id, .level = level}, std::vector<std::string>{"0x800423f4", kSqlWriter});
  };
  const auto alone = log({one(kId, kLevel)});
  for (std::uint16_t id = kId - 1; id < kId + 14; ++id) {
    const auto level = static_cast<std::uint8_t>(kId ^ kLevel ^ id);
    if (id == kId) continue;
    std::multiset<std::string> apart, together;
    for (const Finding& finding : alone) apart.insert(finding.rule_id);
    for (const Finding& finding : log({one(id, level)})) apart.insert(finding.rule_id);
    for (const Finding& finding : log({one(kId, kLevel), one(id, level)})) {
      for (std::uint64_t i = 0; i < finding.count; ++i) together.insert(finding.rule_id);
    }
    EXPECT_EQ(together, apart) << id << " of level " << int{level};
  }
}

TEST_F(EventRulesTest, EventsOfTheSameDataInAnotherTemplateAreNoRepetitions) {
  ChunkWriter chunk;
  const EventText head{.provider = "Ntfs", .id = 55, .level = 2, .channel = "System"};
  chunk.record(1, named_event(head, {{"DriveName", string("D:")}, {"DeviceName", string("E:")}}));
  chunk.record(2, named_event(head, {{"DeviceName", string("D:")}, {"DriveName", string("E:")}}));
  Artifact artifact;
  artifact.format = Format::evtx;
  std::vector<std::string> components;
  for (const Finding& finding : scan(artifact, file_of({chunk.finish()}), 1 << 20))
    components.push_back(finding.component);
  std::sort(components.begin(), components.end());
  EXPECT_EQ(components, (std::vector<std::string>{"D:", "E:"}));
}

TEST_F(EventRulesTest, WhatAnEventDoesNotTellLeavesNoEmptyBrackets) {
  for (const Finding& finding :
       text("Source: VSS\nEvent ID: 12293\nDescription:\nx\n\nSource: VSS\nEvent ID: 12366\n")) {
    EXPECT_EQ((finding.title.en + finding.title.ja + finding.advice.en + finding.advice.ja).find("()"),
              std::string::npos)
        << finding.rule_id;
  }
}

TEST_F(EventRulesTest, ExcerptOfAPastedEventQuotesTheLabelOfItsLine) {
  const auto findings = text(
      "Event Type: Error\nEvent Source: VSS\nEvent ID: 8193\nDescription: Volume Shadow Copy Service error: Unexpected "
      "error calling routine XML document is too long. hr = 0x80070018, The program issued a command.\n");
  ASSERT_EQ(ids_of(findings), (Ids{"windows.vss.metadata-too-long"}));
  EXPECT_TRUE(findings[0].evidence[0].excerpt.starts_with("VSS 8193: Description: Volume Shadow Copy Service error:"))
      << findings[0].evidence[0].excerpt;
}

TEST(QuotedLogTest, WhatTheFindingIsAboutIsKeptWhereTheTextIsCut) {
  const QuotedLog log{"windows.events.application", "x", nullptr};
  const std::string text = "begin " + std::string(900, 'a') + " the volume \xE3\x83\x87 E: failed here";
  const Quote quote{std::make_shared<const QuotedWords>(QuotedWords{"VSS 1", text, ""}), {}, {}, {}, Clock::utc};
  const std::string whole = log.evidence(quote, "E: failed").excerpt;
  EXPECT_TRUE(whole.starts_with("VSS 1: begin aaa")) << whole;
  EXPECT_NE(whole.find("E: failed here"), std::string::npos) << whole;
  EXPECT_LE(whole.size(), kMaxExcerptBytes);
  EXPECT_EQ(log.evidence(quote, "nowhere").excerpt, log.evidence(quote).excerpt);
}

TEST_F(EventRulesTest, WrappedMessageWithoutHeadIsOneEvent) {
  const auto findings = text(
      "4. There should be event logs like this.\n```\nVolume Shadow Copy Service error: Unexpected error querying for "
      "the\n"
      "IVssWriterCallback interface. hr = 0x80070005, Access is denied.\n. This is often caused by incorrect security "
      "settings\n"
      "\nContext:\nWriter Class Id: {e8132975-6f93-4464-a53e-1050253ae220}\nWriter Name: System Writer\n");
  ASSERT_EQ(ids_of(findings), (Ids{"windows.vss.callback-access-denied"}));
  EXPECT_EQ(findings[0].component, "System Writer");
  EXPECT_EQ(findings[0].evidence[0].line, 3u);
}

TEST_F(EventRulesTest, SecretsOfAnEventLogAreRedacted) {
  const EventRules rules(RuleBase::built_in(), [](std::string_view text) {
    std::string clean(text);
    for (std::size_t at = 0; (at = clean.find("hunter2", at)) != std::string::npos;) clean.replace(at, 7, "***");
    return clean;
  });
  ChunkWriter chunk;
  chunk.record(
      1, classic_event({}, {"0x800423f4, hunter2", context("Oracle hunter2", "26d02976-b909-43ad-af7e-62a4f625e372")},
                       ""));
  Artifact artifact;
  artifact.format = Format::evtx;
  const auto one = rules.scan(artifact);
  const std::string log = file_of({chunk.finish()});
  ThreadSlots slots(1, 0);
  one->pull(reader_of(log, log.size()), slots);
  Insights insights;
  one->finish(insights);
  ASSERT_EQ(ids_of(insights.findings), (Ids{"windows.vss.vendor-writer-failed"}));
  EXPECT_EQ(insights.findings[0].component, "Oracle ***");
  EXPECT_EQ(insights.findings[0].evidence[0].excerpt.find("hunter2"), std::string::npos);
  EXPECT_EQ(insights.findings[0].title.en.find("hunter2"), std::string::npos);
}

/// A log that takes several threads: failures of two writers, restarts of services and much that no rule asks for.
std::string long_log(std::size_t chunks, std::uint64_t events_per_chunk) {
  std::vector<std::string> made;
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < chunks; ++i) {
    ChunkWriter chunk;
    for (std::uint64_t k = 0; k < events_per_chunk; ++k) {
      EventText head;
      head.record_id = ++id;
      head.time += id * 10'000'000 * 60;
      const std::string& writer = id % 7 == 0 ? kSqlWriter : kWmiWriter;
      if (id % 5 != 0) head.provider = "Service Control Manager", head.id = id % 2 == 0 ? 7031 : 7036;
      const std::string first = id % 5 == 0 ? "0x800423f4, failed " + std::to_string(id) : "Volume Shadow Copy";
      chunk.record(id,
                   classic_event(head, {first, id % 5 == 0 ? writer : "1"}, id % 5 == 0 ? "" : utf8_to_utf16("VSS")));
    }
    made.push_back(chunk.finish());
  }
  return file_of(made);
}

/// All that a report shows of findings.
std::string shown(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += finding.rule_id + " " + finding.component + " " + finding.title.en + " " + finding.advice.en + " " +
            std::to_string(finding.count) + " " + format_time(finding.first_seen.value_or(Time{})) + " " +
            format_time(finding.last_seen.value_or(Time{})) + "\n";
    for (const Evidence& evidence : finding.evidence) {
      text += "  " + std::to_string(evidence.record_id.value_or(0)) + " " + evidence.excerpt + "\n";
    }
  }
  return text;
}

TEST_F(EventRulesTest, FindingsOfALogAreTheSameWithAnyNumberOfThreads) {
  const std::string log = long_log(80, 40);
  Artifact artifact;
  artifact.format = Format::evtx;
  artifact.origin = "Application.evtx";
  artifact.size = log.size();
  std::vector<std::string> results;
  for (const unsigned threads : {1u, 2u, 8u}) {
    EventRules rules(RuleBase::built_in(), unchanged);
    const auto one = rules.scan(artifact);
    ThreadSlots slots(threads, threads - 1);
    one->pull(reader_of(log, 100'000), slots);
    Insights insights;
    one->finish(insights);
    rules.conclude(insights);
    results.push_back(shown(insights.findings));
  }
  EXPECT_NE(results[0].find("windows.window.service"), std::string::npos) << results[0];
  EXPECT_EQ(results[1], results[0]);
  EXPECT_EQ(results[2], results[0]);
}

TEST_F(EventRulesTest, WhatLogsTellTogetherDoesNotDependOnWhichEndedFirst) {
  const auto log_with = [](const EventText& head, const std::vector<std::string>& strings) {
    ChunkWriter chunk;
    chunk.record(1, classic_event(head, strings, ""));
    return file_of({chunk.finish()});
  };
  const std::string failure = log_with({}, {"0x800423f2, The writer timed out.", kWmiWriter});
  const std::string cause =
      log_with({.provider = "storahci", .id = 129, .level = 2, .channel = "System"}, {"\\Device\\RaidPort0"});
  std::vector<std::pair<std::string, std::string>> logs = {{"a.evtx", cause}, {"b.evtx", failure}, {"c.evtx", cause}};
  std::set<std::string> results;
  do {
    const EventRules rules(RuleBase::built_in(), unchanged);
    Insights together;
    for (const auto& [origin, bytes] : logs) {
      Artifact artifact;
      artifact.format = Format::evtx;
      artifact.origin = origin;
      const auto one = rules.scan(artifact);
      ThreadSlots slots(1, 0);
      one->pull(reader_of(bytes, 1000), slots);
      Insights alone;
      one->finish(alone);
    }
    rules.conclude(together);
    EXPECT_EQ(ids_of(together.findings), (Ids{"windows.window.io", "windows.window.io"}));
    results.insert(shown(together.findings));
    Insights again;
    rules.conclude(again);
    EXPECT_TRUE(again.findings.empty()) << "told twice";
  } while (std::next_permutation(logs.begin(), logs.end()));
  EXPECT_EQ(results.size(), 1u);
}

TEST_F(EventRulesTest, ManyHitsAreCountedFromFirstToLastAndShownByTheFirstTwoAndTheLastThree) {
  Artifact artifact;
  artifact.format = Format::evtx;
  const auto findings = scan(artifact, long_log(10, 70), 100'000);
  const auto found = std::find_if(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.rule_id == "windows.vss.sql-writer-failed";
  });
  ASSERT_NE(found, findings.end());
  EXPECT_EQ(found->count, 20u);  // every 35th of 700
  EXPECT_EQ(format_time(*found->first_seen), "2024-05-01T22:38:04Z");
  EXPECT_EQ(format_time(*found->last_seen), "2024-05-02T09:43:04Z");
  std::vector<std::uint64_t> records;
  for (const Evidence& evidence : found->evidence) records.push_back(evidence.record_id.value_or(0));
  EXPECT_EQ(records, (std::vector<std::uint64_t>{35, 70, 630, 665, 700}));
  EXPECT_NE(found->evidence.back().excerpt.find("failed 700"), std::string::npos);
}

TEST_F(EventRulesTest, ValueOfAnEventDecidesBeforeTheEventIsDecoded) {
  const auto start_type = [&](const std::string& to) {
    EventText head;
    head.provider = "Service Control Manager";
    head.id = 7040;
    Fragment data;
    data.root.text = "EventData";
    data.values = {string("Volume Shadow Copy"), string("demand start"), string(to), string("VSS")};
    for (std::uint16_t i = 0; i < 4; ++i) {
      data.root.children.push_back(evtx_writer::data("param" + std::to_string(i + 1), slot(i)));
    }
    ChunkWriter chunk;
    chunk.record(1, event(head, fragment(data)));
    Artifact artifact;
    artifact.format = Format::evtx;
    return ids_of(scan(artifact, file_of({chunk.finish()}), 100'000));
  };
  const Ids disabled = {"windows.service.start-type-disabled"};
  EXPECT_EQ(start_type("disabled"), disabled);
  EXPECT_EQ(start_type(std::string("disabled\0", 9)), disabled);
  EXPECT_EQ(start_type("auto start"), Ids());
}

TEST_F(EventRulesTest, EmptyLogIsAnError) {
  Artifact artifact;
  artifact.format = Format::evtx;
  EXPECT_TRUE(scan(artifact, "", 4096).empty());
  ASSERT_EQ(errors_.size(), 1u);
}

TEST_F(EventRulesTest, FileThatIsNoEventLogIsAnError) {
  Artifact artifact;
  artifact.format = Format::evtx;
  EXPECT_TRUE(scan(artifact, std::string(100'000, 'x'), 4096).empty());
  ASSERT_EQ(errors_.size(), 1u);
  EXPECT_EQ(errors_[0].code, ErrorCode::corrupt);
}

TEST_F(EventRulesTest, LogsOfProgramsAreNotLookedInto) {
  for (const char* id : {"linux.syslog", "windows.sql.errorlog", "windows.agent.waappagent-log"}) {
    Artifact artifact;
    artifact.id = id;
    EXPECT_EQ(rules_.scan(artifact), nullptr) << id;
  }
}

TEST(EventMatcherTest, EveryWordingHasAnAnchorSoThatLargeTextsAreReadFast) {
  const EventMatcher matcher(RuleBase::built_in());
  ASSERT_TRUE(matcher.wordings());
  for (const std::size_t index : matcher.wordings()->unanchored()) {
    ADD_FAILURE() << matcher.wordings()->pattern(index).pattern();
  }
}

TEST(EventRuleFileTest, ConditionsThatMakeNoSenseAreErrorsWithTheirLine) {
  const auto parse = [](const std::string& inside) {
    const std::string xml = "<rules><rule id='r' severity='error' owner='windows'>\n" + inside +
                            "<title>t</title><advice>a</advice></rule></rules>";
    const std::array<EmbeddedFile, 1> files = {EmbeddedFile{"my.xml", xml}};
    const auto parsed = RuleBase::parse(files);
    return parsed ? std::string() : parsed.error().what;
  };
  EXPECT_EQ(parse("<event provider='VSS' id='1 5-7'><hresult>0x80042301</hresult></event>"), "");
  EXPECT_EQ(parse("<event provider='VSS' id='x'/>"), "my.xml:2: event: id is no number or range: x");
  EXPECT_EQ(parse("<event id='1'/>"), "my.xml:2: event: provider or id is missing");
  EXPECT_EQ(parse("<event provider='VSS' id='1'><dta/></event>"), "my.xml:2: event: <dta> is not known");
  EXPECT_EQ(parse("<event provider='VSS' id='1'><data matches='x'/></event>"), "my.xml:2: data: name is missing");
  EXPECT_EQ(parse("<event provider='VSS' id='1'><writer/></event>"), "my.xml:2: writer: empty");
  EXPECT_EQ(parse("<event provider='VSS' id='1' level='loud'/>"),
            "my.xml:2: event: level is none of critical, error, warning, information");
}

}  // namespace
}  // namespace vmtriage
