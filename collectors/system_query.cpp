#include "collectors/system_query.h"

#include <chrono>
#include <memory>
#include <utility>

#include "agent/base/side_thread.h"
#include "agent/base/text.h"

namespace vmtriage {

void AnswerWriter::add(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (!is_wanted_) return;
  if (answer_.text.size() + text.size() <= kMaxBytes) {
    answer_.text += text;
    return;
  }
  is_wanted_ = false;
  answer_.problems.push_back({ErrorCode::too_large, asking_ + ": the answer is longer than " + format_size(kMaxBytes) + ", the rest was not kept"});
}

bool AnswerWriter::is_empty() const {
  const std::lock_guard lock(mutex_);
  return answer_.text.empty();
}

void AnswerWriter::heading(std::string_view text) {
  add((is_empty() ? "" : "\n") + printable(text) + "\n");
}

void AnswerWriter::field(std::string_view name, std::string_view value) {
  add("    " + std::string(name) + ": " + printable(value) + "\n");
}

void AnswerWriter::line(std::string_view text) { add(printable(text) + "\n"); }

void AnswerWriter::append(SystemAnswer part) {
  const bool is_block = !part.text.empty() && part.text.front() != ' ';
  add((is_block && !is_empty() ? "\n" : "") + part.text);
  for (Error& problem : part.problems) fail(std::move(problem));
}

void AnswerWriter::asking(std::string_view thing) {
  const std::lock_guard lock(mutex_);
  asking_ = thing;
}

void AnswerWriter::fail(Error problem) {
  const std::lock_guard lock(mutex_);
  if (is_wanted_) answer_.problems.push_back(std::move(problem));
}

bool AnswerWriter::is_wanted() const {
  const std::lock_guard lock(mutex_);
  return is_wanted_;
}

void AnswerWriter::end() {
  const std::lock_guard lock(mutex_);
  is_ended_ = true;
  ended_.notify_all();
}

SystemAnswer AnswerWriter::wait(int timeout_ms, const std::atomic<bool>* stop) {
  constexpr std::chrono::milliseconds kPoll{50};  // how late a stop request may be noticed
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  const auto is_stopped = [stop] { return stop != nullptr && stop->load(); };
  std::unique_lock lock(mutex_);
  while (!is_ended_ && !is_stopped() && std::chrono::steady_clock::now() < deadline) ended_.wait_for(lock, kPoll);
  if (!is_ended_) {
    const std::string reason = is_stopped() ? "the run was stopped" : "no answer within " + std::to_string((timeout_ms + 999) / 1000) + " s";
    answer_.problems.push_back({ErrorCode::timed_out, asking_ + ": " + reason});
  }
  is_wanted_ = false;
  return std::move(answer_);
}

SystemAnswer ask_for(std::string_view thing, int timeout_ms, const std::atomic<bool>* stop,
                     std::function<void(AnswerWriter&)> question) {
  const auto writer = std::make_shared<AnswerWriter>();
  writer->asking(thing);
  const SideThread thread([writer, question = std::move(question)] {
    try {
      question(*writer);
    } catch (const std::exception& caught) {
      writer->fail({ErrorCode::io, std::string("question to the system: ") + caught.what()});
    }
    writer->end();
  });
  return writer->wait(timeout_ms, stop);
}

Result<SystemAnswer> ask_system(const std::vector<std::string>& words, int timeout_ms, const std::atomic<bool>* stop) {
  const Question question = words.empty() ? nullptr : find_question(words.front());
  if (question == nullptr) return Error{ErrorCode::unsupported, join(words, " ") + ": not known to this system"};
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  SystemAnswer answer = ask_for(words.front(), timeout_ms, stop, [question, rest](AnswerWriter& writer) { question(rest, writer); });
  // One reason says it all where nothing else is known.
  if (answer.text.empty() && answer.problems.size() == 1) return answer.problems.front();
  return answer;
}

}  // namespace vmtriage
