#include "analyzers/checks/pre_post_config.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "analyzers/checks/json_text.h"
#include "analyzers/checks/text_report.h"

namespace vmtriage {
namespace {

/// The longest a pre or post script may run, in seconds; the extension lowers anything above.
constexpr int kMaxScriptSeconds = 1800;

std::optional<int> to_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <typename Use>
void each_text_line(std::string_view text, Use&& use) {
  each_line(Block{text, false}, 1, use);
}

bool is_configuration(std::string_view path) { return path.ends_with(".json") || path.ends_with(".conf"); }

/// What one artifact's configuration means, as findings.
class ConfigReport : public TextReport {
 public:
  using TextReport::TextReport;

  void script_plugin() {
    const auto json = parse_json(text_);
    if (!json || !json->is_object()) {
      add("linux.prepost.config-unreadable",
          {{"component", artifact_.origin}, {"reason", json ? "no object" : json.error().what}}, first_line());
      return;
    }
    for (const char* name : {"preScriptLocation", "postScriptLocation"}) {
      const std::string path = text_member(*json, name);
      if (path.empty()) {
        add("linux.prepost.script-not-set", {{"component", name}}, line_with(name));
      } else if (path[0] != '/') {
        add("linux.prepost.script-path-relative", {{"component", path}, {"setting", name}}, line_with(name));
      }
    }
    script_timeout(int_member(*json, "timeoutInSeconds"), "timeoutInSeconds");
    if (bool_member(*json, "continueBackupOnFailure") == false) {
      add("linux.prepost.backup-stops-on-failure", {{"component", "continueBackupOnFailure"}},
          line_with("continueBackupOnFailure"));
    }
    if (bool_member(*json, "fsFreezeEnabled") == false) {
      add("linux.prepost.freeze-disabled", {{"component", "fsFreezeEnabled"}}, line_with("fsFreezeEnabled"));
    }
  }

  void plugin_host() {
    const auto settings = parse_settings(text_);
    if (const auto timeout = settings.find("timeoutinseconds"); timeout != settings.end()) {
      script_timeout(to_number(timeout->second.value), "timeoutInSeconds");
    }
    if (const auto plugins = settings.find("numberofplugins");
        plugins != settings.end() && plugins->second.value == "0") {
      add("linux.prepost.no-plugins", {{"component", "numberOfPlugins"}}, plugins->second.line);
    }
  }

  void vmbackup() {
    const auto settings = parse_settings(text_);
    when(
        settings, "writelog", [](std::string_view value) { return !value.empty() && value != "True"; },
        "linux.vmbackup.logging-off");
    const auto is_on = [](std::string_view value) {
      return value != "0" && !value.empty() && !equal_no_case(value, "false");
    };
    when(settings, "loggingoff", is_on, "linux.vmbackup.logging-reduced");
    when(settings, "disable_logging", is_on, "linux.vmbackup.logging-reduced");
    when(
        settings, "mountstoskip", [](std::string_view value) { return !value.empty(); },
        "linux.vmbackup.mounts-skipped");
  }

  void waagent() {
    const auto settings = parse_settings(text_);
    const auto is_off = [](std::string_view value) { return equal_no_case(value, "n"); };
    const auto is_set = [](std::string_view value) { return !value.empty() && !equal_no_case(value, "none"); };
    when(settings, "extensions.enabled", is_off, "linux.waagent-conf.extensions-off");
    when(settings, "autoupdate.enabled", is_off, "linux.waagent-conf.autoupdate-off");
    when(settings, "autoupdate.updatetolatestversion", is_off, "linux.waagent-conf.autoupdate-off");
    when(settings, "httpproxy.host", is_set, "linux.waagent-conf.proxy");
  }

  void permissions() {
    for (const FilePermission& file : parse_permissions(text_)) {
      const bool configuration = is_configuration(file.path);
      if (file.missing) {
        // Without a configuration nobody wants scripts; a script that is configured has to be there.
        if (!configuration) add("linux.prepost.script-missing", {{"component", file.path}}, file.line);
        continue;
      }
      constexpr unsigned kOthers = 0077, kOwnerReadExecute = 0500, kOwnerExecute = 0100;
      const unsigned mode = file.mode & 0777;
      const bool right =
          file.owner == "root" && (mode & kOthers) == 0 &&
          (configuration ? (mode & kOwnerExecute) == 0 : (mode & kOwnerReadExecute) == kOwnerReadExecute);
      if (!right) {
        add(configuration ? "linux.prepost.config-permissions" : "linux.prepost.script-permissions",
            {{"component", file.path}, {"found", std::string(trim(file.line.text))}}, file.line);
      }
    }
  }

 private:
  void script_timeout(std::optional<int> seconds, std::string_view name) {
    if (!seconds || *seconds <= kMaxScriptSeconds) return;
    add("linux.prepost.timeout-too-long", {{"component", std::string(name)}, {"seconds", std::to_string(*seconds)}},
        line_with(name));
  }

  template <typename Wrong>
  void when(const std::map<std::string, Setting>& settings, const char* key, Wrong&& wrong, std::string_view rule) {
    const auto found = settings.find(key);
    if (found == settings.end() || !wrong(std::string_view(found->second.value))) return;
    add(rule, {{"component", std::string(trim(found->second.line.text))}, {"value", found->second.value}},
        found->second.line);
  }

  Line first_line() const { return {text_.substr(0, text_.find('\n')), 1}; }

  Line line_with(std::string_view word) const {
    Line found = first_line();
    bool seen = false;
    each_text_line(text_, [&](const Line& line) {
      if (!seen && line.text.find(word) != std::string_view::npos) {
        found = line;
        seen = true;
      }
    });
    return found;
  }
};

constexpr TextReader<ConfigReport> kReaders[] = {
    {"linux.conf.pre-post-script", &ConfigReport::script_plugin},
    {"linux.conf.plugin-host", &ConfigReport::plugin_host},
    {"linux.conf.vmbackup", &ConfigReport::vmbackup},
    {"linux.conf.waagent", &ConfigReport::waagent},
    {"linux.command.script-permissions", &ConfigReport::permissions},
};

}  // namespace

std::map<std::string, Setting> parse_settings(std::string_view text) {
  std::map<std::string, Setting> settings;
  each_text_line(text, [&](const Line& line) {
    const std::string_view content = trim(line.text);
    if (content.empty() || content[0] == '#' || content[0] == ';' || content[0] == '[') return;
    const std::size_t separator = content.find_first_of("=:");
    if (separator == std::string_view::npos) return;
    std::string_view value = trim(content.substr(separator + 1));
    // waagent.conf allows a comment behind the value.
    if (const std::size_t comment = value.find(" #"); comment != std::string_view::npos)
      value = trim(value.substr(0, comment));
    if (value.starts_with("#")) value = {};
    settings[to_lower(trim(content.substr(0, separator)))] = {std::string(value), line};
  });
  return settings;
}

std::vector<FilePermission> parse_permissions(std::string_view text) {
  std::vector<FilePermission> files;
  each_text_line(text, [&](const Line& line) {
    const auto words = split_words(line.text);
    FilePermission file;
    file.line = line;
    if (line.text.find("cannot stat") != std::string_view::npos &&
        line.text.find("No such file") != std::string_view::npos) {
      const std::size_t begin = line.text.find('/');
      const std::size_t end = line.text.find_last_of("'\"");
      if (begin == std::string_view::npos) return;
      file.missing = true;
      file.path = line.text.substr(
          begin, end == std::string_view::npos || end < begin ? line.text.rfind(':') - begin : end - begin);
    } else if (words.size() >= 4 && words[3].starts_with("/")) {
      const auto [end, error] = std::from_chars(words[0].data(), words[0].data() + words[0].size(), file.mode, 8);
      if (error != std::errc() || end != words[0].data() + words[0].size()) return;
      file.owner = words[1];
      file.path = line.text.substr(static_cast<std::size_t>(words[3].data() - line.text.data()));
    } else {
      return;
    }
    files.push_back(std::move(file));
  });
  return files;
}

std::unique_ptr<Scan> PrePostConfigAnalyzer::scan(const Artifact& artifact) const {
  return scan_text(rules_, artifact, kReaders);
}

}  // namespace vmtriage
