#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/agent/scratch_folder.h"

namespace vmtriage {

using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

/// How a run of the program ended.
struct Outcome {
  int exit_code = -1;  ///< -1 when a signal ended it
  int signal = 0;
  std::string out, err;
  long peak_kib = 0;

  Json report() const { return Json::parse(out, nullptr, false); }
};

/// What the program may use at most, whatever it is given.
inline void expect_little_memory(const Outcome& outcome) {
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_LE(outcome.peak_kib, 64 * 1024);
#endif
  ::testing::Test::RecordProperty("peak_kib", std::to_string(outcome.peak_kib));
}

inline bool is_root() { return geteuid() == 0; }

/// Somebody who may read only what everybody may: `nobody` when the tests run as root, else the user of the tests.
struct OrdinaryUser {
  uid_t user = geteuid();
  gid_t group = getegid();

  OrdinaryUser() {
    const passwd* nobody = is_root() ? getpwnam("nobody") : nullptr;
    if (nobody == nullptr) return;
    user = nobody->pw_uid;
    group = nobody->pw_gid;
  }
  void take_over(const std::string& path) const { EXPECT_EQ(lchown(path.c_str(), user, group), 0) << path; }
};

struct RunOptions {
  bool ordinary_user = false;
  std::vector<std::string> environment;  ///< NAME=value, on top of a small fixed one
  std::string folder;                    ///< the working directory
  int time_limit_s = 100;
};

/// The built program while it runs. Its output goes to files, so that nobody has to read along.
class Program {
 public:
  Program(const Arguments& arguments, const RunOptions& options = {}) : time_limit_s_(options.time_limit_s) {
    Arguments argv = {VMTRIAGE_BINARY};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    Arguments environment = {"PATH=/usr/bin:/bin", "HOME=/nonexistent", "LC_ALL=C.UTF-8", "TERM=dumb"};
    environment.insert(environment.end(), options.environment.begin(), options.environment.end());
    std::vector<char*> argv_pointers = pointers(argv), environment_pointers = pointers(environment);
    const int out = open_for_output("out"), err = open_for_output("err");
    const OrdinaryUser user;
    pid_ = fork();
    if (pid_ == 0) {
      const int input = open("/dev/null", O_RDONLY);
      dup2(input, 0);
      dup2(out, 1);
      dup2(err, 2);
      if (!options.folder.empty() && chdir(options.folder.c_str()) != 0) _exit(126);
      if (options.ordinary_user && is_root() &&
          (setgroups(0, nullptr) != 0 || setgid(user.group) != 0 || setuid(user.user) != 0)) {
        _exit(126);
      }
      execve(VMTRIAGE_BINARY, argv_pointers.data(), environment_pointers.data());
      _exit(127);
    }
    close(out);
    close(err);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (pid_ > 0) wait();
  }

  pid_t pid() const { return pid_; }
  void send(int signal) const { kill(pid_, signal); }
  bool has_ended() const {
    siginfo_t info = {};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
  }

  Outcome wait() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(time_limit_s_);
    while (!has_ended() && std::chrono::steady_clock::now() < end) poll(nullptr, 0, 2);
    if (!has_ended()) {
      ADD_FAILURE() << "no end after " << time_limit_s_ << " s";
      send(SIGKILL);
    }
    int status = 0;
    rusage usage = {};
    wait4(pid_, &status, 0, &usage);
    pid_ = 0;
    Outcome outcome;
    if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
    outcome.peak_kib = usage.ru_maxrss;
    outcome.out = read_bytes(folder_.file("out"));
    outcome.err = read_bytes(folder_.file("err"));
    EXPECT_EQ(outcome.signal, 0) << outcome.err;
    return outcome;
  }

 private:
  static std::vector<char*> pointers(Arguments& words) {
    std::vector<char*> list;
    for (std::string& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return list;
  }
  int open_for_output(const char* name) const {
    return open(folder_.file(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  }

  ScratchFolder folder_;
  int time_limit_s_;
  pid_t pid_ = 0;
};

inline Outcome run_program(const Arguments& arguments, const RunOptions& options = {}) {
  return Program(arguments, options).wait();
}

/// A finished bundle, unpacked.
struct Unpacked {
  std::string zip;     ///< its path
  std::string folder;  ///< what it holds
  Json manifest, findings;

  std::string file(std::string_view name) const { return read_bytes(folder + "/" + std::string(name)); }
  bool has(std::string_view name) const { return std::filesystem::exists(folder + "/" + std::string(name)); }
};

/// A copied VM below `root_`, healthy until a test makes it sick, and a folder for what is written.
class CliTest : public ::testing::Test {
 protected:
  CliTest() : root_(scratch_.file("vm")), target_(scratch_.file("target")) {
    std::filesystem::create_directories(root_);
    std::filesystem::create_directories(target_);
    put("etc/hostname", "vm1\n");
    put("etc/os-release", "PRETTY_NAME=\"Ubuntu 22.04.4 LTS\"\n");
    put("var/log/syslog", "May  1 10:00:00 vm1 systemd[1]: Started Daily apt download activities.\n");
  }

  /// Writes a file of the VM with the folders above it; its path.
  std::string put(std::string_view name, std::string_view text) const {
    const std::string path = vm_path(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    write_bytes(path, text);
    return path;
  }
  void link(std::string_view target, std::string_view name) const {
    std::filesystem::create_directories(std::filesystem::path(vm_path(name)).parent_path());
    std::filesystem::create_symlink(target, vm_path(name));
  }
  std::string vm_path(std::string_view name) const { return root_ + "/" + std::string(name); }

  static Outcome analyze(const std::string& path, const Arguments& more = {}, const RunOptions& options = {}) {
    Arguments arguments = {"analyze", path, "--format", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, options);
  }
  Outcome analyze() const { return analyze(root_); }

  Arguments collect_arguments(const Arguments& more = {}) const {
    Arguments arguments = {"collect", "--root", root_, "-o", target_, "--batch"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  Outcome collect(const Arguments& more = {}, const RunOptions& options = {}) const {
    return run_program(collect_arguments(more), options);
  }

  /// A run of the real VM that has its own lock, so that it disturbs nobody. `more` is the command line.
  Outcome collect_live(const Arguments& more) const {
    Arguments arguments = {"collect", "-o", shared_folder("out")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, live());
  }
  RunOptions live() const {
    RunOptions options;
    options.ordinary_user = true;
    options.environment = {"XDG_RUNTIME_DIR=" + shared_folder("run")};
    return options;
  }
  /// A folder of the ordinary user.
  std::string shared_folder(std::string_view name) const {
    const std::string path = scratch_.file(name);
    std::filesystem::create_directories(path);
    OrdinaryUser().take_over(path);
    return path;
  }

  /// The bundle whose path a run printed with --batch.
  Unpacked unpack(const Outcome& outcome) const {
    std::string path = outcome.out.substr(0, outcome.out.find('\n'));
    EXPECT_TRUE(std::filesystem::is_regular_file(path)) << outcome.out << outcome.err;
    return unpack_file(path);
  }
  Unpacked unpack_file(const std::string& path) const {
    Unpacked bundle;
    bundle.zip = path;
    const std::string into = scratch_.file("unpacked-" + std::to_string(unpacked_++));
    EXPECT_EQ(run_quietly("unzip -tq '" + path + "'"), 0);
    EXPECT_EQ(run_quietly("unzip -q '" + path + "' -d '" + into + "'"), 0);
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(into, failure)) bundle.folder = entry.path().string();
    bundle.manifest = Json::parse(bundle.file("manifest.json"), nullptr, false);
    bundle.findings = Json::parse(bundle.file("findings.json"), nullptr, false);
    EXPECT_TRUE(bundle.manifest.is_object() && bundle.findings.is_object()) << path;
    return bundle;
  }

  std::size_t files_in_target() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(target_), {}));
  }

  ScratchFolder scratch_;
  std::string root_, target_;

 private:
  mutable int unpacked_ = 0;
};

/// All that findings.json says about why something could not be read wholly, `origin: reason` in lines; only about
/// origins that hold `part`.
inline std::string said_about(const Json& report, std::string_view part) {
  std::string text;
  if (!report.is_object()) return "no report";
  const auto add = [&](const Json& row, const char* reason) {
    const std::string origin = row["origin"], what = row[reason];
    if (origin.find(part) != std::string::npos || what.find(part) != std::string::npos)
      text += origin + ": " + what + "\n";
  };
  for (const Json& row : report["artifacts"]["left_out"]) add(row, "reason");
  for (const Json& row : report["errors"]) add(row, "what");
  return text;
}

}  // namespace vmtriage
