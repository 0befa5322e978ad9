#include "collectors/live_source.h"

#include <algorithm>

#include "agent/base/text.h"
#include "collectors/process.h"
#include "collectors/system_query.h"

namespace vmtriage {
namespace {

/// A text that is handed out like a file.
ReadBytes read_text(std::string text) {
  auto held = std::make_shared<std::string>(std::move(text));
  auto at = std::make_shared<std::size_t>(0);
  return [held, at](std::span<char> target) -> Result<std::size_t> {
    const std::size_t count = held->copy(target.data(), target.size(), *at);
    *at += count;
    return count;
  };
}

/// The path as the VM's own tools show it. The disk that Windows runs from is C: there, whatever letter it has here.
std::string shown_path(const PlannedItem& planned) {
  if (planned.spec->os != "windows") return planned.path;
  std::string path = "C:" + planned.path;
  std::replace(path.begin(), path.end(), '/', '\\');
  return path;
}

std::vector<Error> problems_of(const std::string& line, const CommandSpec& spec, const ProcessOutput& output) {
  std::vector<Error> problems;
  if (output.timed_out) {
    problems.push_back(
        {ErrorCode::timed_out, line + ": no end after " + std::to_string(spec.timeout_ms / 1000) + " s, it was ended"});
  }
  if (output.truncated) problems.push_back({ErrorCode::too_large, line + ": it printed more than was kept"});
  return problems;
}

Result<OpenedItem> open_command(const std::vector<std::string>& argv, const CommandSpec& spec, const std::atomic<bool>* stop) {
  const auto program = find_program(argv.front());
  if (!program) return Error{ErrorCode::not_found, argv.front() + ": not installed"};
  ProcessSpec process;
  process.argv = argv;
  process.argv.front() = *program;
  process.timeout_ms = spec.timeout_ms;
  process.max_output_bytes = 16 << 20;
  auto output = run_process(process, stop);
  if (!output) return output.error();
  auto problems = problems_of(shown_command(spec, argv), spec, *output);
  return OpenedItem{read_text(std::move(output->output)), std::move(problems), nullptr};
}

Result<OpenedItem> open_query(const std::vector<std::string>& words, const CommandSpec& spec, const std::atomic<bool>* stop) {
  auto answer = ask_system(words, spec.timeout_ms, stop);
  if (!answer) return answer.error();
  return OpenedItem{read_text(std::move(answer->text)), std::move(answer->problems), nullptr};
}

}  // namespace

LiveSource::LiveSource(Plan plan, std::string root, const std::atomic<bool>* stop)
    : plan_(std::move(plan)), root_(std::move(root)), stop_(stop) {}

Result<std::optional<Item>> LiveSource::next() {
  if (next_ >= plan_.items.size()) return std::optional<Item>();
  const PlannedItem& planned = plan_.items[next_++];
  return std::optional<Item>(planned.is_command() ? command_item(planned) : file_item(planned));
}

Item LiveSource::file_item(const PlannedItem& planned) const {
  Item item;
  item.artifact.id = planned.spec->id;
  item.artifact.format = planned.spec->format;
  item.artifact.origin = shown_path(planned);
  item.artifact.bundle_path = bundle_path_of(item.artifact.origin);
  item.artifact.size = planned.info.size;
  item.artifact.modified = planned.info.modified;
  item.skipped_bytes = planned.skip_bytes;
  item.open = [path = below(root_, planned.resolved), skip = planned.skip_bytes]() -> Result<OpenedItem> {
    auto file = open_file(path, skip);
    if (!file) return file.error();
    return OpenedItem{std::move(file->read), {}, file->hole_bytes, file->lost_bytes};
  };
  return item;
}

Item LiveSource::command_item(const PlannedItem& planned) const {
  const CommandSpec& spec = *planned.spec->command;
  Item item;
  item.artifact.id = planned.spec->id;
  item.artifact.format = planned.spec->format;
  item.artifact.origin = shown_command(spec, planned.argv);
  item.artifact.bundle_path = "commands/" + command_file_name(planned.spec->id);
  if (spec.is_query) {
    item.open = [argv = planned.argv, spec, stop = stop_] { return open_query(argv, spec, stop); };
  } else {
    item.open = [argv = planned.argv, spec, stop = stop_] { return open_command(argv, spec, stop); };
  }
  return item;
}

std::string bundle_path_of(std::string_view vm_path) {
  std::string path(vm_path);
  std::replace(path.begin(), path.end(), '\\', '/');
  if (path.size() > 1 && path[1] == ':') path.erase(1, 1);
  while (path.starts_with('/')) path.erase(0, 1);
  return "files/" + path;
}

}  // namespace vmtriage
