#include "agent/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <sstream>

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
    app_.description("Collects the evidence of a failed Azure VM backup, says what is wrong and what to do.");
    app_.set_version_flag("--version", "vmtriage " VMTRIAGE_VERSION);
    app_.require_subcommand(1);
    app_.allow_windows_style_options(false);  // one syntax on every system; subcommands take this over
    app_.footer(
        "Examples:\n"
        "  sudo vmtriage collect                      diagnose this VM and make the zip for support\n"
        "  vmtriage analyze /mnt/copied-disk          diagnose a copied disk, a folder or an archive\n"
        "  vmtriage explain UserErrorFsFreezeFailed   what an error code means\n\n"
        "Exit codes: 0 nothing wrong, 1 warning, 2 error, 3 evidence is missing, 64 wrong usage,\n"
        "69 something needed is unavailable, 73 output cannot be created, 74 I/O error or disk full, 75 another run is active,\n"
        "77 no permission");
    add_collect();
    add_analyze();
    add_events();
    add_explain();
    add_verify();
    add_list();
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

 private:
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
      return {kUsageError, "vmtriage: '" + printable(argv[1]) + "' stands where a command is expected; see vmtriage --help\n"};
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
    static const std::map<std::string, Language> kLanguages = {{"en", Language::en}, {"ja", Language::ja}};
    static const std::map<std::string, OutputFormat> kFormats = {
        {"text", OutputFormat::text}, {"json", OutputFormat::json}, {"jsonl", OutputFormat::json}, {"html", OutputFormat::html}};
    app->add_option_function<std::string>(
           "--lang", [this](const std::string& text) { options_.lang = kLanguages.at(text); }, "en or ja (default: the user's)")
        ->check(CLI::IsMember({"en", "ja"}));
    app->add_option_function<std::string>(
           "--format", [this](const std::string& text) { options_.format = kFormats.at(text); }, "text, json or html")
        ->check(CLI::IsMember({"text", "json", "jsonl", "html"}));
    app->add_option("--rules", options_.rule_folders, "a folder with more rules (*.xml); may be repeated")->allow_extra_args(false);
    app->add_flag("-q,--quiet", options_.quiet, "no progress, no notes");
    app->add_flag("-v,--verbose", options_.verbosity, "say more on standard error");
    app->add_flag("--no-color", options_.no_color, "no colours (NO_COLOR does the same)");
    return app;
  }

  void add_range(CLI::App* app) {
    const Time moment = now();
    const auto time = [moment](const std::string& text) { return parse_user_time(text, moment); };
    constexpr const char* kExpected = "time; write 2024-05-01, 2024-05-01T02:03:04Z, 24h, 7d or yesterday";
    app->add_option("--since", since_text_, "only what is newer: 2024-05-01, 2024-05-01T02:03Z, 24h, 7d, yesterday")
        ->check(reads(options_.since, time, kExpected));
    app->add_option("--until", until_text_, "only what is older")->check(reads(options_.until, time, kExpected));
    app->add_option("--threads", options_.threads, "how many cores to use")->check(CLI::Range(1u, 64u))->capture_default_str();
  }

  void add_collect() {
    CLI::App* app = add_command(
        "collect", "Collect this VM's evidence, analyze it and write one zip for support", Options::Command::collect,
        "  sudo vmtriage collect\n"
        "  sudo vmtriage collect --profile sap-hana --case-id 2405010040001234 -o /tmp\n"
        "  sudo vmtriage collect --profile file-restore --path /root/myVM-20240501093913\n"
        "  vmtriage collect --root /mnt/disk --dry-run");
    app->add_option("--profile", options_.profiles,
                    "vm-backup (default), minimal, sap-hana, file-restore, everything; may be repeated")
        ->allow_extra_args(false);
    app->add_option("-o,--output", options_.output, "folder or file name of the zip (default: the current folder)");
    app->add_option("--root", options_.root, "a mounted disk or copied tree that stands for the VM")->capture_default_str();
    app->add_option("--case-id", options_.case_id, "number of the support case, for the zip's name and the ticket");
    app->add_option("--vault", options_.vault, "name of the Recovery Services vault, for the ticket");
    app->add_option("--vault-resource-group", options_.vault_resource_group, "resource group of the vault, for the ticket");
    app->add_option("--include", options_.includes, "a glob of more files; may be repeated")->allow_extra_args(false);
    app->add_option("--exclude", options_.excludes, "a glob of files to leave out; may be repeated")->allow_extra_args(false);
    app->add_option("--path", options_.paths, "the file-restore script, or the folder that it made; may be repeated")->allow_extra_args(false);
    app->add_flag("--include-personal", options_.include_personal, "sign-in logs too (auth, secure, audit)");
    app->add_option("--max-file-size", file_size_text_, "of a longer text the newest part is kept, of a compressed one the first part (default 256M)")
        ->check(reads(options_.max_file_size, parse_size, "size; write 500000, 64M or 2G"));
    app->add_option("--max-total-size", total_size_text_, "bytes before compression (default 2G)")
        ->check(reads(options_.max_total_size, parse_size, "size; write 500000, 64M or 2G"));
    app->add_option("--timeout", options_.timeout_s, "seconds after which the run ends with what it has")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    app->add_option("--compression", options_.compression, "1 fast … 9 small")->check(CLI::Range(1, 9))->capture_default_str();
    app->add_option("--imds-address", options_.imds_address, "address:port of the instance metadata service, for tests");
    app->add_flag("--dry-run", options_.dry_run, "print what would be collected and what not, and why; touch nothing");
    app->add_flag("--batch", options_.batch, "for scripts: no progress, print only the path of the zip");
    app->add_flag("--low-priority", options_.low_priority, "leave processor and disk to the others");
    add_range(app);
  }

  void add_analyze() {
    CLI::App* app = add_command("analyze", "Analyze a copied tree, a mounted disk, a bundle or any collector's archive",
                                Options::Command::analyze,
                                "  vmtriage analyze /mnt/disk\n"
                                "  vmtriage analyze logs.zip --lang ja\n"
                                "  vmtriage analyze --format json sosreport.tar.xz > findings.json");
    app->add_option("PATH", options_.operands, "folder, file or archive (zip, tar, tar.gz/xz/zst, 7z)")->required();
    add_range(app);
  }

  void add_events() {
    CLI::App* app = add_command("events", "Print the events of Windows event logs (.evtx)", Options::Command::events,
                                "  vmtriage events System.evtx --provider volsnap --level error\n"
                                "  vmtriage events Application.evtx --provider VSS --id 8229 --format jsonl");
    app->add_option("FILE", options_.operands, "an .evtx file")->required();
    app->add_option("--provider", options_.event_providers, "only this provider; may be repeated")->allow_extra_args(false);
    app->add_option("--id", options_.event_ids, "only this event id; may be repeated")->allow_extra_args(false);
    app->add_flag("--recovered", options_.event_recovered, "also events found behind damage; they may be older than their neighbours");
    app->add_option("--level", options_.event_level, "only this level and worse: critical, error, warning, information, verbose");
    add_range(app);
  }

  void add_explain() {
    CLI::App* app = add_command("explain", "What an error code means, where it shows and what to do", Options::Command::explain,
                                "  vmtriage explain UserErrorFsFreezeFailed\n"
                                "  vmtriage explain 0x800423f4 --lang ja\n"
                                "  vmtriage explain \"restore point collection\"\n"
                                "  cat codes.txt | vmtriage explain -");
    app->add_option("CODE", options_.operands, "codes, or words of the message; - reads them from standard input")->required();
  }

  void add_verify() {
    CLI::App* app = add_command("verify", "Check every file of a bundle against its manifest", Options::Command::verify,
                                "  vmtriage verify vmtriage_2405010040001234_vm1_20240501T020304Z_3fa2c1.zip");
    app->add_option("BUNDLE", options_.operands, "a zip made by vmtriage collect")->required();
  }

  void add_list() {
    CLI::App* app = add_command("list", "What would be collected, what is looked for", Options::Command::list,
                                "  vmtriage list artifacts\n"
                                "  vmtriage list rules --patterns\n"
                                "  vmtriage list profiles");
    app->add_option("WHAT", options_.operands, "artifacts, rules, profiles or codes")
        ->required()
        ->expected(1)
        ->check(CLI::IsMember({"artifacts", "rules", "profiles", "codes"}));
    app->add_flag("--patterns", options_.patterns, "with rules: only the regular expressions, one a line");
    app->add_option("--os", options_.list_os, "with rules: only those for the evidence of linux or windows")
        ->check(CLI::IsMember({"linux", "windows"}));
  }

  CLI::App app_;
  Options options_;
  std::map<std::string, Options::Command> commands_;
  std::string since_text_, until_text_, file_size_text_, total_size_text_;
};

}  // namespace

std::variant<Options, UsageAnswer> parse_options(const std::vector<std::string>& arguments) {
  std::vector<const char*> words;
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  return CommandLine().parse(static_cast<int>(words.size()), words.data());
}

}  // namespace vmtriage
