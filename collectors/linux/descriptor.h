#pragma once

#include <unistd.h>

#include "collectors/owned.h"

namespace vmtriage {

struct DescriptorTraits {
  using Value = int;
  static constexpr int none() { return -1; }
  static bool is_none(int number) { return number < 0; }
  static void close(int number) { ::close(number); }
};

using Descriptor = Owned<DescriptorTraits>;

}  // namespace vmtriage
