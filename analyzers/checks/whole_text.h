#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "analyzers/analyzer.h"

namespace vmtriage {

/// Understands the whole text of an artifact.
using ReadWhole = std::function<void(const Artifact&, std::string_view text, Insights&)>;

/// A scan for artifacts that only make sense as a whole (configuration, JSON, the output of a command): keeps the text
/// and hands it to `read` at the end. A text above `max_bytes` is not read but reported as too_large.
std::unique_ptr<Scan> scan_whole(const Artifact& artifact, ReadWhole read, std::size_t max_bytes);

/// What no configuration file or command output exceeds.
inline constexpr std::size_t kMaxSmallText = 4 << 20;

}  // namespace vmtriage
