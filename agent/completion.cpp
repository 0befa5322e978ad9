#include "agent/completion.h"

#include <fmt/format.h>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

bool is_operand(const OptionInfo& option) { return option.names.empty(); }
bool names_a_file(const OptionInfo& option) {
  return option.value == "FILE" || option.value == "PATH" || option.value == "BUNDLE" || option.value == "DIR";
}

/// With a backslash before each of `special`.
std::string with_backslashes(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) out += special.find(c) == std::string_view::npos ? std::string(1, c) : std::string{'\\', c};
  return out;
}

/// In single quotes, for bash and zsh.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + out + "'";
}
std::string quoted_for_fish(std::string_view text) { return "'" + with_backslashes(text, "\\'") + "'"; }
std::string quoted_for_powershell(std::string_view text) {
  std::string out;
  for (const char c : text) out += std::string(c == '\'' ? 2 : 1, c);
  return "'" + out + "'";
}

std::string quoted_list_for_powershell(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  for (const std::string& word : words) all.push_back(quoted_for_powershell(word));
  return "@(" + join(all, ", ") + ")";
}

/// Every option name and value of an operand that may stand where no option waits for its value.
std::vector<std::string> free_words(const CommandInfo& command) {
  std::vector<std::string> words;
  for (const OptionInfo& option : command.options) {
    const auto& offered = is_operand(option) ? option.choices : option.names;
    words.insert(words.end(), offered.begin(), offered.end());
  }
  return words;
}

std::vector<std::string> command_names(const std::vector<CommandInfo>& commands) {
  std::vector<std::string> names;
  for (const CommandInfo& command : commands) {
    if (!command.name.empty()) names.push_back(command.name);
  }
  return names;
}

// ---- bash

std::string bash_value(const OptionInfo& option) {
  std::string action = ";;";
  if (!option.choices.empty())
    action = "COMPREPLY=($(compgen -W " + quoted(join(option.choices, " ")) + " -- \"$word\")) ;;";
  if (names_a_file(option)) action = "compopt -o default 2>/dev/null ;;";
  return fmt::format("        {}) {}\n", join(option.names, " | "), action);
}

std::string bash_command(const CommandInfo& command) {
  std::string values, files;
  for (const OptionInfo& option : command.options) {
    if (!is_operand(option) && !option.value.empty()) values += bash_value(option);
    if (is_operand(option) && names_a_file(option)) files = "          compopt -o default 2>/dev/null\n";
  }
  return fmt::format(
      "    {})\n      case $before in\n{}        *)\n          COMPREPLY=($(compgen -W {} -- \"$word\"))\n{}          "
      ";;\n      esac\n"
      "      ;;\n",
      command.name, values, quoted(join(free_words(command), " ")), files);
}

std::string bash_script(const std::vector<CommandInfo>& commands) {
  std::vector<std::string> first = command_names(commands);
  for (const std::string& word : free_words(commands.front())) first.push_back(word);
  std::string out = fmt::format(
      R"(# bash completion for vmtriage
_vmtriage() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
  # bash makes three words of --format=json.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W {} -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
)",
      quoted(join(first, " ")));
  for (const CommandInfo& command : commands) {
    if (!command.name.empty()) out += bash_command(command);
  }
  return out + "  esac\n}\ncomplete -F _vmtriage vmtriage\n";
}

// ---- zsh

std::string zsh_value(const OptionInfo& option) {
  std::string action = " ";
  if (!option.choices.empty()) action = "(" + join(option.choices, " ") + ")";
  if (names_a_file(option)) action = option.value == "DIR" ? "_files -/" : "_files";
  return ":" + option.value + ":" + action;
}

std::string zsh_option(const OptionInfo& option) {
  if (is_operand(option)) return "        " + quoted((option.repeats ? "*" : "1") + zsh_value(option)) + " \\\n";
  const std::string help = "[" + with_backslashes(option.help, "\\[]:") + "]";
  std::string out;
  for (const std::string& name : option.names) {
    const std::string before = option.repeats ? "*" : "(" + join(option.names, " ") + ")";
    const std::string value =
        option.value.empty() ? help : (name.starts_with("--") ? "=" : "+") + help + zsh_value(option);
    out += "        " + quoted(before + name + value) + " \\\n";
  }
  return out;
}

std::string zsh_script(const std::vector<CommandInfo>& commands) {
  std::string names, cases, options;
  for (const OptionInfo& option : commands.front().options) options += zsh_option(option);
  for (const CommandInfo& command : commands) {
    if (command.name.empty()) continue;
    names += "    " + quoted(command.name + ":" + with_backslashes(command.description, "\\:")) + "\n";
    cases += fmt::format("    {})\n      _arguments -s \\\n", command.name);
    for (const OptionInfo& option : command.options) cases += zsh_option(option);
    cases += "        && return 0\n      ;;\n";
  }
  return fmt::format(R"(#compdef vmtriage
_vmtriage() {{
  local -a commands=(
{0}  )
  if ((CURRENT == 2)); then
    _describe command commands
    _arguments \
{1}        && return 0
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
{2}  esac
}}
# Read as a file of fpath it is the function's body; with `source` it only defines the function.
if [[ $funcstack[1] == _vmtriage ]]; then
  _vmtriage "$@"
else
  compdef _vmtriage vmtriage
fi
)",
                     names, options, cases);
}

// ---- fish

std::string fish_value(const OptionInfo& option) {
  if (!option.choices.empty()) return " -x -a " + quoted_for_fish(join(option.choices, " "));
  if (option.value == "DIR") return " -x -a '(__fish_complete_directories)'";
  return names_a_file(option) ? " -r -F" : " -x";
}

std::string fish_option(const OptionInfo& option, const std::string& condition) {
  std::string out = "complete -c vmtriage -n " + quoted_for_fish(condition);
  if (is_operand(option)) {
    if (names_a_file(option)) return out + " -F\n";
    return option.choices.empty() ? "" : out + " -a " + quoted_for_fish(join(option.choices, " ")) + "\n";
  }
  for (const std::string& name : option.names) {
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (!option.value.empty()) out += fish_value(option);
  return out + " -d " + quoted_for_fish(option.help) + "\n";
}

std::string fish_script(const std::vector<CommandInfo>& commands) {
  std::string out = "# fish completion for vmtriage\ncomplete -c vmtriage -f\n";
  for (const CommandInfo& command : commands) {
    const std::string condition =
        command.name.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + command.name;
    if (!command.name.empty()) {
      out += fmt::format("complete -c vmtriage -n __fish_use_subcommand -a {} -d {}\n", command.name,
                         quoted_for_fish(command.description));
    }
    for (const OptionInfo& option : command.options) out += fish_option(option, condition);
  }
  return out;
}

// ---- PowerShell

std::string powershell_command(const CommandInfo& command) {
  std::string words, values;
  for (const OptionInfo& option : command.options) {
    for (const std::string& name : option.names) {
      words += fmt::format("      {} = {}\n", quoted_for_powershell(name), quoted_for_powershell(option.help));
      if (!option.value.empty())
        values +=
            fmt::format("      {} = {}\n", quoted_for_powershell(name), quoted_list_for_powershell(option.choices));
    }
    for (const std::string& choice : option.names.empty() ? option.choices : std::vector<std::string>{}) {
      words += fmt::format("      {} = {}\n", quoted_for_powershell(choice), quoted_for_powershell(option.value));
    }
  }
  return fmt::format("    {} = @{{ Help = {}; Words = [ordered]@{{\n{}    }}; Values = @{{\n{}    }} }}\n",
                     quoted_for_powershell(command.name), quoted_for_powershell(command.description), words, values);
}

/// Where it offers nothing, PowerShell offers files.
std::string powershell_script(const std::vector<CommandInfo>& commands) {
  std::string table;
  for (const CommandInfo& command : commands) table += powershell_command(command);
  return fmt::format(R"(# PowerShell completion for vmtriage
Register-ArgumentCompleter -Native -CommandName 'vmtriage', 'vmtriage.exe' -ScriptBlock {{
  param($wordToComplete, $commandAst, $cursorPosition)
  $commands = [ordered]@{{
{}  }}
  $before = @($commandAst.CommandElements | Where-Object {{ $_.Extent.EndOffset -lt $cursorPosition }} | ForEach-Object {{ $_.Extent.Text }})
  $offers = [ordered]@{{}}
  if ($before.Count -le 1) {{
    foreach ($name in $commands.Keys) {{ if ($name -ne '') {{ $offers[$name] = $commands[$name].Help }} }}
    foreach ($word in $commands[''].Words.Keys) {{ $offers[$word] = $commands[''].Words[$word] }}
  }} elseif ($commands.Contains($before[1])) {{
    $command = $commands[$before[1]]
    if ($command.Values.ContainsKey($before[-1])) {{
      foreach ($value in $command.Values[$before[-1]]) {{ $offers[$value] = $before[-1] }}
    }} else {{
      $offers = $command.Words
    }}
  }}
  foreach ($word in $offers.Keys) {{
    if ($word.StartsWith($wordToComplete, [StringComparison]::OrdinalIgnoreCase)) {{
      [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $offers[$word])
    }}
  }}
}}
)",
                     table);
}

}  // namespace

std::string completion_script(std::string_view shell, const std::vector<CommandInfo>& commands) {
  if (shell == "bash") return bash_script(commands);
  if (shell == "zsh") return zsh_script(commands);
  if (shell == "fish") return fish_script(commands);
  return powershell_script(commands);
}

}  // namespace vmtriage
