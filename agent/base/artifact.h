#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/base/time.h"

namespace vmtriage {

/// How the bytes of an artifact are to be understood.
enum class Format { text, json, evtx, opaque };

enum class Encoding { utf8, utf16le, utf16be };

/// One piece of evidence and where it came from. Its bytes travel beside it.
struct Artifact {
  std::string id;           ///< of the catalogue entry it was recognised as (`linux.waagent.log`), else `text.unknown`
  Format format = Format::text;
  std::string origin;       ///< the full path on the VM, the path inside the archive, or the command line
  std::string bundle_path;  ///< where it stands in a bundle, below the bundle's folder: `files/var/log/waagent.log`
  std::optional<std::uint64_t> size;  ///< bytes, when it is known before reading
  std::optional<Time> modified;
  Encoding encoding = Encoding::utf8;
  bool by_content = false;  ///< `id` is a guess from the first lines; the text may hold more than that kind of log
};

}  // namespace vmtriage
