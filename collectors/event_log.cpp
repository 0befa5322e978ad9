#include "collectors/event_log.h"

#include <condition_variable>

#include "agent/base/side_thread.h"
#include "agent/base/text.h"

namespace vmtriage {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// How late a stop request may be noticed.
constexpr std::chrono::milliseconds kPoll{100};

/// One question to the service. A thread that waits for a silent one keeps it alive.
struct Question {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Status> answer;
  bool given_up = false;
};

void ask(const ExportChannel& service, const std::string& channel, const std::string& query, const std::string& target,
         const std::shared_ptr<Question>& question) {
  Status answer = service(channel, query, target);
  const std::lock_guard lock(question->mutex);
  if (question->given_up) remove_own_file(target);
  question->answer = std::move(answer);
  question->changed.notify_all();
}

std::string in_seconds(std::chrono::milliseconds time) {
  const auto count = time.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

}  // namespace

std::optional<std::string> channel_of(std::string_view vm_path) {
  constexpr std::string_view kFolder = "/Windows/System32/winevt/Logs/", kEnding = ".evtx", kArchive = "Archive-";
  if (vm_path.size() <= kFolder.size() + kEnding.size() || !equal_no_case(vm_path.substr(0, kFolder.size()), kFolder)) return std::nullopt;
  std::string_view name = vm_path.substr(kFolder.size());
  if (!equal_no_case(name.substr(name.size() - kEnding.size()), kEnding) || name.find('/') != std::string_view::npos) return std::nullopt;
  name.remove_suffix(kEnding.size());
  if (equal_no_case(name.substr(0, kArchive.size()), kArchive)) return std::nullopt;
  std::string channel(name);
  for (std::size_t at = channel.find("%4"); at != std::string::npos; at = channel.find("%4", at)) channel.replace(at, 2, "/");
  return channel;
}

std::string query_since(std::optional<Time> since) {
  if (!since) return "*";
  std::string time = format_time(*since);
  time.insert(time.size() - 1, ".000");
  return "*[System[TimeCreated[@SystemTime>='" + time + "']]]";
}

Result<OpenedFile> EventLogExporter::open(const std::string& channel, const std::atomic<bool>* stop) {
  const auto target = new_target();
  if (!target) return target.error();
  if (const Status exported = export_to(channel, *target, stop); !exported) return exported.error();
  auto file = open_file(*target);
  remove_own_file(*target);
  if (!file) return file;
  if (file->size > options_.max_bytes) return too_large(file->size, options_.max_bytes);
  return file;
}

Result<std::string> EventLogExporter::new_target() {
  const std::lock_guard lock(mutex_);
  if (refusal_) return *refusal_;
  if (!folder_) {
    auto folder = PrivateFolder::create(options_.folder);
    if (!folder) {
      refusal_ = folder.error();
      return *refusal_;
    }
    folder_.emplace(std::move(*folder));
  }
  return folder_->path() + "/" + std::to_string(++targets_) + ".evtx";
}

Status EventLogExporter::export_to(const std::string& channel, const std::string& target, const std::atomic<bool>* stop) {
  const auto question = std::make_shared<Question>();
  const SideThread thread([service = options_.service, channel, query = query_since(options_.since), target, question] {
    ask(service, channel, query, target, question);
  });
  const auto deadline = SteadyClock::now() + options_.patience;
  std::unique_lock lock(question->mutex);
  const auto is_stopped = [&] { return stop != nullptr && stop->load(); };
  while (!question->answer && SteadyClock::now() < deadline && !is_stopped()) question->changed.wait_for(lock, kPoll);
  if (question->answer && *question->answer) return Done{};
  question->given_up = !question->answer;
  remove_own_file(target);
  if (!question->answer && is_stopped()) return Error{ErrorCode::timed_out, "stopped on request"};
  const Error error = question->answer ? question->answer->error()
                                       : Error{ErrorCode::timed_out, "event log service: no answer within " + in_seconds(options_.patience)};
  if (error.code != ErrorCode::timed_out && error.code != ErrorCode::unsupported) return error;
  const std::lock_guard own_lock(mutex_);
  if (!refusal_) silent_ = error.code == ErrorCode::timed_out;
  refusal_ = error;
  return error;
}

}  // namespace vmtriage
