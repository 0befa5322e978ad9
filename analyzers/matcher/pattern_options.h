#pragma once

#include <re2/re2.h>

namespace vmtriage {

/// How every pattern of a rule is compiled: quietly and in bounded memory. One that needs more is refused where its file is read.
inline re2::RE2::Options pattern_options() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  return options;
}

}  // namespace vmtriage
