#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/text.h"
#include "agent/base/time.h"

namespace vmtriage {

enum class OutputFormat { text, json, html };

/// What the command line said.
struct Options {
  enum class Command { collect, analyze, explain, verify, list, events };
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
  bool low_priority = false;
  std::string imds_address;
  std::uint64_t max_file_size = 256ULL << 20;
  std::uint64_t max_total_size = 2ULL << 30;
  int timeout_s = 1800;
  unsigned threads = 2;
  int compression = 6;

  // collect and analyze
  std::optional<Time> since, until;

  // analyze: folders and archives; explain: codes; verify: bundles; list: what
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

/// Reads the command line, the program's name first. Usage errors are one line that says what was wrong and what would be right.
std::variant<Options, UsageAnswer> parse_options(const std::vector<std::string>& arguments);

}  // namespace vmtriage
