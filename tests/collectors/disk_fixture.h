#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "collectors/environment.h"
#include "tests/agent/scratch_folder.h"

namespace vmtriage {

/// A copied disk.
class DiskTest : public testing::Test {
 protected:
  DiskTest() { std::filesystem::create_directory(root_); }

  void write(const std::string& path, std::string_view text) {
    const std::filesystem::path full = root_ / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary) << text;
  }
  Environment read() const {
    EnvironmentQuery query;
    query.root = root_.string();
    return read_environment(query);
  }

  ScratchFolder folder_;
  std::filesystem::path root_ = folder_.file("root");
};

}  // namespace vmtriage
