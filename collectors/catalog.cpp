#include "collectors/catalog.h"

#include <algorithm>
#include <pugixml.hpp>
#include <set>
#include <stdexcept>

namespace vmtriage {
namespace {

/// A problem with a catalogue file, thrown to its one catch in `parse`.
struct Problem {
  std::ptrdiff_t offset = 0;
  std::string reason;
};

std::vector<std::string> words_of(pugi::xml_attribute attribute) {
  std::vector<std::string> words;
  for (std::string_view word : split_words(attribute.value())) words.emplace_back(word);
  return words;
}

void read_local(pugi::xml_node node, const char* name, LocalText& text) {
  for (const pugi::xml_node child : node.children(name)) {
    std::string& target = std::string_view(child.attribute("xml:lang").value()) == "ja" ? text.ja : text.en;
    target = trim(child.text().get());
  }
}

Format read_format(pugi::xml_node node) {
  const std::string_view name = node.attribute("format").as_string("text");
  if (name == "text") return Format::text;
  if (name == "json") return Format::json;
  if (name == "evtx") return Format::evtx;
  if (name == "opaque") return Format::opaque;
  throw Problem{node.offset_debug(), "format is none of text, json, evtx, opaque"};
}

/// Words between blanks; `\\ ` is a blank inside a word.
std::vector<std::string> command_words(std::string_view text) {
  std::vector<std::string> words;
  for (std::string_view part : split_words(text)) {
    const bool continues = !words.empty() && words.back().ends_with('\\');
    if (continues) {
      words.back().back() = ' ';
      words.back() += part;
    } else {
      words.emplace_back(part);
    }
  }
  return words;
}

ArtifactSpec read_spec(pugi::xml_node node, const std::string& os) {
  ArtifactSpec spec;
  spec.id = node.attribute("id").value();
  spec.os = os;
  spec.format = read_format(node);
  spec.priority = node.attribute("priority").as_int(100);
  spec.profiles = words_of(node.attribute("profiles"));
  spec.personal = node.attribute("personal").as_bool(false);
  spec.search = node.attribute("search").as_bool(false);
  spec.request = node.attribute("request").value();
  spec.max_files = node.attribute("max-files").as_uint(10'000);
  if (spec.max_files == 0) throw Problem{node.offset_debug(), "max-files is not a number above 0"};
  read_local(node, "doc", spec.doc);
  for (const pugi::xml_node child : node.children("glob")) spec.globs.emplace_back(trim(child.text().get()));
  for (const pugi::xml_node child : node.children("except")) spec.excepts.emplace_back(trim(child.text().get()));
  const bool is_query = !node.child("query").empty();
  if (const pugi::xml_node child = node.child(is_query ? "query" : "command")) {
    CommandSpec command;
    command.is_query = is_query;
    command.argv = command_words(child.text().get());
    command.input = child.attribute("input").value();
    command.timeout_ms = child.attribute("timeout").as_int(10) * 1000;
    command.only_without_syslog = child.attribute("only-without-syslog").as_bool(false);
    if (command.argv.empty()) throw Problem{child.offset_debug(), spec.id + ": the command is empty"};
    spec.command = std::move(command);
  }
  if (spec.id.empty()) throw Problem{node.offset_debug(), "an artifact has no id"};
  if (spec.globs.empty() && !spec.command) throw Problem{node.offset_debug(), spec.id + ": neither glob nor command nor query"};
  return spec;
}

/// Whether a path is `file`, or ends with it behind a slash.
bool ends_with_path(std::string_view path, std::string_view file) {
  return path.ends_with(file) && (path.size() == file.size() || path[path.size() - file.size() - 1] == '/');
}

std::vector<std::string> lower(std::vector<std::string> globs) {
  for (std::string& glob : globs) glob = to_lower(glob);
  return globs;
}

}  // namespace

std::string shown_command(const CommandSpec& command, const std::vector<std::string>& argv) {
  std::string shown = (command.is_query ? "query: " : "") + join(argv, " ");
  if (command.input.empty()) return shown;
  std::string input(trim(command.input));
  for (std::size_t at = 0; (at = input.find('\n', at)) != std::string::npos; at += 2) input.replace(at, 1, "; ");
  return shown + ": " + input;
}

bool ArtifactSpec::in_profile(std::string_view profile) const {
  return profile == "everything" || std::find(profiles.begin(), profiles.end(), profile) != profiles.end();
}

Result<Catalog> Catalog::parse(std::span<const EmbeddedFile> files) {
  Catalog catalog;
  std::vector<std::string> deny;
  for (const EmbeddedFile& file : files) {
    const auto problem = [&](std::ptrdiff_t offset, const std::string& reason) {
      const auto before = file.bytes.substr(0, static_cast<std::size_t>(std::max<std::ptrdiff_t>(offset, 0)));
      const auto line = std::count(before.begin(), before.end(), '\n') + 1;
      return Error{ErrorCode::corrupt, std::string(file.path) + ":" + std::to_string(line) + ": " + reason};
    };
    pugi::xml_document document;
    const auto parsed = document.load_buffer(file.bytes.data(), file.bytes.size());
    if (!parsed) return problem(parsed.offset, parsed.description());
    const pugi::xml_node root = document.child("catalog");
    const std::string os = root.attribute("os").value();
    try {
      for (const pugi::xml_node node : root.children("artifact")) {
        const ArtifactSpec& spec = catalog.specs_.emplace_back(read_spec(node, os));
        const bool any_case = os == "windows";
        catalog.globs_.push_back({any_case, GlobList(any_case ? lower(spec.globs) : spec.globs),
                                  GlobList(any_case ? lower(spec.excepts) : spec.excepts),
                                  spec.command ? "commands/" + command_file_name(spec.id) : ""});
      }
    } catch (const Problem& caught) {
      return problem(caught.offset, caught.reason);
    }
    for (const pugi::xml_node node : root.children("request")) {
      RequestItem item{node.attribute("id").value(), words_of(node.attribute("profiles")), {}};
      read_local(node, "text", item.text);
      catalog.request_items_.push_back(std::move(item));
    }
    for (const pugi::xml_node node : root.child("deny").children("glob")) {
      deny.emplace_back(trim(node.text().get()));
    }
  }
  catalog.deny_ = GlobList(deny);
  catalog.deny_lower_ = GlobList(lower(std::move(deny)));
  return catalog;
}

const Catalog& Catalog::built_in() {
  static const Catalog catalog = [] {
    std::vector<EmbeddedFile> files;
    for (const EmbeddedFile& file : embedded_files()) {
      if (file.path.starts_with("collectors/catalog/")) files.push_back(file);
    }
    auto parsed = parse(files);
    if (!parsed) throw std::logic_error(parsed.error().what);
    return std::move(*parsed);
  }();
  return catalog;
}

std::vector<std::string> Catalog::profiles() const {
  std::set<std::string> names = {"everything"};
  for (const ArtifactSpec& spec : specs_) names.insert(spec.profiles.begin(), spec.profiles.end());
  return {names.begin(), names.end()};
}

bool Catalog::Globs::match(std::string_view path, std::string_view lower_path) const {
  const std::string_view compared = any_case ? lower_path : path;
  return wanted.match_tail(compared) && !excepts.match_tail(compared);
}

const ArtifactSpec* Catalog::recognise(std::string_view path) const {
  const std::string lower_path = to_lower(path);
  for (const bool search : {false, true}) {
    for (std::size_t i = 0; i < specs_.size(); ++i) {
      const ArtifactSpec& spec = specs_[i];
      if (spec.search != search) continue;
      if (spec.command ? ends_with_path(path, globs_[i].output) : globs_[i].match(path, lower_path)) return &spec;
    }
  }
  return nullptr;
}

const ArtifactSpec* Catalog::recognise_personal(std::string_view path) const {
  const std::string lower_path = to_lower(path);
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (!specs_[i].personal || !globs_[i].match(path, lower_path)) continue;
    const ArtifactSpec* owner = recognise(path);
    return owner != nullptr && owner->personal ? owner : nullptr;
  }
  return nullptr;
}

const ArtifactSpec* Catalog::find(std::string_view id) const {
  const auto found =
      std::find_if(specs_.begin(), specs_.end(), [&](const ArtifactSpec& spec) { return spec.id == id; });
  return found == specs_.end() ? nullptr : &*found;
}

bool Catalog::is_denied(std::string_view path, bool any_case) const {
  return any_case ? deny_lower_.match_tail(to_lower(path)) : deny_.match_tail(path);
}

std::string command_file_name(std::string_view artifact_id) {
  const std::size_t dot = artifact_id.rfind('.');
  return std::string(dot == std::string_view::npos ? artifact_id : artifact_id.substr(dot + 1)) + ".txt";
}

}  // namespace vmtriage
