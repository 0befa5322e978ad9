#include "agent/options.h"

#include <gtest/gtest.h>

namespace vmtriage {
namespace {

std::variant<Options, UsageAnswer> parse(const std::vector<const char*>& words) {
  std::vector<std::string> arguments = {"vmtriage"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  return parse_options(arguments);
}

struct WrongLine {
  std::vector<const char*> words;
  const char* said;
};

class WrongCommandLine : public testing::TestWithParam<WrongLine> {};

TEST_P(WrongCommandLine, IsAnsweredInOneLineThatSaysWhatIsWrong) {
  const auto answer = parse(GetParam().words);
  ASSERT_TRUE(std::holds_alternative<UsageAnswer>(answer));
  const auto& usage = std::get<UsageAnswer>(answer);
  EXPECT_EQ(usage.exit_code, 64);
  EXPECT_NE(usage.text.find(GetParam().said), std::string::npos) << usage.text;
  EXPECT_EQ(std::count(usage.text.begin(), usage.text.end(), '\n'), 1) << usage.text;
}

INSTANTIATE_TEST_SUITE_P(Table, WrongCommandLine,
                         testing::Values(WrongLine{{"colect"}, "'colect' is not a command"}, WrongLine{{}, "--help"},
                                         WrongLine{{"analyze"}, "PATH"}, WrongLine{{"collect", "--nonsense"}, "--nonsense"},
                                         WrongLine{{"collect", "--since", "soon"}, "'soon'"},
                                         WrongLine{{"collect", "--max-file-size", "much"}, "'much'"},
                                         WrongLine{{"analyze", "x", "--format", "yaml"}, "yaml"},
                                         WrongLine{{"list", "nonsense"}, "nonsense"}, WrongLine{{"--bad"}, "--bad"}));

TEST(CommandLine, EveryCommandHasHelpWithExamples) {
  for (const char* command : {"collect", "analyze", "explain", "verify", "list", "events"}) {
    const auto answer = parse({command, "--help"});
    ASSERT_TRUE(std::holds_alternative<UsageAnswer>(answer)) << command;
    EXPECT_EQ(std::get<UsageAnswer>(answer).exit_code, 0);
    EXPECT_NE(std::get<UsageAnswer>(answer).text.find("Examples:"), std::string::npos) << command;
  }
}

TEST(CommandLine, CollectReadsItsOptions) {
  const auto parsed = parse({"collect", "--profile", "sap-hana", "--profile", "minimal", "-o", "/tmp", "--max-file-size", "1M", "--since",
                             "2024-05-01", "--lang", "ja", "--vault", "v1"});
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  const auto& options = std::get<Options>(parsed);
  EXPECT_EQ(options.command, Options::Command::collect);
  EXPECT_EQ(options.profiles, (std::vector<std::string>{"sap-hana", "minimal"}));
  EXPECT_EQ(options.max_file_size, 1u << 20);
  EXPECT_EQ(format_time(*options.since), "2024-05-01T00:00:00Z");
  EXPECT_EQ(options.lang, Language::ja);
  EXPECT_EQ(options.vault, "v1");
}

}  // namespace
}  // namespace vmtriage
