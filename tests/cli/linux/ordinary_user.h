#pragma once

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <string>

namespace vmtriage {

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

}  // namespace vmtriage
