#include <map>

#include "tests/cli/bad_input.h"

namespace vmtriage {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// ---- what the user names

TEST_F(BadInput, PathThatIsNotThereIsOneLineAndAUsageError) {
  const std::string missing = scratch_.file("nothing");
  for (const Arguments& arguments : {Arguments{"analyze", missing},
                                     {"verify", missing},
                                     {"events", missing},
                                     {"collect", "--root", missing, "-o", target_}}) {
    SCOPED_TRACE(arguments.front());
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.exit_code, 64);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, HasSubstr(missing + ": "));
    EXPECT_EQ(lines(outcome.err), 1);
  }
  EXPECT_EQ(files_in_target(), 0u);
}

TEST_F(BadInput, WrongUsageIsOneLineAndNothingElse) {
  const std::vector<std::pair<Arguments, std::string>> cases = {
      {{}, "command"},
      {{"colect"}, "'colect' is not a command"},
      {{"collect", "--no-such-option"}, "--no-such-option"},
      {{"collect", "--profile", "vm"}, "'vm' is not a profile"},
      {{"collect", "--max-file-size", "12Q"}, "'12Q' is no size"},
      {{"collect", "--max-total-size", "-1"}, "--max-total-size"},
      {{"collect", "--since", "soon"}, "'soon' is no time"},
      {{"collect", "--timeout", "0"}, "--timeout"},
      {{"collect", "--compression", "9"}, "--compression"},
      {{"collect", "--path", "relative"}, "'relative' is not an absolute path"},
      {{"collect", "-o", target_, "stray"}, "stray"},
      {{"analyze"}, "PATH"},
      {{"analyze", root_, "--format", "pdf"}, "pdf"},
      {{"analyze", root_, "--until", "2024-13-45"}, "'2024-13-45' is no time"},
      {{"analyze", root_, "--threads", "0"}, "--threads"},
      {{"analyze", root_, "--lang", "tlh"}, "tlh"},
      {{"list", "everything"}, "everything"},
      {{"explain"}, "CODE"},
      {{"verify"}, "BUNDLE"},
  };
  for (const auto& [arguments, reason] : cases) {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    const Outcome outcome = run_program(arguments, {.folder = scratch_.path()});
    EXPECT_EQ(outcome.exit_code, 64);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, AllOf(StartsWith("vmtriage: "), HasSubstr(reason)));
    EXPECT_EQ(lines(outcome.err), 1) << outcome.err;
  }
}

TEST_F(BadInput, EmptyFolderIsNoCleanVerdict) {
  std::filesystem::create_directories(scratch_.file("empty"));
  root_ = scratch_.file("empty");
  const Outcome outcome = run_program({"analyze", root_});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.out, HasSubstr("no evidence was found to read"));
  const Outcome collected = collect();
  EXPECT_EQ(collected.exit_code, 3);
  EXPECT_FALSE(unpack(collected).findings["verdict"]["complete"]);
}

/// Windows names a path with its own separators.
std::string with_slashes(std::string text) {
  std::replace(text.begin(), text.end(), '\\', '/');
  return text;
}

TEST_F(BadInput, RulesThatCannotBeReadAreNamed) {
  const std::string file = put("rules/mine.xml", R"(<rules>
  <rule id="mine.broken" severity="error" artifacts="*" owner="customer">
    <pattern>unclosed (group</pattern>
    <title>t</title>
    <advice>a</advice>
  </rule>
</rules>
)");
  const std::string folder = vm_path("rules"), missing = scratch_.file("nothing");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {missing, missing + ": "}, {file, file + ": "}, {folder, "mine.xml"}};
  for (const auto& [rules, reason] : cases) {
    for (const Outcome& outcome : {analyze(root_, {"--rules", rules}), collect({"--rules", rules})}) {
      EXPECT_EQ(outcome.exit_code, 64);
      EXPECT_THAT(outcome.out, IsEmpty());
      EXPECT_THAT(with_slashes(outcome.err), HasSubstr(with_slashes(reason)));
      EXPECT_EQ(lines(outcome.err), 1);
    }
  }
  const Outcome broken = analyze(root_, {"--rules", folder});
  EXPECT_THAT(with_slashes(broken.err), HasSubstr("rules/mine.xml:3: pattern: missing ): unclosed (group"));
  EXPECT_EQ(files_in_target(), 0u);
}

TEST_F(BadInput, RuleWithoutALongWordIsWarnedAboutAndFindsEveryLine) {
  put("rules/mine.xml", R"(<rules>
  <rule id="mine.letter" severity="error" artifacts="*" owner="customer">
    <pattern>Q</pattern> <title>t</title> <advice>a</advice>
  </rule>
  <rule id="mine.no-word" severity="error" artifacts="*" owner="customer">
    <pattern>^\d+\s+[a-z]+$</pattern> <title>t</title> <advice>a</advice>
  </rule>
  <rule id="mine.word" severity="error" artifacts="*" owner="customer">
    <pattern>disk on fire</pattern> <title>t</title> <advice>a</advice>
  </rule>
</rules>
)");
  put("var/log/messages", "Q\n17 apples\nplain\nno end Q\r\n18 pears");
  const Outcome outcome = analyze(vm_path("var"), {"--rules", vm_path("rules")});
  const Json report = outcome.report();
  std::map<std::string, std::vector<int>> found;
  for (const Json& finding : report["findings"]) {
    for (const Json& evidence : finding["evidence"]) found[finding["rule_id"]].push_back(evidence["line"]);
  }
  EXPECT_EQ(found, (std::map<std::string, std::vector<int>>{{"mine.letter", {1, 4}}, {"mine.no-word", {2, 5}}}));
  EXPECT_EQ(lines(outcome.err), 2) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("mine.xml: rule mine.letter: no text of 7 letters stands in every match of 'Q'"),
                                 HasSubstr("rule mine.no-word"), Not(HasSubstr("mine.word"))));
  EXPECT_THAT(analyze(vm_path("var"), {"--rules", vm_path("rules"), "--quiet"}).err, IsEmpty());
}

// ---- files that are none, or none of ours

TEST_F(BadInput, FolderInPlaceOfAFileIsReportedAndWhatItHoldsIsCollected) {
  put("var/log/waagent.log/inner.log", "x\n");
  const Both both = run_both();
  EXPECT_EQ(both.analyzed.exit_code, 0);
  EXPECT_THAT(said_about(both.bundle, "/var/log/waagent.log"), HasSubstr("a folder"));
  EXPECT_TRUE(unpack(both.collected).has("files/var/log/waagent.log/inner.log"));
}

// ---- files that are too much

TEST_F(BadInput, NulBytesInALogHideNothing) {
  put(kExtensionLog, std::string(5000, '\0') + "\n" + std::string(kFailure) + std::string(3, '\0'));
  put("var/log/messages", std::string("May  1 10:00:00 vm1 a\0b: c\n", 27));
  const Both both = run_both();
  EXPECT_TRUE(finds(both.analysis, kFailureRule));
  EXPECT_TRUE(finds(both.bundle, kFailureRule));
  const Unpacked bundle = unpack(both.collected);
  EXPECT_EQ(bundle.file(std::string("files/") + kExtensionLog), read_bytes(vm_path(kExtensionLog)));
}

// ---- a run that ends early

TEST_F(BadInput, TimeoutGivesAValidPartAndSaysWhatIsMissing) {
  fill(put("var/log/messages", ""), 192 * kMiB, long_words(kMiB - 1) + "\n");
  put("var/log/zypper.log", "never reached\n");
  std::filesystem::last_write_time(vm_path("var/log/zypper.log"),
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(9));
  const Outcome outcome = collect({"--timeout", "1", "--threads", "1", "--compression", "small"});
  EXPECT_THAT(outcome.err, HasSubstr("--timeout"));
  expect_partial_bundle(outcome);
  const Json report = unpack(outcome).findings;
  // On a busy machine the time is over before the files are begun, or even before they are looked for.
  if (said_about(report, "").find("before it was looked for") != std::string::npos) return;
  EXPECT_THAT(said_about(report, "/var/log/messages"), AnyOf(HasSubstr("stopped"), HasSubstr("ended before")));
  EXPECT_THAT(said_about(report, "/var/log/zypper.log"), HasSubstr("ended before"));
}

// ---- archives

TEST_F(BadInput, GzipThatBreaksOffIsReadAsFarAsItGoes) {
  std::string text = kFailure;
  for (int i = 0; i < 20'000; ++i) text += "2024-05-01 10:00:01.000000  Info  line " + std::to_string(i * 7919) + "\n";
  const std::string packed = gzipped(text);
  put(std::string(kExtensionLog) + ".1.gz", packed.substr(0, packed.size() / 2));
  put("var/log/empty.log.gz", "");
  put("var/log/head.log.gz", packed.substr(0, 5));
  put("var/log/not.log.gz", "plain text\n");
  const Both both = run_both();
  EXPECT_EQ(both.analyzed.exit_code, 2);
  for (const Json& report : {both.analysis, both.bundle}) {
    EXPECT_TRUE(finds(report, kFailureRule));
    EXPECT_THAT(said_about(report, "extension.log.1.gz"), HasSubstr("truncated"));
    EXPECT_THAT(said_about(report, "head.log.gz"), Not(IsEmpty()));
    EXPECT_THAT(said_about(report, "not.log.gz"), IsEmpty());
    EXPECT_FALSE(report["verdict"]["complete"]);
  }
  const Unpacked bundle = unpack(both.collected);
  EXPECT_THAT(bundle.file(std::string("files/") + kExtensionLog + ".1"), StartsWith(kFailure));
}

TEST_F(BadInput, GzipBombIsStoppedAndReported) {
  const std::string member = gzipped(std::string(64 * kMiB, '\0'));
  fill(put("var/log/messages.1.gz", ""), 512 * member.size(), member);  // 32 GiB of zeros
  const Both both = run_both();
  EXPECT_EQ(both.analyzed.exit_code, 3);
  EXPECT_THAT(said_about(both.analysis, "messages.1.gz"), HasSubstr("unpacks to far more than a log would"));
  EXPECT_THAT(said_about(both.bundle, "messages.1.gz"), HasSubstr("unpacks to far more than a log would"));
}

TEST_F(BadInput, ZipBombIsStoppedAndReported) {
  const auto bomb = [] {
    const std::string piece = deflated(std::string(64 * kMiB, '\0'), -15, Z_FULL_FLUSH);
    std::string packed;
    for (int i = 0; i < 512; ++i) packed += piece;  // 32 GiB of zeros
    return packed + deflated("", -15);
  };
  const std::string zip = scratch_.file("bomb.zip");
  write_bytes(zip, zip_of({{"var/log/after.log", "x\n"}, {"var/log/messages", bomb(), true}}));
  const Outcome outcome = analyze(zip);
  EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
  expect_little_memory(outcome);
  EXPECT_THAT(said_about(outcome.report(), "var/log/messages"), HasSubstr("unpacks to far more than a log would"));
}

TEST_F(BadInput, ArchiveNamesThatClimbTouchNothing) {
  const std::string zip = scratch_.file("climb.zip");
  write_bytes(zip, zip_of({{std::string("../../escaped/") + kExtensionLog, kFailure},
                           {"/vmtriage-absolute.log", "x"},
                           {"..\\..\\windows.log", "x"}}));
  const std::size_t before = scratch_.file_count();
  const Outcome outcome = analyze(zip);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_TRUE(finds(outcome.report(), kFailureRule));
  EXPECT_EQ(outcome.report()["artifacts"]["read"], 3);
  EXPECT_EQ(scratch_.file_count(), before);
  EXPECT_FALSE(std::filesystem::exists("/vmtriage-absolute.log"));
}

TEST_F(BadInput, ArchiveNamesOfAnyScriptAreKeptInEveryLocale) {
  const std::string zip = scratch_.file("names.zip"), log = std::string("ログ 😀/") + kExtensionLog;
  write_bytes(zip, zip_of({{log, kFailure}}));
  RunOptions options;
  options.environment = {"LC_ALL=C", "LANG=C"};
  const Json report = analyze(zip, {}, options).report();
  ASSERT_TRUE(finds(report, kFailureRule));
  const Json evidence = report["findings"][0]["evidence"][0];
  EXPECT_EQ(evidence["origin"], log);
  EXPECT_EQ(evidence["artifact"], "linux.vmsnapshot.extension-log");
}

TEST_F(BadInput, ArchiveInAnArchiveIsReported) {
  const std::string zip = zip_of({{"logs/inner.zip", zip_of({{"var/log/syslog", "x"}})}, {"var/log/syslog", "x"}});
  write_bytes(scratch_.file("outer.zip"), zip);
  const Outcome outcome = analyze(scratch_.file("outer.zip"));
  EXPECT_THAT(said_about(outcome.report(), "logs/inner.zip"), HasSubstr("an archive inside"));
  put("var/log/azure/inner.zip", zip);
  const Unpacked bundle = unpack(collect());
  EXPECT_THAT(said_about(bundle.findings, "inner.zip"), HasSubstr("an archive inside"));
  EXPECT_FALSE(bundle.has("files/var/log/azure/inner.zip"));
}

TEST_F(BadInput, DamagedArchiveIsReadAsFarAsItGoes) {
  const std::string zip = scratch_.file("cut.zip");
  const std::string whole =
      zip_of({{kExtensionLog, "Failed to FIFREEZE: /data\n"}, {"var/log/syslog", noise(200'000)}});
  write_bytes(zip, whole.substr(0, whole.size() / 2));
  const Outcome outcome = analyze(zip);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_FALSE(outcome.report()["verdict"]["complete"]);
  EXPECT_THAT(said_about(outcome.report(), "var/log/syslog"), Not(IsEmpty()));
  write_bytes(zip, "PK\x03\x04 this is no zip at all");
  const Outcome none = analyze(zip);
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_FALSE(none.report()["errors"].empty());
}

// ---- where the bundle goes

TEST_F(BadInput, TargetThatCannotBeWrittenIsOneLineAndLeavesNothing) {
  const std::vector<std::pair<std::string, int>> cases = {
      {scratch_.file("nothing") + "/", 73}, {scratch_.file("nothing/x.zip"), 73}, {put("plain", "x") + "/x.zip", 73}};
  for (const auto& [target, code] : cases) {
    SCOPED_TRACE(target);
    const Outcome outcome = run_program({"collect", "--root", root_, "--batch", "-o", target});
    EXPECT_EQ(outcome.exit_code, code);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_EQ(lines(outcome.err), 1);
    EXPECT_THAT(outcome.err, HasSubstr("choose another folder with -o"));
  }
}

}  // namespace
}  // namespace vmtriage
