#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/agent/scratch_folder.h"
#include "tests/cli/archives.h"
#include "tests/cli/program.h"

namespace vmtriage {

/// What the program may use at most, whatever it is given.
inline void expect_little_memory(const Outcome& outcome) {
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_LE(outcome.peak_kib, 64 * 1024);
#endif
  ::testing::Test::RecordProperty("peak_kib", std::to_string(outcome.peak_kib));
}

inline std::ptrdiff_t lines(std::string_view text) { return std::count(text.begin(), text.end(), '\n'); }

inline bool finds(const Json& report, std::string_view rule) {
  const Json& findings = report["findings"];
  return std::any_of(findings.begin(), findings.end(), [&](const Json& finding) { return finding["rule_id"] == rule; });
}

/// Appends `block` until `size` bytes are written.
inline void fill(const std::string& path, std::uint64_t size, std::string_view block) {
  std::ofstream stream(std::filesystem::path(path), std::ios::binary | std::ios::app);
  for (std::uint64_t written = 0; written < size && stream; written += block.size()) {
    stream.write(block.data(), static_cast<std::streamsize>(std::min<std::uint64_t>(block.size(), size - written)));
  }
}

/// Text that neither shrinks much nor holds a line break.
inline std::string long_words(std::size_t size) {
  std::string text = noise(size);
  for (char& c : text)
    c = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"[static_cast<unsigned char>(c) % 64];
  return text;
}

/// A finished bundle, unpacked.
struct Unpacked {
  std::string zip;     ///< its path
  std::string folder;  ///< what it holds
  Json manifest, findings;

  std::string file(std::string_view name) const { return read_bytes(folder + "/" + std::string(name)); }
  bool has(std::string_view name) const { return std::filesystem::exists(folder + "/" + std::string(name)); }
  /// Whether any file holds `text`.
  bool holds(std::string_view text) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file() && read_bytes(entry.path().string()).find(text) != std::string::npos) return true;
    }
    return false;
  }
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

  /// A run of the real VM. `more` is the command line.
  Outcome collect_live(const Arguments& more) const {
    const LiveTurn turn(scratch_);
    Arguments arguments = {"collect", "-o", scratch_.file("out")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, turn.options());
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
    for (const ZipEntry& entry : read_zip(path)) {
      const std::string file = into + "/" + entry.name;
      std::filesystem::create_directories(file.substr(0, file.rfind('/')));
      if (!entry.name.ends_with('/')) write_bytes(file, entry.bytes);
      if (bundle.folder.empty()) bundle.folder = into + "/" + entry.name.substr(0, entry.name.find('/'));
    }
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

/// The paths below files/ that were collected, of those that hold `part`.
inline std::set<std::string> collected(const Unpacked& bundle, std::string_view part = "") {
  std::set<std::string> paths;
  for (const Json& file : bundle.manifest["files"]) {
    const std::string path = file["path"];
    if (path.starts_with("files/") && path.find(part) != std::string::npos) paths.insert(path.substr(6));
  }
  return paths;
}

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
