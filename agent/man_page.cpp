#include "agent/man_page.h"

#include <fmt/format.h>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

/// Text that must come out as it is: groff takes a backslash, a leading dot or quote and a bare `-` for something else.
std::string escaped(std::string_view text) {
  std::string out = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      case '`':
        out += "\\(ga";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// `\fB\-o\fR, \fB\-\-output\fR \fIPATH\fR`
std::string heading(const OptionInfo& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.names) names.push_back("\\fB" + escaped(name) + "\\fR");
  if (!option.value.empty()) names.push_back("\\fI" + option.value + "\\fR");
  const bool with_value = !option.names.empty() && !option.value.empty();
  const std::string value = with_value ? " " + names.back() : "";
  if (with_value) names.pop_back();
  return join(names, ", ") + value + (option.repeats && option.names.empty() ? " ..." : "");
}

std::string describe(const OptionInfo& option) {
  return fmt::format(".TP\n{}\n{}{}\n", heading(option), escaped(option.help),
                     option.preset.empty() ? "" : " (default: " + escaped(option.preset) + ")");
}

std::string example_lines(const std::string& examples) {
  std::string out = ".nf\n";
  for (const std::string_view line : split(examples, '\n'))
    out += escaped(line.substr(std::min<std::size_t>(2, line.size()))) + "\n";
  return out + ".fi\n";
}

std::string synopsis(const CommandInfo& command) {
  std::string out = ".B vmtriage";
  if (!command.name.empty()) out += " " + command.name;
  out += "\n[\\fIoptions\\fR]";
  for (const OptionInfo& option : command.options) {
    if (option.names.empty()) out += " \\fI" + option.value + "\\fR" + (option.repeats ? " ..." : "");
  }
  return out + "\n";
}

}  // namespace

std::string man_page(const std::vector<CommandInfo>& commands) {
  const CommandInfo& program = commands.front();
  std::string out = ".TH VMTRIAGE 1 \"\" \"vmtriage " VMTRIAGE_VERSION "\" \"User Commands\"\n.SH NAME\nvmtriage \\- " +
                    escaped(to_lower(program.description.substr(0, 1)) +
                            program.description.substr(1, program.description.size() - 2)) +
                    "\n.SH SYNOPSIS\n";
  for (const CommandInfo& command : commands) {
    if (&command == &program) continue;
    out += (out.ends_with("SYNOPSIS\n") ? "" : ".br\n") + synopsis(command);
  }
  out +=
      ".SH DESCRIPTION\n"
      "vmtriage runs on the VM whose backup fails, or on a copy of its disk. It reads every log once, finds what is "
      "wrong while it reads, "
      "and leaves one zip for support. It changes nothing on the VM. Passwords, keys and signatures are replaced "
      "before anything is "
      "written.\n.SH OPTIONS\n";
  for (const OptionInfo& option : program.options) out += describe(option);
  out += ".SH COMMANDS\n";
  for (const CommandInfo& command : commands) {
    if (&command == &program) continue;
    out += fmt::format(".SS \"vmtriage {}\"\n{}.\n", command.name, escaped(command.description));
    for (const OptionInfo& option : command.options) out += describe(option);
    out += ".PP\nExamples:\n.PP\n" + example_lines(command.examples);
  }
  out += ".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\nno colours, as \\fB\\-\\-no\\-color\\fR\n.SH EXIT STATUS\n";
  for (const ExitMeaning& exit : kExitMeanings) out += fmt::format(".TP\n{}\n{}\n", exit.code, escaped(exit.meaning));
  return out + ".SH EXAMPLES\n" + example_lines(program.examples);
}

}  // namespace vmtriage
