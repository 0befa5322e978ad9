#pragma once

namespace vmtriage {

/// The examples in --help that name a path or need more rights, as they are typed on this system.
struct Examples {
  const char* overview;
  const char* collect;
  const char* analyze;
};
extern const Examples kExamples;

}  // namespace vmtriage
