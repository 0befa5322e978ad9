#include "analyzers/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "analyzers/text_rules.h"
#include "tests/analyzers/rule_examples.h"

namespace vmtriage {
namespace {

/// What the rules find in a text that is read as one block.
std::vector<Finding> findings_in(const RuleBase& base, const std::string& text, const Artifact& artifact = {},
                                 std::uint64_t first_line = 1) {
  const TextRules rules(base, [](std::string_view line) { return std::string(line); });
  const auto scan = rules.scan(artifact);
  scan->block({text, false}, first_line);
  Insights insights;
  scan->finish(insights);
  return insights.findings;
}

/// The findings of one rule on a text of its first artifact.
std::vector<Finding> findings_of(const Rule& rule, const std::string& text) {
  Artifact artifact;
  artifact.id = rule.artifacts.front() == "*" ? "text.unknown" : rule.artifacts.front();
  if (artifact.id.ends_with('*')) artifact.id.back() = 'x';
  artifact.origin = "example";
  artifact.modified = *make_time(2030, 1, 1, 0, 0, 0);
  std::vector<Finding> findings = findings_in(RuleBase::of({rule}), text, artifact);
  std::erase_if(findings, [&](const Finding& finding) { return finding.rule_id != rule.id; });
  return findings;
}

/// As many copies of an example as the rule's threshold asks for.
std::string repeated(const std::string& example, std::uint32_t count) {
  std::string text;
  for (std::uint32_t i = 0; i < count; ++i) text += example + "\n";
  return text;
}

class BuiltInRule : public testing::TestWithParam<std::size_t> {
 protected:
  const Rule& rule() const { return rules_with_examples().rules()[GetParam()]; }
};

TEST_P(BuiltInRule, HitsItsExamplesAndMissesItsCounterExamples) {
  if (rule().patterns.empty()) return;
  EXPECT_FALSE(rule().matches.empty()) << "a rule brings an example";
  EXPECT_FALSE(rule().misses.empty()) << "a rule brings a counter-example";
  for (const std::string& example : rule().matches) {
    const bool is_line = example.find('\n') == std::string::npos;
    EXPECT_FALSE(findings_of(rule(), is_line ? repeated(example, rule().threshold) : example).empty()) << example;
  }
  for (const std::string& example : rule().misses) EXPECT_TRUE(findings_of(rule(), example).empty()) << example;
}

TEST_P(BuiltInRule, SpeaksBothLanguagesAndNamesItsSource) {
  EXPECT_FALSE(rule().title.en.empty());
  EXPECT_FALSE(rule().title.ja.empty());
  EXPECT_FALSE(rule().advice.en.empty());
  EXPECT_FALSE(rule().advice.ja.empty());
  EXPECT_TRUE(rule().reference.starts_with("http")) << rule().reference;
}

TEST_P(BuiltInRule, HasAnAnchorInEveryPatternThatIsRunOnEveryText) {
  EXPECT_THAT(patterns_tried_on_every_line(rule()), testing::IsEmpty()) << "one pattern without an anchor costs every log";
}

INSTANTIATE_TEST_SUITE_P(All, BuiltInRule, testing::Range<std::size_t>(0, rules_with_examples().rules().size()), [](const auto& param) {
  std::string name = rules_with_examples().rules()[param.param].id;
  for (char& c : name) {
    if (!isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

Result<RuleBase> parse(const std::string& rules) {
  const std::string text = "<rules>\n" + rules + "</rules>";
  const EmbeddedFile file{"my.xml", text};
  return RuleBase::parse(std::span(&file, 1));
}

constexpr const char* kRule = R"(<rule id="my.rule" severity="error" artifacts="*" owner="customer">
<pattern>disk (?P&lt;component>\w+) is on fire</pattern>%s<title>{component}</title><advice>run</advice></rule>)";

std::string with(const char* more) {
  std::string rule = kRule;
  return rule.replace(rule.find("%s"), 2, more);
}

TEST(Rules, APatternThatNeedsTooMuchMemoryIsRefusedWhereItIsRead) {
  for (const char* where : {"<pattern>x\\pL{1,100}</pattern>", "<pattern>disk</pattern><unless>x\\pL{1,100}</unless>"}) {
    const auto rules = parse(R"(<rule id="a" severity="error" artifacts="*" owner="customer">)" + std::string(where) +
                             "<title>t</title><advice>a</advice></rule>");
    ASSERT_FALSE(rules) << where;
    EXPECT_NE(rules.error().what.find("pattern too large"), std::string::npos) << rules.error().what;
  }
}

TEST(Rules, AUserRuleWithABrokenPatternIsRefusedWithFileLineAndReason) {
  const auto rules = parse(R"(<rule id="a" severity="error" artifacts="*" owner="customer">
<pattern>broken (</pattern><title>t</title><advice>a</advice></rule>)");
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().code, ErrorCode::corrupt);
  EXPECT_NE(rules.error().what.find("my.xml:3:"), std::string::npos) << rules.error().what;
  EXPECT_NE(rules.error().what.find("missing"), std::string::npos) << rules.error().what;
}

TEST(Rules, AnIdThatIsUsedTwiceIsRefusedAlsoInAnotherFile) {
  const std::string rule = with(""), other = std::string(rule).replace(rule.find("my.rule"), 7, "another");
  const std::string once = "<rules>" + rule + "</rules>", again = "<rules>" + rule + other + "</rules>";
  const EmbeddedFile files[] = {{"first.xml", once}, {"second.xml", again}};
  const auto rules = RuleBase::parse(files);
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().what, "second.xml: rule my.rule: the id is used twice");
  EXPECT_FALSE(parse(rule + rule));
  EXPECT_TRUE(parse(rule + other));
}

struct WrongRule {
  const char* xml;
  const char* reason;
};

class WrongRules : public testing::TestWithParam<WrongRule> {};

TEST_P(WrongRules, AreRefused) {
  const auto rules = parse(GetParam().xml);
  ASSERT_FALSE(rules);
  EXPECT_NE(rules.error().what.find(GetParam().reason), std::string::npos) << rules.error().what;
}

INSTANTIATE_TEST_SUITE_P(
    Table, WrongRules,
    testing::Values(WrongRule{"<rule severity='error' owner='customer'/>", "no id"},
                    WrongRule{"<rule id='x' severity='bad' owner='customer'/>", "severity"},
                    WrongRule{"<rule id='x' severity='error' owner='me'/>", "owner"},
                    WrongRule{"<rule id='x' severity='error' owner='customer'><title>t</title><advice>a</advice></rule>", "x: "},
                    WrongRule{"<rule id='x' severity='error' owner='customer' check='y' until='soon'><title>t</title><advice>a</advice></rule>", "until"},
                    WrongRule{"<rule id='x' severity='error' owner='customer' artifacts='*' settle='soon'><pattern>y</pattern><title>t</title><advice>a</advice></rule>", "settle"},
                    WrongRule{"<rule id='x'", "my.xml:"}));

TEST(Rules, AThresholdCountsWithinItsTime) {
  const auto base = parse(with("<threshold count=\"3\" within=\"1h\"/>"));
  ASSERT_TRUE(base) << base.error().what;
  const auto count = [&](const std::string& text) {
    Artifact artifact;
    artifact.modified = now();
    return findings_in(*base, text, artifact).size();
  };
  EXPECT_EQ(count("2024-01-01T00:00:00Z disk a is on fire\n2024-01-01T02:00:00Z disk a is on fire\n2024-01-01T04:00:00Z disk a is on fire\n"), 0u);
  EXPECT_EQ(count("2024-01-01T00:00:00Z disk a is on fire\n2024-01-01T00:20:00Z disk a is on fire\n2024-01-01T00:40:00Z disk a is on fire\n"), 1u);
  EXPECT_EQ(count("disk a is on fire\ndisk b is on fire\ndisk c is on fire\n"), 0u) << "components are counted apart";
  EXPECT_EQ(count("2025-01-01T00:00:00Z disk a is on fire\n2022-01-01T00:00:00Z disk a is on fire\n2023-01-01T00:00:00Z disk a is on fire\n"), 0u)
      << "times that go back are no less far apart";
  EXPECT_EQ(count("2024-01-01T00:40:00Z disk a is on fire\n2024-01-01T00:20:00Z disk a is on fire\n2024-01-01T00:00:00Z disk a is on fire\n"), 1u)
      << "the newest line first";
}

TEST(Rules, ARecoveryMarkerTakesAFindingBackOnlyBehindTheLastHit) {
  const auto base = parse(with("<unless on=\"after\">fire brigade was here</unless>"));
  ASSERT_TRUE(base) << base.error().what;
  EXPECT_EQ(findings_in(*base, "disk a is on fire\nfire brigade was here\n").size(), 0u);
  EXPECT_EQ(findings_in(*base, "fire brigade was here\ndisk a is on fire\n").size(), 1u);
}

TEST(Rules, WhatALaterLineMayTakeBackIsNewsUntilTheFileGoesOnForTheTimeItNeeds) {
  std::string xml = with("<unless on=\"after\">fire brigade was here</unless>");
  const std::string_view head = "owner=\"customer\"";
  xml.replace(xml.find(head), head.size(), "owner=\"customer\" settle=\"1m\"");
  const auto base = parse(xml);
  ASSERT_TRUE(base) << base.error().what;
  const auto severity = [&](const std::string& text) {
    Artifact artifact;
    artifact.modified = *make_time(2030, 1, 1, 0, 0, 0);
    const auto findings = findings_in(*base, text, artifact);
    return findings.size() == 1 ? findings[0].severity : Severity::critical;
  };
  const std::string fire = "2024-01-01T00:00:00Z disk a is on fire\n";
  EXPECT_EQ(severity(fire), Severity::info) << "it may have been copied before the brigade came";
  EXPECT_EQ(severity(fire + "2024-01-01T00:00:59Z smoke\n"), Severity::info);
  EXPECT_EQ(severity(fire + "2024-01-01T00:01:00Z smoke\n"), Severity::error);
  EXPECT_EQ(severity("disk a is on fire\n"), Severity::error) << "without times nothing can be told";
}

TEST(Rules, TheFirstPatternThatMatchesSpeaksForTheLineAndTheUnnamedLinesOfTheRecordJoinIt) {
  const auto base = parse(R"(<rule id="my.rule" severity="error" artifacts="*" owner="customer">
<pattern>unit (?P&lt;component&gt;\w+) ended with code 9</pattern><pattern>ended with code 9</pattern>
<component>a unit</component><title>t</title><advice>a</advice></rule>)");
  ASSERT_TRUE(base) << base.error().what;
  const auto findings = findings_in(*base, "unit web ended with code 9\n  it ended with code 9\n");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].component, "web");
  EXPECT_EQ(findings[0].count, 2u);
  EXPECT_EQ(findings[0].evidence.size(), 2u);
}

TEST(Rules, TheAgentIsNamedWithTheVersionThatALineAboveTells) {
  const auto base = parse(R"(<rule id="my.rule" severity="error" artifacts="*" owner="customer">
<pattern>cannot fetch the goal state</pattern><component>WALinuxAgent</component><title>t</title><advice>a</advice></rule>)");
  ASSERT_TRUE(base) << base.error().what;
  const auto component = [&](const std::string& text) {
    const auto findings = findings_in(*base, text);
    return findings.size() == 1 ? findings[0].component : "not one finding";
  };
  EXPECT_EQ(component("cannot fetch the goal state\n"), "WALinuxAgent");
  EXPECT_EQ(component("INFO Azure Linux Agent Version:2.2.20\ncannot fetch the goal state\n"), "WALinuxAgent-2.2.20");
  EXPECT_EQ(component("Azure Linux Agent (Goal State Agent version 2.11.1.12)\ncannot fetch the goal state\n"), "WALinuxAgent-2.11.1.12");
  EXPECT_EQ(component("cannot fetch the goal state\nAgent WALinuxAgent-2.9.1.1 is running as the goal state agent.\ncannot fetch the goal state\n"
                      "bin/WALinuxAgent-2.10.0.8-py3.8.egg\ncannot fetch the goal state\n"),
            "WALinuxAgent-2.10.0.8")
      << "an update of the agent does not make two findings";
  EXPECT_EQ(component("WALinuxAgent-logcollector\nWALinuxAgent-2.9\ncannot fetch the goal state\n"), "WALinuxAgent") << "no versions";
}

TEST(Rules, AHandlerIsNamedWithTheVersionThatALineAboveTellsUnlessItsOwnLineDoes) {
  const auto base = parse(R"(<rule id="my.rule" severity="error" artifacts="*" owner="customer">
<pattern>(?P&lt;component&gt;[\w.]+)\S* gave up</pattern><title>t</title><advice>a</advice></rule>)");
  ASSERT_TRUE(base) << base.error().what;
  const auto component = [&](const std::string& text) {
    const auto findings = findings_in(*base, text);
    return findings.size() == 1 ? findings[0].component : "not one finding";
  };
  EXPECT_EQ(component("Vendor.Product.Handler gave up\n"), "Vendor.Product.Handler");
  EXPECT_EQ(component("/var/lib/waagent/Vendor.Product.Handler-1.2.3/bin\nVendor.Product.Handler gave up\n"),
            "Vendor.Product.Handler-1.2.3");
  EXPECT_EQ(component("/var/lib/waagent/Vendor.Product.Handler-1.2.3/bin\nVendor.Product.Handler-1.2.4 gave up\n"),
            "Vendor.Product.Handler")
      << "the excerpt tells it";
  EXPECT_EQ(component("/var/lib/waagent/Vendor.Product.Handler-1.2.3/bin\nProduct.Handler gave up\n"),
            "Product.Handler");
}

TEST(Rules, TheSnapshotExtensionIsNamedWithTheVersionThatItsTracebackTells) {
  const auto base = parse(R"(<rule id="my.rule" severity="error" artifacts="*" owner="customer">
<pattern>cannot make a request</pattern><component>VMSnapshotLinux</component><title>t</title><advice>a</advice></rule>)");
  ASSERT_TRUE(base) << base.error().what;
  const auto findings = findings_in(
      *base,
      "[Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]cannot make a request, stack trace:\n"
      "  File \"/var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9147.0/main/HttpUtil.py\"\n");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].component, "Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9147.0");
}

TEST(Rules, TheLastWordsOfAFailedCommandAreQuoted) {
  const auto base = parse(R"(<rule id="my.rule" severity="error" artifacts="*" owner="customer" record="yes">
<pattern>Non-zero exit code: 51</pattern><title>t</title><advice>a</advice></rule>)");
  ASSERT_TRUE(base) << base.error().what;
  const std::string text =
      "2024-01-16T19:00:37.100000Z ERROR ExtHandler Non-zero exit code: 51, shim.sh -install\n"
      "[stdout]\n"
      "reading the settings\n"
      "Unsupported operating system: debian 12\n"
      "\n"
      "[stderr]\n"
      "Traceback (most recent call last):\n"
      "ImportError: no crypt\n";
  for (const std::string end :
       {", duration=20\nlater\n", "2024-01-16T19:00:38.000000Z INFO ExtHandler goes on\n[stdout]\nlater\n", ""}) {
    const auto findings = findings_in(*base, text + end, {}, 11);
    ASSERT_EQ(findings.size(), 1u);
    const std::vector<Evidence>& evidence = findings[0].evidence;
    EXPECT_EQ(findings[0].count, 1u);
    ASSERT_EQ(evidence.size(), 3u) << end;
    EXPECT_EQ(evidence[1].excerpt, "Unsupported operating system: debian 12");
    EXPECT_EQ(evidence[1].line, 14u);
    EXPECT_EQ(evidence[2].excerpt, "ImportError: no crypt");
    EXPECT_EQ(evidence[2].line, 18u);
  }
}

TEST(Rules, ATextRecognisedByItsContentIsStillReadAsOneThatCouldHoldAnything) {
  const auto base = parse(R"(<rule id="my.rule" severity="error" artifacts="text.unknown" owner="customer">
<pattern>disk is on fire</pattern><title>t</title><advice>a</advice></rule>)");
  ASSERT_TRUE(base) << base.error().what;
  const TextRules rules(*base, [](std::string_view line) { return std::string(line); });
  for (const bool by_content : {false, true}) {
    Artifact artifact;
    artifact.id = "linux.waagent.log";
    artifact.by_content = by_content;
    const auto scan = rules.scan(artifact);
    scan->block({"disk is on fire\n", false}, 1);
    Insights insights;
    scan->finish(insights);
    EXPECT_EQ(insights.findings.size(), by_content ? 1u : 0u);
  }
}

TEST(Rules, AStatusThatANewerOneReplacedIsNotRead) {
  const TextRules rules(RuleBase::built_in(), [](std::string_view line) { return std::string(line); });
  Artifact artifact;
  artifact.id = "linux.status-json";
  artifact.origin = "/var/lib/waagent/x/status/4_status";
  EXPECT_EQ(rules.scan(artifact), nullptr);
  artifact.origin = "/var/lib/waagent/x/status/5.status";
  EXPECT_NE(rules.scan(artifact), nullptr);
}

TEST(Rules, AFindingCountsAllHitsAndKeepsFiveExcerptsWithTheirLines) {
  const auto base = parse(with(""));
  const TextRules rules(*base, [](std::string_view line) { return std::string(line); });
  Artifact artifact;
  artifact.origin = "/var/log/x";
  const auto scan = rules.scan(artifact);
  std::string text;
  for (int i = 1; i <= 5000; ++i) text += "2024-01-01T00:00:00Z disk sda is on fire " + std::to_string(i) + "\n";
  scan->block({text, false}, 11);
  Insights insights;
  scan->finish(insights);
  ASSERT_EQ(insights.findings.size(), 1u);
  const Finding& finding = insights.findings[0];
  EXPECT_EQ(finding.component, "sda");
  EXPECT_EQ(finding.title.en, "sda");
  EXPECT_EQ(finding.count, 5000u);
  ASSERT_EQ(finding.evidence.size(), kMaxExcerpts);
  EXPECT_EQ(finding.evidence[0].line, 11u);
  EXPECT_EQ(finding.evidence[0].origin, "/var/log/x");
  EXPECT_EQ(format_time(*finding.first_seen), "2024-01-01T00:00:00Z");
}

TEST(Rules, APackedMessageOfTheAgentIsUnpackedRedactedAndMatched) {
  // zlib + base64 of "Agent WALinuxAgent-2.2.46 launched …", as in a real log of agent 2.2.46.
  const std::string line =
      "2022-10-27T05:53:48.271214Z ERROR Daemon Event: name=WALinuxAgent, op=Enable, "
      "message=eJw1zLsOgzAMQNFf8cYUokLVgS07e2eXuE2kYCrHFvTveUgdr3R1wodY4RnGzLaFM1zXdu39AQWNp0QR1qwJpmWekSM035+mhXtwBt6q+PrK7FfEy3Fi7"
      "GjTdKyFpDbwxlz+hpCa8EFFGuC2AyUXKrQ=, duration=0";
  const auto text = unpack_message(line);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("failed with return code: 1"), std::string::npos) << *text;
  EXPECT_FALSE(unpack_message("message=eJxxxx"));
  EXPECT_FALSE(unpack_message("nothing here"));
}

}  // namespace
}  // namespace vmtriage
