#include "agent/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vmtriage {
namespace {

Finding finding(const char* rule, Severity severity, const char* component = "c", std::uint64_t count = 1) {
  Finding made;
  made.rule_id = rule;
  made.severity = severity;
  made.component = component;
  made.count = count;
  made.title = {"Title <b>", "題名"};
  made.advice = {"Do this.", "こうします。"};
  made.owner = "customer";
  made.reference = "https://example.org/x";
  Evidence evidence;
  evidence.origin = "/var/log/a\nb";
  evidence.line = 7;
  evidence.excerpt = "excerpt & more";
  made.evidence.push_back(evidence);
  return made;
}

TEST(Report, FindingsOfSeveralFilesBecomeOneAndTheWorstStandsFirst) {
  auto merged = merge_findings({finding("b", Severity::warning), finding("a", Severity::error, "x", 2), finding("a", Severity::error, "x", 3)});
  ASSERT_EQ(merged.size(), 2u);
  EXPECT_EQ(merged[0].rule_id, "a");
  EXPECT_EQ(merged[0].count, 5u);
  EXPECT_EQ(merged[0].evidence.size(), 2u);
}

Finding finding_in(const char* artifact, const char* origin, bool recovers) {
  Finding made = finding("x", Severity::error);
  made.recovers = recovers;
  made.last_seen = *make_time(2026, 3, 1, 0, 0, 0);
  made.evidence[0].artifact = artifact;
  made.evidence[0].origin = origin;
  return made;
}

struct OlderFileCase {
  const char* name;
  Finding finding;
  Severity severity;
};

class OlderFiles : public testing::TestWithParam<OlderFileCase> {};

TEST_P(OlderFiles, AreAMatterOfThePastWhereTheNewestSaysSo) {
  const std::map<std::string, NewestFile> newest = {
      {"linux.waagent.log", {"/var/log/waagent.log", *make_time(2026, 3, 5, 0, 0, 0)}},
      {"linux.workload.prereg-log", {"/config.1720000000.log", std::nullopt}}};
  std::vector<Finding> findings = {GetParam().finding};
  settle_older_files(findings, newest);
  EXPECT_EQ(findings[0].severity, GetParam().severity);
}

INSTANTIATE_TEST_SUITE_P(
    Table, OlderFiles,
    testing::Values(
        OlderFileCase{"EarlierScriptRun", finding_in("linux.workload.prereg-log", "/config.1710000000.log", false), Severity::info},
        OlderFileCase{"NewestScriptRun", finding_in("linux.workload.prereg-log", "/config.1720000000.log", false), Severity::error},
        OlderFileCase{"RotatedLogWhoseFailureEnds", finding_in("linux.waagent.log", "/var/log/waagent.log.1", true), Severity::info},
        OlderFileCase{"RotatedLogWhoseFailureStandsAlone", finding_in("linux.waagent.log", "/var/log/waagent.log.1", false), Severity::error},
        OlderFileCase{"NewestLog", finding_in("linux.waagent.log", "/var/log/waagent.log", true), Severity::error},
        OlderFileCase{"AnotherKind", finding_in("linux.syslog", "/var/log/messages-1", true), Severity::error}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(Report, EventInALogAndInACopyOfItCountsOnce) {
  Finding log = finding("windows.vss.x", Severity::error);
  log.evidence[0].record_id = 7;
  log.evidence[0].time = *make_time(2024, 5, 1, 2, 0, 0);
  Finding copy = log;
  copy.evidence[0].origin = "Archive-Application.evtx";
  const auto merged = merge_findings({log, copy});
  EXPECT_EQ(merged[0].count, 1u);
  EXPECT_EQ(merged[0].evidence.size(), 1u);
  copy.evidence[0].record_id = 8;
  EXPECT_EQ(merge_findings({log, copy})[0].count, 2u);
}

TEST(Report, TheCauseStandsBeforeWhatFollowsFromIt) {
  Finding follows = finding("a", Severity::error);
  follows.rank = 1;
  EXPECT_EQ(merge_findings({follows, finding("z", Severity::error)})[0].rule_id, "z");
}

struct ExitCase {
  std::vector<Severity> severities;
  bool error, files;
  int code;
};

class ExitCodeOf : public testing::TestWithParam<ExitCase> {};

TEST_P(ExitCodeOf, StatesTheVerdict) {
  Report report;
  for (const Severity severity : GetParam().severities) report.findings.push_back(finding("r", severity));
  if (GetParam().error) report.errors.push_back({"/x", {ErrorCode::access_denied, "/x: Permission denied"}});
  report.files_read = GetParam().files ? 3 : 0;
  EXPECT_EQ(report.exit_code(), GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(Table, ExitCodeOf,
                         testing::Values(ExitCase{{}, false, true, 0}, ExitCase{{Severity::info}, false, true, 0},
                                         ExitCase{{Severity::warning}, false, true, 1}, ExitCase{{Severity::warning}, true, true, 1},
                                         ExitCase{{Severity::error}, true, true, 2}, ExitCase{{Severity::critical}, false, true, 2},
                                         ExitCase{{}, true, true, 3}, ExitCase{{}, false, false, 3}));

Report sample() {
  Report report;
  report.host.host_name = "vm1";
  report.findings.push_back(finding("linux.freeze.x", Severity::error));
  report.runs.push_back({*make_time(2024, 5, 1, 2, 3, 4), Consistency::file_system, {"no scripts", "スクリプトなし"}, {}});
  report.errors.push_back({"/x", {ErrorCode::access_denied, "/x: Permission denied"}});
  report.left_out.add("linux.syslog", "/var/log/syslog*", "not found");
  report.request.push_back({{"syslog", {"vm-backup"}, {"the system log", "システム ログ"}}, 0, "not found"});
  report.files_read = 2;
  return report;
}

TEST(Report, JsonHasTheKeysOfTheContract) {
  const auto json = nlohmann::json::parse(render_json(sample(), Language::ja));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["verdict"]["worst"], "error");
  EXPECT_EQ(json["verdict"]["complete"], false);
  EXPECT_EQ(json["verdict"]["consistency"][0]["level"], "file-system");
  EXPECT_EQ(json["findings"][0]["title"], "題名");
  EXPECT_EQ(json["findings"][0]["evidence"][0]["line"], 7);
  EXPECT_EQ(json["findings"][0]["evidence"][0]["origin"], "/var/log/a\\nb");
  EXPECT_EQ(json["errors"][0]["code"], "access_denied");
  EXPECT_EQ(json["artifacts"]["left_out"][0]["reason"], "not found");
}

TEST(Report, HtmlEscapesWhatItQuotes) {
  const std::string html = render_html(sample(), Language::en);
  EXPECT_NE(html.find("Title &lt;b&gt;"), std::string::npos);
  EXPECT_EQ(html.find("Title <b>"), std::string::npos);
  EXPECT_NE(html.find("excerpt &amp; more"), std::string::npos);
  EXPECT_EQ(html.find("<script"), std::string::npos);
}

TEST(Report, TheTicketSpeaksBothLanguagesAndSaysWhatIsMissing) {
  const std::string ticket = render_ticket(sample());
  for (const char* text : {"Subscription ID: (not known", "サブスクリプション ID", "the system log: not found", "システム ログ: not found",
                           "/x: Permission denied", "Title <b>", "題名", "file-system"}) {
    EXPECT_NE(ticket.find(text), std::string::npos) << text;
  }
}

TEST(Report, TheTerminalGetsNoControlCharactersWithoutColour) {
  const std::string text = render_text(sample(), Language::en, false, 80);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("/var/log/a\\nb:7"), std::string::npos);
  EXPECT_NE(text.find("Verdict: 1 error"), std::string::npos);
  for (std::string_view line : split_lines(text)) EXPECT_LE(line.size(), 130u) << line;
}

TEST(Report, TheVerdictCountsInTheLanguageOfTheReader) {
  Report report = sample();
  report.findings.push_back(report.findings.at(0));
  EXPECT_NE(render_text(report, Language::en, false, 80).find("Verdict: 2 errors"), std::string::npos);
  const std::string japanese = render_text(report, Language::ja, false, 80);
  EXPECT_NE(japanese.find("判定: エラー 2 件"), std::string::npos);
  EXPECT_NE(japanese.find("1. エラー  題名"), std::string::npos);
}

TEST(Report, TwoVerdictsOnOneRunBecomeTheOneThatDecides) {
  RunVerdict log, status;
  log.time = *make_time(2024, 5, 1, 2, 0, 0);
  log.evidence.resize(1);
  log.evidence[0].artifact = "linux.vmsnapshot.extension-log";
  status = log;
  status.time = *make_time(2024, 5, 1, 2, 3, 0);
  status.evidence[0].artifact = "linux.status-json";
  status.level = Consistency::application;
  const auto runs = merge_runs({log, status});
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].level, Consistency::application);
}

RunVerdict run_at(int hour, Consistency level, RunVerdict::Source source, std::vector<std::string> writers = {}) {
  RunVerdict run;
  run.time = *make_time(2024, 5, 1, hour, 0, 0);
  run.level = level;
  run.source = source;
  run.writers = std::move(writers);
  run.evidence.resize(1);
  run.evidence[0].artifact = run.evidence[0].origin = "source " + std::to_string(static_cast<int>(source));
  return run;
}

TEST(Report, WhatTheExtensionSaysOutweighsTheEventsAndBothAreShown) {
  using Source = RunVerdict::Source;
  const RunVerdict events = run_at(2, Consistency::file_system, Source::events, {"WMI Writer"});
  const auto decided = merge_runs({run_at(2, Consistency::application, Source::extension), events});
  ASSERT_EQ(decided.size(), 1u);
  EXPECT_EQ(decided[0].level, Consistency::application);
  EXPECT_EQ(decided[0].evidence.size(), 2u);
  RunVerdict failed = run_at(2, Consistency::unknown, Source::extension);
  EXPECT_EQ(merge_runs({failed, events})[0].level, Consistency::file_system);
  failed.failed = true;
  const auto failure = merge_runs({failed, events});
  EXPECT_EQ(failure[0].level, Consistency::unknown);
  EXPECT_EQ(failure[0].writers, std::vector<std::string>{"WMI Writer"});
}

TEST(Report, OneLogSaysMadeAndTheOtherThatAWriterFailed) {
  RunVerdict made = run_at(2, Consistency::application, RunVerdict::Source::events);
  made.evidence[0].origin = "Security.evtx";
  const auto runs = merge_runs({made, run_at(2, Consistency::file_system, RunVerdict::Source::events, {"NTDS"})});
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].level, Consistency::file_system);
}

TEST(Report, ListOfWritersBelongsToTheNewestRunInWhichTheyFailed) {
  using Source = RunVerdict::Source;
  RunVerdict listing = run_at(0, Consistency::file_system, Source::listing, {"NTDS"});
  listing.time.reset();
  const RunVerdict run = run_at(2, Consistency::file_system, Source::events, {"NTDS"});
  const auto told = merge_runs({listing, run});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].evidence.size(), 2u);
  listing.writers = {"System Writer"};
  EXPECT_EQ(merge_runs({listing, run}).size(), 2u);
}

TEST(Report, ThreeAttemptsAfterAWriterFailureAreExplainedAndTheFourthIsNot) {
  using Source = RunVerdict::Source;
  std::vector<RunVerdict> runs = {run_at(1, Consistency::file_system, Source::events, {"NTDS"})};
  for (int hour = 2; hour <= 5; ++hour) runs.push_back(run_at(hour, Consistency::file_system, Source::extension));
  const auto explained = explain_runs(runs);
  ASSERT_EQ(explained.size(), 5u);
  EXPECT_EQ(explained[0].because.en, "");
  EXPECT_NE(explained[1].because.en.find("number 3 of the three attempts after the failure of NTDS"), std::string::npos);
  EXPECT_NE(explained[3].because.ja.find("3 回のうち 1 回目"), std::string::npos);
}

}  // namespace
}  // namespace vmtriage
