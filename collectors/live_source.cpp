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

Result<OpenedItem> opened_item(Result<OpenedFile> file) {
  if (!file) return file.error();
  return OpenedItem{std::move(file->read), {}, file->hole_bytes, file->lost_bytes};
}

/// An event log as its service gives it, else the file as it is. `size` is that of the file.
Result<OpenedItem> export_or_copy(EventLogExporter& exporter, const std::string& channel, std::uint64_t size,
                                  const std::function<Result<OpenedItem>()>& copy, const std::atomic<bool>* stop) {
  const EventLogOptions& options = exporter.options();
  auto exported = opened_item(exporter.open(channel, stop));
  if (exported) {
    exported->obtained = "exported by the event log service" + (options.since ? ", from " + format_time(*options.since) : "");
    return exported;
  }
  const Error& error = exported.error();
  const bool is_stopped = stop != nullptr && stop->load();
  if (is_stopped || error.code == ErrorCode::too_large) return error;
  if (size > options.max_bytes) return too_large(size, options.max_bytes);
  auto copied = copy();
  if (!copied) return copied;
  copied->obtained = "copied from the disk: " + error.what;
  if (exporter.take_silence()) {
    copied->problems.push_back({ErrorCode::timed_out, error.what + ": event logs were copied from the disk, without what it has not written yet"});
  }
  return copied;
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
  process.input = spec.input;
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

LiveSource::LiveSource(Plan plan, std::string root, const std::atomic<bool>* stop, std::shared_ptr<EventLogExporter> exporter)
    : plan_(std::move(plan)), root_(std::move(root)), stop_(stop), exporter_(std::move(exporter)) {}

Result<std::optional<Item>> LiveSource::next() {
  if (next_ >= plan_.items.size()) return std::optional<Item>();
  const PlannedItem& planned = plan_.items[next_++];
  return std::optional<Item>(planned.is_command() ? command_item(planned) : file_item(planned));
}

Item LiveSource::file_item(const PlannedItem& planned) const {
  Item item;
  item.artifact.id = planned.spec->id;
  item.artifact.format = planned.spec->format;
  item.artifact.origin = shown_path(planned.spec->os, planned.path);
  item.artifact.bundle_path = bundle_path_of(item.artifact.origin);
  item.artifact.size = planned.info.size;
  item.artifact.modified = planned.info.modified;
  item.skipped_bytes = planned.skip_bytes;
  const auto copy = [path = below(root_, planned.resolved), skip = planned.skip_bytes] { return opened_item(open_file(path, skip)); };
  const auto channel = exporter_ && planned.spec->format == Format::evtx ? channel_of(planned.path) : std::nullopt;
  item.open = copy;
  if (!channel) return item;
  item.open = [exporter = exporter_, channel = *channel, size = planned.info.size, copy, stop = stop_] {
    return export_or_copy(*exporter, channel, size, copy, stop);
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
