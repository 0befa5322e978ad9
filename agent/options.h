#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/text.h"
#include "agent/base/time.h"
#include "agent/deflate/deflater.h"
#include "agent/pace.h"

namespace vmtriage {

enum class OutputFormat { text, json, html };

/// What the command line said.
struct Options {
  enum class Command { collect, analyze, explain, verify, list, events, completion, man };
  Command command = Command::collect;

  // Every command.
  std::optional<Language> lang;
  OutputFormat format = OutputFormat::text;
  std::vector<std::string> rule_folders;
  bool quiet = false;
  int verbosity = 0;
  bool no_color = false;

  // collect
  std::vector<std::string> profiles;
  std::string output;
  std::string root = "/";
  std::string case_id;
  std::string vault, vault_resource_group;
  std::vector<std::string> includes, excludes, paths;
  bool include_personal = false;
  bool dry_run = false;
  bool batch = false;
  std::string imds_address;
  std::uint64_t max_file_size = 256ULL << 20;
  std::uint64_t max_total_size = 2ULL << 30;
  int timeout_s = 1800;
  /// However many cores there are: each thread takes 5 MiB and more, and logs are to be read in 64 MiB.
  static constexpr unsigned kMaxThreads = 8;
  unsigned threads = 2;
  Compression compression = Compression::normal;

  // collect and analyze
  bool low_priority = false;
  PaceLimits pace;
  std::optional<Time> since, until;

  // analyze: folders and archives; explain: codes; verify: bundles; list: what; completion: the shell
  std::vector<std::string> operands;
  bool patterns = false;  ///< list rules --patterns
  std::string list_os;    ///< list rules --os: only the rules for this system's evidence

  // events
  std::vector<std::string> event_providers;
  std::vector<std::uint32_t> event_ids;
  std::string event_level;
  bool event_recovered = false;
};

/// What the program answers instead of running: the help page, or what is wrong with the command line.
struct UsageAnswer {
  int exit_code = 64;
  std::string text;
};

/// Reads the command line, the program's name first. Usage errors are one line that says what was wrong and what would
/// be right.
std::variant<Options, UsageAnswer> parse_options(const std::vector<std::string>& arguments);

/// An option or an operand of a command.
struct OptionInfo {
  std::vector<std::string> names;  ///< `-o`, `--output`; none: it is an operand
  std::string value;  ///< what stands for its value: `SIZE`; DIR, PATH, FILE and BUNDLE are files; empty: it takes none
  std::string help;
  std::string preset;                ///< its value where none is given, when that can be told in a word
  std::vector<std::string> choices;  ///< its values, where they can be counted
  bool repeats = false;
};

struct CommandInfo {
  std::string name;  ///< empty: the program itself
  std::string description;
  std::string examples;  ///< one a line, indented by two blanks
  std::vector<OptionInfo> options;
};

/// What the command line is read by, the program itself first: the one table of which manual page and completions are
/// made.
std::vector<CommandInfo> command_table();

struct ExitMeaning {
  int code;
  const char* meaning;
};

inline constexpr ExitMeaning kExitMeanings[] = {
    {0, "nothing wrong"},
    {1, "the worst finding is a warning"},
    {2, "the worst finding is an error"},
    {3, "evidence is missing, so that no clean verdict can be given"},
    {64, "wrong usage"},
    {69, "something needed is unavailable"},
    {73, "the output cannot be created"},
    {74, "I/O error or full disk"},
    {75, "another run is active"},
    {77, "no permission"},
};

}  // namespace vmtriage
