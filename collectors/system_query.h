#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace vmtriage {

/// What the system said, and what it did not.
struct SystemAnswer {
  std::string text;
  std::vector<Error> problems;
};

/// An answer that is still being written, by a thread that may never come back: a sick VM's drivers and services do not always
/// answer. What stands here is kept when the time is over.
///
/// Its text is blocks of `name: value` lines below a heading, with an empty line between them:
///
///     service VSS
///         state: running
///         start type: manual
class AnswerWriter {
 public:
  static constexpr std::size_t kMaxBytes = 2 << 20;

  void heading(std::string_view text);
  void field(std::string_view name, std::string_view value);
  void line(std::string_view text);
  /// The answer to a part of the question.
  void append(SystemAnswer part);
  /// What is asked now, to be named if it never answers: `service VSS`.
  void asking(std::string_view thing);
  /// What could not be learned; the rest goes on.
  void fail(Error problem);
  /// False when the time is over or the answer is too long: nothing more is taken.
  bool is_wanted() const;

 private:
  friend SystemAnswer ask_for(std::string_view thing, int timeout_ms, const std::atomic<bool>* stop,
                              std::function<void(AnswerWriter&)> question);
  void add(std::string_view text);
  bool is_empty() const;
  void end();
  SystemAnswer wait(int timeout_ms, const std::atomic<bool>* stop);

  mutable std::mutex mutex_;
  std::condition_variable ended_;
  SystemAnswer answer_;
  std::string asking_;
  bool is_ended_ = false;
  bool is_wanted_ = true;
};

/// Lets a thread of its own answer `question`, which must hold all it needs: when no answer has come in time, the thread is left
/// behind and the problems name what did not answer: `thing`, until the question says more precisely what it asks.
SystemAnswer ask_for(std::string_view thing, int timeout_ms, const std::atomic<bool>* stop, std::function<void(AnswerWriter&)> question);

/// A question to the system: the words behind its name.
using Question = void (*)(const std::vector<std::string>& words, AnswerWriter& answer);

/// The questions of a `<query>` in the catalogue that this system knows; null for any other. One implementation for each platform.
Question find_question(std::string_view name);

/// Answers a `<query>`: `{"services", "VSS", "swprv"}`. Error: unsupported, not_found (nothing of it is on this system).
Result<SystemAnswer> ask_system(const std::vector<std::string>& words, int timeout_ms, const std::atomic<bool>* stop);

}  // namespace vmtriage
