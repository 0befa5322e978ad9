#include "agent/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "agent/examples.h"
#include "collectors/catalog.h"

namespace vmtriage {
namespace {

constexpr int kUsageError = 64;

/// Turns an option's text into a size or a time, with the words for what is wrong.
template <typename T, typename Parse>
std::function<std::string(const std::string&)> reads(T& target, Parse parse, const char* expected) {
  return [&target, parse, expected](const std::string& text) -> std::string {
    const auto value = parse(text);
    if (!value) return "'" + printable(text) + "' is no " + expected;
    target = *value;
    return {};
  };
}

class CommandLine {
 public:
  CommandLine() {
    app_.name("vmtriage");  // not the path that it was started by
    app_.description("Collects the evidence of a failed Azure VM backup, says what is wrong and what to do.");
    app_.set_version_flag("--version", "vmtriage " VMTRIAGE_VERSION);
    app_.require_subcommand(1);
    app_.allow_windows_style_options(false);  // one syntax on every system; subcommands take this over
    app_.footer(std::string("Examples:\n") + kExamples.overview + "\n\nExit codes:" + exit_codes());
    add_collect();
    add_analyze();
    add_events();
    add_explain();
    add_verify();
    add_list();
    add_completion();
    add_man();
  }

  std::variant<Options, UsageAnswer> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      return UsageAnswer{0, app_.help()};
    } catch (const CLI::CallForAllHelp&) {
      return UsageAnswer{0, app_.help("", CLI::AppFormatMode::All)};
    } catch (const CLI::CallForVersion& version) {
      return UsageAnswer{0, std::string(version.what()) + "\n"};
    } catch (const CLI::ParseError& error) {
      return usage_error(error, argc, argv);
    }
    if (app_.get_subcommands().empty()) return UsageAnswer{kUsageError, "vmtriage: no command; see vmtriage --help\n"};
    const auto* chosen = app_.get_subcommands().front();
    options_.command = commands_.at(chosen->get_name());
    return options_;
  }

  std::vector<CommandInfo> table() const {
    std::vector<CommandInfo> commands = {info_of(app_, kExamples.overview)};
    commands.front().name.clear();
    for (const CLI::App* command : app_.get_subcommands({}))
      commands.push_back(info_of(*command, examples_.at(command)));
    return commands;
  }

 private:
  static std::string exit_codes() {
    std::string out;
    for (const ExitMeaning& exit : kExitMeanings)
      out += "\n  " + std::to_string(exit.code) + (exit.code < 10 ? "   " : "  ") + exit.meaning;
    return out;
  }

  CommandInfo info_of(const CLI::App& app, const std::string& examples) const {
    CommandInfo command{app.get_name(), app.get_description(), examples, {}};
    for (const CLI::Option* option : app.get_options({})) command.options.push_back(info_of(*option));
    return command;
  }

  OptionInfo info_of(const CLI::Option& option) const {
    OptionInfo info;
    for (const std::string& name : option.get_snames()) info.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) info.names.push_back("--" + name);
    const std::string type = option.get_type_name();  // TEXT:{en,ja}
    if (option.get_items_expected_max() > 0)
      info.value = info.names.empty() ? option.get_name(true) : type.substr(0, type.find(':'));
    info.help = option.get_description();
    info.preset = option.get_default_str();
    if (const auto found = choices_.find(&option); found != choices_.end()) info.choices = found->second;
    info.repeats = option.get_items_expected_max() > 1;
    return info;
  }

  /// Words that completions offer for an option.
  void offer(const CLI::Option* option, std::vector<std::string> words) { choices_[option] = std::move(words); }

  /// Words of which an option's value must be one.
  void allow(CLI::Option* option, std::vector<std::string> words) {
    option->check(CLI::IsMember(words, CLI::ignore_case));
    offer(option, std::move(words));
  }

  UsageAnswer usage_error(const CLI::ParseError& error, int argc, const char* const* argv) {
    std::string reason = error.what();
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    const bool known = argc > 1 && commands_.contains(argv[1]);
    if (argc > 1 && !known && argv[1][0] != '-') {
      std::string names;
      for (const auto& [name, command] : commands_) names += (names.empty() ? "" : ", ") + name;
      return {kUsageError, "vmtriage: '" + printable(argv[1]) + "' is not a command; there are " + names + "\n"};
    }
    if (argc > 1 && !known) {
      return {kUsageError,
              "vmtriage: '" + printable(argv[1]) + "' stands where a command is expected; see vmtriage --help\n"};
    }
    const std::string help = known ? std::string("vmtriage ") + argv[1] + " --help" : "vmtriage --help";
    return {kUsageError, "vmtriage: " + printable(reason) + "; see " + help + "\n"};
  }

  CLI::App* add_command(const std::string& name, const std::string& description, Options::Command command,
                        const std::string& examples) {
    CLI::App* app = app_.add_subcommand(name, description);
    app->footer("Examples:\n" + examples);
    app->fallthrough(false);
    commands_[name] = command;
    examples_[app] = examples;
    return app;
  }

  /// What every command that reads evidence or tells about it takes.
  void add_shared(CLI::App* app) {
    static const std::map<std::string, Language> kLanguages = {{"en", Language::en}, {"ja", Language::ja}};
    static const std::map<std::string, OutputFormat> kFormats = {{"text", OutputFormat::text},
                                                                 {"json", OutputFormat::json},
                                                                 {"jsonl", OutputFormat::json},
                                                                 {"html", OutputFormat::html}};
    allow(app->add_option_function<std::string>(
              "--lang", [this](const std::string& text) { options_.lang = kLanguages.at(text); },
              "en or ja (default: the user's)"),
          {"en", "ja"});
    allow(
        app->add_option_function<std::string>(
            "--format", [this](const std::string& text) { options_.format = kFormats.at(text); }, "text, json or html"),
        {"text", "json", "jsonl", "html"});
    app->add_option("--rules", options_.rule_folders, "a folder with more rules (*.xml); may be repeated")
        ->type_name("DIR")
        ->allow_extra_args(false);
    app->add_flag("-q,--quiet", options_.quiet, "no progress, no notes");
    app->add_flag("-v,--verbose", options_.verbosity, "say more on standard error");
    app->add_flag("--no-color", options_.no_color, "no colours (NO_COLOR does the same)");
  }

  void add_range(CLI::App* app) {
    const Time moment = now();
    const auto time = [moment](const std::string& text) { return parse_user_time(text, moment); };
    constexpr const char* kExpected = "time; write 2024-05-01, 2024-05-01T02:03:04Z, 24h, 7d or yesterday";
    app->add_option("--since", since_text_, "only what is newer: 2024-05-01, 2024-05-01T02:03Z, 24h, 7d, yesterday")
        ->type_name("TIME")
        ->check(reads(options_.since, time, kExpected));
    app->add_option("--until", until_text_, "only what is older")
        ->type_name("TIME")
        ->check(reads(options_.until, time, kExpected));
    app->add_option("--threads", options_.threads,
                    "how many cores to use, at most " + std::to_string(Options::kMaxThreads))
        ->check(CLI::Range(1u, Options::kMaxThreads))
        ->capture_default_str();
  }

  void add_collect() {
    CLI::App* app = add_command("collect", "Collect this VM's evidence, analyze it and write one zip for support",
                                Options::Command::collect, kExamples.collect);
    add_shared(app);
    const std::vector<std::string> profiles = Catalog::built_in().profiles();
    offer(
        app->add_option("--profile", options_.profiles, join(profiles, ", ") + " (default: vm-backup); may be repeated")
            ->type_name("NAME")
            ->allow_extra_args(false),
        profiles);
    app->add_option("-o,--output", options_.output, "folder or file name of the zip (default: the current folder)")
        ->type_name("PATH");
    app->add_option("--root", options_.root, "a mounted disk or copied tree that stands for the VM")
        ->type_name("DIR")
        ->capture_default_str();
    app->add_option("--case-id", options_.case_id, "number of the support case, for the zip's name and the ticket");
    app->add_option("--vault", options_.vault, "name of the Recovery Services vault, for the ticket");
    app->add_option("--vault-resource-group", options_.vault_resource_group,
                    "resource group of the vault, for the ticket");
    app->add_option("--include", options_.includes, "a glob of more files; may be repeated")
        ->type_name("GLOB")
        ->allow_extra_args(false);
    app->add_option("--exclude", options_.excludes, "a glob of files to leave out; may be repeated")
        ->type_name("GLOB")
        ->allow_extra_args(false);
    app->add_option("--path", options_.paths, "the file-restore script, or the folder that it made; may be repeated")
        ->type_name("PATH")
        ->allow_extra_args(false);
    app->add_flag("--include-personal", options_.include_personal, "sign-in logs too (auth, secure, audit)");
    app->add_option("--max-file-size", file_size_text_,
                    "of a longer text the newest part is kept, of a compressed one the first part (default 256M)")
        ->type_name("SIZE")
        ->check(reads(options_.max_file_size, parse_size, "size; write 500000, 64M or 2G"));
    app->add_option("--max-total-size", total_size_text_, "bytes before compression (default 2G)")
        ->type_name("SIZE")
        ->check(reads(options_.max_total_size, parse_size, "size; write 500000, 64M or 2G"));
    app->add_option("--timeout", options_.timeout_s, "seconds after which the run ends with what it has")
        ->type_name("SECONDS")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    static const std::map<std::string, Compression> kCompressions = {
        {"fast", Compression::fast}, {"default", Compression::normal}, {"small", Compression::small}};
    allow(app->add_option_function<std::string>(
                 "--compression", [this](const std::string& text) { options_.compression = kCompressions.at(text); },
                 "small takes four times as long as default and makes the zip 7 % smaller")
              ->default_str("default"),
          {"fast", "default", "small"});
    app->add_option("--imds-address", options_.imds_address, "address:port of the instance metadata service, for tests")
        ->type_name("ADDRESS");
    app->add_flag("--dry-run", options_.dry_run, "print what would be collected and what not, and why; touch nothing");
    app->add_flag("--batch", options_.batch, "for scripts: no progress, print only the path of the zip");
    add_pace(app);
    add_range(app);
  }

  void add_pace(CLI::App* app) {
    app->add_flag("--low-priority", options_.low_priority, "leave processor and disk to the others");
    app->add_option("--max-cpu", options_.pace.cpu_percent, "at most so much of all processors' time, of its own work")
        ->type_name("PERCENT")
        ->check(CLI::Range(1, 100));
    app->add_option_function<std::uint64_t>(
           "--max-io", [this](std::uint64_t megabytes) { options_.pace.bytes_per_second = megabytes * 1'000'000; },
           "at most so many megabytes a second, read and written")
        ->type_name("MBPS")
        ->check(CLI::Range(1, 1'000'000));
  }

  void add_analyze() {
    CLI::App* app = add_command("analyze", "Analyze a copied tree, a mounted disk, a bundle or any collector's archive",
                                Options::Command::analyze, kExamples.analyze);
    add_shared(app);
    app->add_option("PATH", options_.operands, "folder, file or archive (zip, tar, tar.gz/xz/zst, 7z)")->required();
    add_pace(app);
    add_range(app);
  }

  void add_events() {
    CLI::App* app = add_command("events", "Print the events of Windows event logs (.evtx)", Options::Command::events,
                                "  vmtriage events System.evtx --provider volsnap --level error\n"
                                "  vmtriage events Application.evtx --provider VSS --id 8229 --format jsonl");
    add_shared(app);
    app->add_option("FILE", options_.operands, "an .evtx file")->required();
    app->add_option("--provider", options_.event_providers, "only this provider; may be repeated")
        ->allow_extra_args(false);
    app->add_option("--id", options_.event_ids, "only this event id; may be repeated")->allow_extra_args(false);
    app->add_flag("--recovered", options_.event_recovered,
                  "also events found behind damage; they may be older than their neighbours");
    const std::vector<std::string> levels = {"critical", "error", "warning", "information", "verbose"};
    allow(app->add_option("--level", options_.event_level, "only this level and worse: " + join(levels, ", ")), levels);
    add_range(app);
  }

  void add_explain() {
    CLI::App* app =
        add_command("explain", "What an error code means, where it shows and what to do", Options::Command::explain,
                    "  vmtriage explain UserErrorFsFreezeFailed\n"
                    "  vmtriage explain 0x800423f4 --lang ja\n"
                    "  vmtriage explain \"restore point collection\"\n"
                    "  cat codes.txt | vmtriage explain -");
    add_shared(app);
    app->add_option("CODE", options_.operands, "codes, or words of the message; - reads them from standard input")
        ->required();
  }

  void add_verify() {
    CLI::App* app = add_command("verify", "Check every file of a bundle against its manifest", Options::Command::verify,
                                "  vmtriage verify vmtriage_2405010040001234_vm1_20240501T020304Z_3fa2c1.zip");
    add_shared(app);
    app->add_option("BUNDLE", options_.operands, "a zip made by vmtriage collect")->required();
  }

  void add_list() {
    CLI::App* app = add_command("list", "What would be collected, what is looked for", Options::Command::list,
                                "  vmtriage list artifacts\n"
                                "  vmtriage list rules --patterns\n"
                                "  vmtriage list profiles");
    add_shared(app);
    allow(app->add_option("WHAT", options_.operands, "artifacts, rules, profiles or codes")->required()->expected(1),
          {"artifacts", "rules", "profiles", "codes"});
    app->add_flag("--patterns", options_.patterns, "with rules: only the regular expressions, one a line");
    allow(app->add_option("--os", options_.list_os, "with rules: only those for the evidence of linux or windows"),
          {"linux", "windows"});
  }

  void add_completion() {
    CLI::App* app = add_command("completion", "Print the script that completes commands, options and values in a shell",
                                Options::Command::completion,
                                "  source <(vmtriage completion bash)\n"
                                "  vmtriage completion fish > ~/.config/fish/completions/vmtriage.fish\n"
                                "  vmtriage completion powershell | Out-String | Invoke-Expression");
    allow(app->add_option("SHELL", options_.operands, "bash, zsh, fish or powershell")->required()->expected(1),
          {"bash", "zsh", "fish", "powershell"});
  }

  void add_man() { add_command("man", "Print the manual page", Options::Command::man, "  vmtriage man | man -l -"); }

  CLI::App app_;
  Options options_;
  std::map<std::string, Options::Command> commands_;
  std::map<const CLI::App*, std::string> examples_;
  std::map<const CLI::Option*, std::vector<std::string>> choices_;
  std::string since_text_, until_text_, file_size_text_, total_size_text_;
};

}  // namespace

std::variant<Options, UsageAnswer> parse_options(const std::vector<std::string>& arguments) {
  std::vector<const char*> words;
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  return CommandLine().parse(static_cast<int>(words.size()), words.data());
}

std::vector<CommandInfo> command_table() { return CommandLine().table(); }

}  // namespace vmtriage
