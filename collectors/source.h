#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/artifact.h"
#include "agent/base/blocks.h"
#include "agent/base/result.h"
#include "collectors/left_out.h"

namespace vmtriage {

/// An artifact whose bytes can be read now.
struct OpenedItem {
  ReadBytes read;
  std::vector<Error> problems;  ///< met while opening, reading goes on: a command that ended with an error
  std::shared_ptr<std::uint64_t> hole_bytes;  ///< counted while reading; may be null
  std::shared_ptr<std::uint64_t> lost_bytes = nullptr;  ///< the same for the end that a file lost meanwhile
  std::shared_ptr<bool> cut = nullptr;                  ///< set when reading ended at a limit and there was more
  std::string obtained = {};  ///< how the bytes were got, where there is more than one way: "exported by the event log service"
};

/// An artifact that a source offers.
struct Item {
  Artifact artifact;
  std::uint64_t skipped_bytes = 0;  ///< of its beginning, left out because it is too long
  /// Starts reading; at most once. It may run a command and so take its time.
  std::function<Result<OpenedItem>()> open;
};

/// Where evidence comes from: a running VM, a folder or an archive. The only place that knows.
class Source {
 public:
  virtual ~Source() = default;

  /// The next artifact, in order of value where the source has one; nothing at the end. An Error ends the source: an
  /// archive that breaks off.
  virtual Result<std::optional<Item>> next() = 0;

  /// True when an item must be read to its end before the next one is asked for (archives).
  virtual bool is_sequential() const = 0;

  /// What was met and not offered, and why; complete once `next` has given nothing.
  virtual const LeftOutList& left_out() const = 0;
};

/// Whether the bytes at the start of a file are those of an archive that can be looked into (zip, 7z, tar) or of a
/// compressed stream.
enum class Container { none, archive, compressed };
Container detect_container(std::string_view head);

/// The decompressed bytes of a .gz, .xz, .zst or .bz2 stream. Errors while reading: corrupt when it breaks off.
ReadBytes decompress(ReadBytes read, const std::string& name);

}  // namespace vmtriage
