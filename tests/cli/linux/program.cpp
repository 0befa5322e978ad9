#include "tests/cli/program.h"

#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>

#include "tests/cli/linux/ordinary_user.h"

namespace vmtriage {
namespace {

std::vector<char*> pointers(Arguments& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

struct Program::Process {
  ScratchFolder folder;
  int time_limit_s = 0;
  pid_t pid = 0;

  int open_for_output(const char* name) const {
    return open(folder.file(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  }
};

std::string built_program() { return VMTRIAGE_BINARY; }

Program::Program(const Arguments& arguments, const RunOptions& options) : process_(std::make_unique<Process>()) {
  process_->time_limit_s = options.time_limit_s;
  const std::string program = options.program.empty() ? built_program() : options.program;
  Arguments argv = {program};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  Arguments environment = {"PATH=/usr/bin:/bin", "HOME=/nonexistent", "LC_ALL=C.UTF-8", "TERM=dumb"};
  environment.insert(environment.end(), options.environment.begin(), options.environment.end());
  std::vector<char*> argv_pointers = pointers(argv), environment_pointers = pointers(environment);
  const int out = process_->open_for_output("out"), err = process_->open_for_output("err");
  const OrdinaryUser user;
  // The peak that the kernel tells of a program includes what the process was before it became that program: this one.
  malloc_trim(0);
  process_->pid = fork();
  if (process_->pid == 0) {
    const int input = open("/dev/null", O_RDONLY);
    dup2(input, 0);
    dup2(out, 1);
    dup2(err, 2);
    if (!options.folder.empty() && chdir(options.folder.c_str()) != 0) _exit(126);
    if (options.ordinary_user && is_root() &&
        (setgroups(0, nullptr) != 0 || setgid(user.group) != 0 || setuid(user.user) != 0)) {
      _exit(126);
    }
    execve(program.c_str(), argv_pointers.data(), environment_pointers.data());
    _exit(127);
  }
  close(out);
  close(err);
}

Program::~Program() {
  if (process_->pid > 0) wait();
}

long Program::pid() const { return process_->pid; }

bool Program::has_ended() const {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(process_->pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

Outcome Program::wait() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(process_->time_limit_s);
  while (!has_ended() && std::chrono::steady_clock::now() < end) poll(nullptr, 0, 2);
  if (!has_ended()) {
    ADD_FAILURE() << "no end after " << process_->time_limit_s << " s";
    kill(process_->pid, SIGKILL);
  }
  int status = 0;
  rusage usage = {};
  wait4(process_->pid, &status, 0, &usage);
  process_->pid = 0;
  Outcome outcome;
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.crash = "signal " + std::to_string(WTERMSIG(status));
  outcome.peak_kib = usage.ru_maxrss;
  outcome.out = read_bytes(process_->folder.file("out"));
  outcome.err = read_bytes(process_->folder.file("err"));
  EXPECT_EQ(outcome.crash, "") << outcome.err;
  return outcome;
}

LiveTurn::LiveTurn(const ScratchFolder& scratch) {
  for (const char* name : {"out", "run"}) {
    std::filesystem::create_directories(scratch.file(name));
    OrdinaryUser().take_over(scratch.file(name));
  }
  options_.ordinary_user = true;
  options_.environment = {"XDG_RUNTIME_DIR=" + scratch.file("run")};
}

LiveTurn::~LiveTurn() = default;

}  // namespace vmtriage
