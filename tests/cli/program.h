#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/agent/scratch_folder.h"

namespace vmtriage {

using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

/// How a run of the program ended.
struct Outcome {
  int exit_code = -1;  ///< -1 when it crashed or was killed
  std::string crash;   ///< "signal 11", "exception 0xC0000005"; empty for an end in good order
  std::string out, err;
  long peak_kib = 0;  ///< 0 where the system does not tell

  Json report() const { return Json::parse(out, nullptr, false); }
};

struct RunOptions {
  bool ordinary_user = false;                 ///< without the rights of root or an administrator
  std::vector<std::string> environment = {};  ///< NAME=value, on top of a small fixed one, on Windows of the tests' own
  std::string folder = {};                    ///< the working directory
  int time_limit_s = 300;  ///< only a hang takes so long, also on a machine with much else to do
  std::string program = {};  ///< instead of the built one
};

/// The path of the built program.
std::string built_program();

/// The built program while it runs: without input, its output in files, so that nobody has to read along. A run that
/// takes longer than its limit is killed and fails the test, and so does one that crashes.
class Program {
 public:
  explicit Program(const Arguments& arguments, const RunOptions& options = {});
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  long pid() const;
  bool has_ended() const;
  Outcome wait();

 private:
  struct Process;
  std::unique_ptr<Process> process_;
};

inline Outcome run_program(const Arguments& arguments, const RunOptions& options = {}) {
  return Program(arguments, options).wait();
}

/// Held while the program works on the real VM, where the lock of the machine would turn a second run away: on Linux
/// each turn has a lock file of its own, elsewhere the test processes take turns. The bundle goes to the folder `out`
/// of `scratch`.
class LiveTurn {
 public:
  explicit LiveTurn(const ScratchFolder& scratch);
  LiveTurn(const LiveTurn&) = delete;
  LiveTurn& operator=(const LiveTurn&) = delete;
  ~LiveTurn();

  const RunOptions& options() const { return options_; }

 private:
  RunOptions options_;
  void* mutex_ = nullptr;
};

}  // namespace vmtriage
