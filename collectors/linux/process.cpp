#include "collectors/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>

#include "collectors/linux/descriptor.h"
#include "collectors/linux/os_error.h"

namespace vmtriage {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// How long a killed process may take to go. One in uninterruptible sleep (state D) takes for ever.
constexpr std::chrono::seconds kKillGrace{2};
/// How late a stop request or an end that leaves the pipe open may be noticed.
constexpr int kPollMs = 50;

constexpr std::array<std::string_view, 6> kProgramFolders = {"/usr/sbin/", "/usr/bin/",        "/sbin/",
                                                             "/bin/",      "/usr/local/sbin/", "/usr/local/bin/"};

int milliseconds_until(SteadyClock::time_point deadline) {
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(rest, 0));
}

// ---- the processes of this machine ----------------------------------------------------------------------------------

struct ProcessEntry {
  pid_t pid = 0;
  pid_t parent = 0;
  bool zombie = false;
};

/// Reads `/proc/<pid>/stat`: `4711 (a (strange) name) S 4700 4711 …`.
std::optional<ProcessEntry> read_process_entry(pid_t pid) {
  const Descriptor file(open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> buffer{};
  const ssize_t size = file ? read(file.get(), buffer.data(), buffer.size() - 1) : -1;
  if (size <= 0) return std::nullopt;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 4 >= text.size()) return std::nullopt;
  const char state = text[name_end + 2];
  ProcessEntry entry{pid, 0, state == 'Z' || state == 'X'};
  const auto parsed = std::from_chars(text.data() + name_end + 4, text.data() + text.size(), entry.parent);
  if (parsed.ec != std::errc()) return std::nullopt;
  return entry;
}

std::vector<ProcessEntry> list_processes() {
  std::vector<ProcessEntry> entries;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return entries;
  while (const dirent* item = readdir(folder)) {
    const std::string_view name = item->d_name;
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    if (const auto entry = read_process_entry(pid)) entries.push_back(*entry);
  }
  closedir(folder);
  return entries;
}

/// False only when this process certainly has no child, which spares a walk through /proc.
bool may_have_children() {
  siginfo_t info = {};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

std::set<pid_t> own_children() {
  std::set<pid_t> children;
  if (!may_have_children()) return children;
  const pid_t self = getpid();
  for (const ProcessEntry& entry : list_processes()) {
    if (entry.parent == self) children.insert(entry.pid);
  }
  return children;
}

/// Every process below this one, dead or alive, except those below the children in `others`.
std::vector<ProcessEntry> descendants_except(const std::set<pid_t>& others) {
  const std::vector<ProcessEntry> all = list_processes();
  std::map<pid_t, pid_t> parents;
  for (const ProcessEntry& entry : all) parents[entry.pid] = entry.parent;
  const pid_t self = getpid();
  std::vector<ProcessEntry> found;
  for (const ProcessEntry& entry : all) {
    pid_t child = entry.pid;
    // The list is not a snapshot, so a reused number could close a circle: climb no further than there are processes.
    for (std::size_t step = 0; step < all.size(); ++step) {
      const auto parent = parents.find(child);
      if (parent == parents.end() || parent->second == self) break;
      child = parent->second;
    }
    const auto top = parents.find(child);
    if (top != parents.end() && top->second == self && !others.contains(child)) found.push_back(entry);
  }
  return found;
}

/// While it lives, processes whose parent ended become our children, also those in a session of their own: none gets
/// away.
class OrphanAdoption {
 public:
  OrphanAdoption() {
    prctl(PR_GET_CHILD_SUBREAPER, &before_);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    // A parent that ignores SIGCHLD hands that down, and then no exit code can be had.
    struct sigaction current = {};
    sigaction(SIGCHLD, nullptr, &current);
    if (current.sa_handler == SIG_IGN) signal(SIGCHLD, SIG_DFL);
  }
  OrphanAdoption(const OrphanAdoption&) = delete;
  OrphanAdoption& operator=(const OrphanAdoption&) = delete;
  ~OrphanAdoption() { prctl(PR_SET_CHILD_SUBREAPER, before_); }

 private:
  int before_ = 0;
};

// ---- starting -------------------------------------------------------------------------------------------------------

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

/// 0, 1 and 2 are overwritten in the child, so the pipe must not be one of them, even when we were started without.
Descriptor above_standard_streams(int number) {
  Descriptor original(number);
  return original.get() > STDERR_FILENO ? std::move(original) : Descriptor(fcntl(number, F_DUPFD_CLOEXEC, 3));
}

Result<Pipe> open_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return os_error("pipe", errno);
  Pipe pipe{above_standard_streams(ends[0]), above_standard_streams(ends[1])};
  if (!pipe.read_end || !pipe.write_end) return os_error("pipe", errno);
  fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

/// A file that gives the text and then ends.
Result<Descriptor> open_input(const std::string& text) {
  if (text.size() > kMaxInputBytes) return Error{ErrorCode::unsupported, "command: too much input"};
  if (text.empty()) return above_standard_streams(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Result<Pipe> pipe = open_pipe();
  if (!pipe) return pipe.error();
  fcntl(pipe->read_end.get(), F_SETFL, 0);
  if (write(pipe->write_end.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return os_error("pipe", errno);
  return std::move(pipe->read_end);
}

class SpawnSettings {
 public:
  SpawnSettings(int input, int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions_, "/");
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

Error spawn_error(const std::string& program, int number) {
  struct stat info = {};
  if (number == EACCES && stat(program.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) number = EISDIR;
  return os_error(program, number);
}

/// posix_spawn does not copy our memory as fork would, and it reports a program that cannot be executed.
Result<pid_t> spawn(const ProcessSpec& spec, int input, int output) {
  std::string locale = "LC_ALL=C";
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  std::string terminal = "TERM=dumb";
  const std::array<char*, 4> environment = {locale.data(), path.data(), terminal.data(), nullptr};
  std::vector<std::string> words = spec.argv;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const SpawnSettings settings(input, output);
  pid_t pid = 0;
  const int failed =
      posix_spawn(&pid, argv[0], settings.actions(), settings.attributes(), argv.data(), environment.data());
  if (failed != 0) return spawn_error(spec.argv[0], failed);
  return pid;
}

// ---- running --------------------------------------------------------------------------------------------------------

/// A started command. It is not reaped before its tree is ended: until then its number cannot become another process's.
class Command {
 public:
  Command(pid_t pid, Descriptor output, std::set<pid_t> others, const ProcessSpec& spec, const std::atomic<bool>* stop)
      : pid_(pid), pipe_(std::move(output)), others_(std::move(others)), spec_(spec), stop_(stop) {}

  /// Returns when the command ended by itself, or when it shall be ended.
  void follow() {
    const SteadyClock::time_point deadline = started_ + std::chrono::milliseconds(spec_.timeout_ms);
    // Without a pipe that tells of news, only asking again and again is left.
    int pause_ms = 1;
    while (!has_exited()) {
      result_.stopped = stop_ != nullptr && stop_->load();
      result_.timed_out = !result_.stopped && milliseconds_until(deadline) == 0;
      if (result_.stopped || result_.timed_out) return;
      pollfd waiting{pipe_.get(), POLLIN, 0};
      poll(&waiting, pipe_ ? 1 : 0, std::min(pipe_ ? kPollMs : pause_ms, milliseconds_until(deadline)));
      pause_ms = pipe_ ? 1 : std::min(pause_ms * 2, kPollMs);
      read_available();
      if (result_.truncated) return;
    }
  }

  /// Kills and reaps everything that is left of the command.
  void end_tree() {
    read_available();
    const SteadyClock::time_point give_up = SteadyClock::now() + kKillGrace;
    for (int pause_ms = 1; !kill_and_reap(); pause_ms = std::min(pause_ms * 2, kPollMs)) {
      result_.abandoned = SteadyClock::now() >= give_up;
      if (result_.abandoned) break;
      poll(nullptr, 0, pause_ms);
    }
    read_available();
  }

  ProcessOutput take_result() {
    using std::chrono::milliseconds;
    result_.elapsed_ms = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - started_).count();
    return std::move(result_);
  }

  /// What could not be killed. It is still below us, and dies when the kernel lets go of it.
  std::vector<pid_t> left_behind() const {
    std::vector<pid_t> pids;
    if (!result_.abandoned) return pids;
    for (const ProcessEntry& entry : descendants_except(others_)) pids.push_back(entry.pid);
    return pids;
  }

 private:
  bool has_exited() const {
    siginfo_t info = {};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid_;
  }

  void read_available() {
    std::array<char, 64 * 1024> buffer;
    while (pipe_ && !result_.truncated) {
      const ssize_t size = read(pipe_.get(), buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && errno == EAGAIN) return;
      if (size <= 0) {
        pipe_.close();
        return;
      }
      const std::size_t room = spec_.max_output_bytes - result_.output.size();
      result_.truncated = static_cast<std::size_t>(size) > room;
      result_.output.append(buffer.data(), std::min(static_cast<std::size_t>(size), room));
    }
  }

  void reap() {
    int status = 0;
    const pid_t answer = waitpid(pid_, &status, WNOHANG);
    if (answer == 0 || (answer < 0 && errno == EINTR)) return;
    reaped_ = true;
    if (answer < 0) return;
    if (WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result_.signal = WTERMSIG(status);
  }

  /// One round; true when nothing is left.
  bool kill_and_reap() {
    if (!reaped_) kill(-pid_, SIGKILL);
    if (!reaped_) reap();
    if (reaped_ && !may_have_children()) return true;
    const std::vector<ProcessEntry> rest = descendants_except(others_);
    for (const ProcessEntry& entry : rest) {
      if (!entry.zombie) kill(entry.pid, SIGKILL);
      if (entry.zombie && entry.pid != pid_) waitpid(entry.pid, nullptr, WNOHANG);
    }
    return reaped_ && rest.empty();
  }

  const pid_t pid_;
  Descriptor pipe_;
  const std::set<pid_t> others_;
  const ProcessSpec& spec_;
  const std::atomic<bool>* const stop_;
  const SteadyClock::time_point started_ = SteadyClock::now();
  ProcessOutput result_;
  bool reaped_ = false;
};

/// Shared by all calls: orphans can be told apart from another command's only when one command runs at a time.
struct Turn {
  std::mutex mutex;
  std::vector<pid_t> abandoned;  ///< to be reaped when the kernel lets go of them
};

Turn& turn() {
  static Turn shared;
  return shared;
}

}  // namespace

Result<ProcessOutput> run_process(const ProcessSpec& spec, const std::atomic<bool>* stop) {
  if (spec.argv.empty() || !spec.argv[0].starts_with('/')) {
    return Error{ErrorCode::unsupported, (spec.argv.empty() ? "command" : spec.argv[0]) + ": not an absolute path"};
  }
  const std::lock_guard lock(turn().mutex);
  std::erase_if(turn().abandoned, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; });
  const OrphanAdoption adoption;
  std::set<pid_t> others = own_children();
  Result<Pipe> pipe = open_pipe();
  if (!pipe) return pipe.error();
  const Result<Descriptor> input = open_input(spec.input);
  if (!input) return input.error();
  const Result<pid_t> pid = spawn(spec, input->get(), pipe->write_end.get());
  if (!pid) return pid.error();
  pipe->write_end.close();
  Command command(*pid, std::move(pipe->read_end), std::move(others), spec, stop);
  command.follow();
  command.end_tree();
  for (const pid_t left : command.left_behind()) turn().abandoned.push_back(left);
  return command.take_result();
}

std::optional<std::string> find_program(std::string_view name) {
  if (name.empty() || name.find('/') != std::string_view::npos) return std::nullopt;
  for (const std::string_view folder : kProgramFolders) {
    const std::string path = std::string(folder).append(name);
    struct stat info = {};
    if (stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

}  // namespace vmtriage
