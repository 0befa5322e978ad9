#include "agent/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/base/text.h"
#include "agent/man_page.h"

namespace vmtriage {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const CommandInfo& find_command(const std::vector<CommandInfo>& commands, std::string_view name) {
  return *std::find_if(commands.begin(), commands.end(),
                       [&](const CommandInfo& command) { return command.name == name; });
}

const OptionInfo& find_option(const CommandInfo& command, std::string_view name) {
  return *std::find_if(command.options.begin(), command.options.end(), [&](const OptionInfo& option) {
    return option.value == name || std::find(option.names.begin(), option.names.end(), name) != option.names.end();
  });
}

TEST(CommandTable, HoldsWhatTheCommandLineIsReadBy) {
  const auto commands = command_table();
  EXPECT_EQ(commands.front().name, "");
  const CommandInfo& collect = find_command(commands, "collect");
  EXPECT_EQ(find_option(collect, "--output").value, "PATH");
  EXPECT_THAT(find_option(collect, "--output").names, ElementsAre("-o", "--output"));
  EXPECT_EQ(find_option(collect, "--dry-run").value, "");
  EXPECT_EQ(find_option(collect, "-v").value, "");
  EXPECT_EQ(find_option(collect, "--compression").preset, "default");
  EXPECT_TRUE(find_option(collect, "--include").repeats);
  EXPECT_FALSE(find_option(collect, "--since").repeats);
  EXPECT_THAT(find_option(collect, "--profile").choices, Contains("sap-hana"));
  EXPECT_THAT(find_option(collect, "--format").choices, ElementsAre("text", "json", "jsonl", "html"));
  EXPECT_THAT(find_option(find_command(commands, "list"), "WHAT").choices,
              ElementsAre("artifacts", "rules", "profiles", "codes"));
  EXPECT_TRUE(find_option(find_command(commands, "analyze"), "PATH").repeats);
}

/// How a script writes down that a command has an option, and which values that has.
struct Shell {
  const char* name;
  const char* command;  ///< the line at which a command's options begin
  const char* end;      ///< and where they end
  std::string (*option)(const std::string& name);
  std::string (*values)(const std::vector<std::string>& choices);
};

const Shell kShells[] = {
    {"bash", "\n    {name})\n", "\n      ;;\n", [](const std::string& name) { return name; },
     [](const std::vector<std::string>& choices) { return "'" + join(choices, " ") + "'"; }},
    {"zsh", "\n    {name})\n", "\n      ;;\n", [](const std::string& name) { return name; },
     [](const std::vector<std::string>& choices) { return ":(" + join(choices, " ") + ")'"; }},
    {"fish", "-a {name} ", "__fish_use_subcommand",
     [](const std::string& name) {
       return name.starts_with("--") ? " -l " + name.substr(2) + " " : " -s " + name.substr(1) + " ";
     },
     [](const std::vector<std::string>& choices) { return " -a '" + join(choices, " ") + "'"; }},
    {"powershell", "\n    '{name}' = @{", "\n    } }\n", [](const std::string& name) { return "'" + name + "' = '"; },
     [](const std::vector<std::string>& choices) { return "@('" + join(choices, "', '") + "')"; }},
};

/// The part of a script that is about one command.
std::string part_of(const std::string& script, const Shell& shell, const std::string& command) {
  const std::size_t begin = script.find(fill_in(shell.command, {{"name", command}}));
  if (begin == std::string::npos) return {};
  return script.substr(begin, script.find(shell.end, begin) - begin);
}

TEST(Completion, EveryShellKnowsEveryOptionAndEveryValueOfEveryCommand) {
  const auto commands = command_table();
  for (const Shell& shell : kShells) {
    const std::string script = completion_script(shell.name, commands);
    for (const CommandInfo& command : commands) {
      if (command.name.empty()) continue;
      const std::string part = part_of(script, shell, command.name);
      for (const OptionInfo& option : command.options) {
        SCOPED_TRACE(std::string(shell.name) + " " + command.name + " " + join(option.names, ","));
        for (const std::string& name : option.names) EXPECT_THAT(part, HasSubstr(shell.option(name)));
        if (!option.choices.empty() && !option.names.empty()) {
          EXPECT_THAT(part, HasSubstr(shell.values(option.choices)));
        }
        for (const std::string& choice : option.choices) EXPECT_THAT(part, HasSubstr(choice));
      }
    }
  }
}

TEST(Completion, IsAsciiForShellsThatTakeAScriptForAnotherCodePage) {
  for (const Shell& shell : kShells) {
    const std::string script = completion_script(shell.name, command_table());
    EXPECT_TRUE(std::all_of(script.begin(), script.end(), [](unsigned char c) { return c < 128; })) << shell.name;
  }
}

TEST(Completion, QuotesInAHelpTextDoNotEndTheScriptsOwn) {
  const std::vector<CommandInfo> commands = {
      {}, {"do", "A 'thing': [x]", "", {{{"--it"}, "", "the user's [own]: it", "", {}, false}}}};
  EXPECT_THAT(completion_script("zsh", commands), HasSubstr(R"('(--it)--it[the user'\''s \[own\]\: it]')"));
  EXPECT_THAT(completion_script("fish", commands), HasSubstr(R"(-l it -d 'the user\'s [own]: it')"));
  EXPECT_THAT(completion_script("powershell", commands), HasSubstr(R"('--it' = 'the user''s [own]: it')"));
}

TEST(ManPage, TellsEveryOptionOfEveryCommand) {
  const auto commands = command_table();
  const std::string page = man_page(commands);
  for (const CommandInfo& command : commands) {
    if (command.name.empty()) continue;
    const std::size_t begin = page.find("\n.SS \"vmtriage " + command.name + "\"\n");
    ASSERT_NE(begin, std::string::npos) << command.name;
    const std::string part = page.substr(begin, page.find("\n.S", begin + 1) - begin);
    for (const OptionInfo& option : command.options) {
      for (std::string name : option.names) {
        for (std::size_t at = 0; (at = name.find('-', at)) != std::string::npos; at += 2) name.insert(at, "\\");
        EXPECT_THAT(part, HasSubstr("\\fB" + name + "\\fR")) << command.name;
      }
      EXPECT_THAT(part, HasSubstr(option.value)) << command.name;
    }
  }
}

TEST(ManPage, TextThatGroffTakesForARequestComesOutAsText) {
  const std::vector<CommandInfo> commands = {{"", "Does it.", "  vmtriage x", {}}, {"do", "Do", "  .x 'y' C:\\z", {}}};
  EXPECT_THAT(man_page(commands), HasSubstr("\n\\&.x \\(aqy\\(aq C:\\ez\n"));
}

TEST(ManPage, TellsEveryExitCode) {
  const std::string page = man_page(command_table());
  for (const ExitMeaning& exit : kExitMeanings)
    EXPECT_THAT(page, HasSubstr(".TP\n" + std::to_string(exit.code) + "\n")) << exit.code;
}

}  // namespace
}  // namespace vmtriage
