#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "collectors/plan.h"
#include "tests/agent/scratch_folder.h"

namespace vmtriage {

/// A copied VM in a temporary folder.
class Plans : public testing::Test {
 protected:
  Plans() { options_.root = folder_.path(); }

  void file(const std::string& path, const std::string& text = "x\n") {
    const std::filesystem::path whole = folder_.path() + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << text;
  }
  Plan plan() { return make_plan(Catalog::built_in(), options_, nullptr); }

  static std::vector<std::string> paths(const Plan& plan) {
    std::vector<std::string> found;
    for (const PlannedItem& item : plan.items) found.push_back(item.path);
    return found;
  }
  static std::string reason(const Plan& plan, const std::string& path) {
    for (const LeftOut& entry : plan.left_out.entries()) {
      if (entry.origin == path) return entry.reason;
    }
    return "";
  }
  static bool has(const Plan& plan, const std::string& path) {
    const auto all = paths(plan);
    return std::find(all.begin(), all.end(), path) != all.end();
  }

  ScratchFolder folder_;
  PlanOptions options_;
};

}  // namespace vmtriage
