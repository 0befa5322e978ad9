#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/text.h"
#include "agent/base/time.h"
#include "collectors/left_out.h"

namespace vmtriage {

/// One file of a bundle and where it came from.
struct ManifestEntry {
  std::string id;           ///< catalogue id (`linux.waagent.log`), or `report` for what this program wrote itself
  std::string origin;       ///< path on the VM or command line; shown with `printable`
  std::string bundle_path;  ///< below the bundle's folder, `files/var/log/waagent.log`
  std::uint64_t size = 0;   ///< bytes as stored
  std::optional<Time> modified;
  std::string sha256;            ///< of the bytes as stored
  std::uint64_t truncated = 0;   ///< bytes of the original that were skipped
  std::string decoded;           ///< what the stored bytes were taken out of (`gzip`), or empty
  std::string obtained;          ///< how they were got, where there is more than one way; or empty
  std::uint64_t redactions = 0;  ///< how many secrets were replaced
  bool redacted = false;         ///< whether secrets were looked for
  std::string error;             ///< why the file is not whole, or empty

  bool operator==(const ManifestEntry&) const = default;
};

struct ManifestHead {
  std::string tool;    ///< `vmtriage 1.2.3`
  std::string bundle;  ///< name of the bundle's folder
  Time created;
  bool partial = false;  ///< the run was stopped, or the disk was full
  Values environment;    ///< what was known about the VM and the run, by name
};

/// Writes manifest.json, a line per file, without holding it in memory:
///
///     {"schema": 1,
///      "tool": "vmtriage 1.2.3", "bundle": "vmtriage_…", "created": "2024-05-01T02:03:04Z", "partial": false,
///      "environment": {…}, "files": [
///       {"path": "files/var/log/waagent.log", "id": "linux.waagent.log", "origin": "/var/log/waagent.log", "size":
///       812,
///        "mtime": "2024-05-01T02:03:04Z", "sha256": "…", "redacted": true, "redactions": 3},
///      …],
///      "left_out": [{"id": "…", "origin": "…", "reason": "not found", "count": 1}]}
///
/// `truncated`, `decoded`, `obtained` ("exported by the event log service") and `error` stand only where they say something. Call
/// add() for every file, then leave_out(), then finish(); each gives back the first error of `write`.
class ManifestWriter {
 public:
  using Write = std::function<Status(std::string_view)>;

  explicit ManifestWriter(Write write);

  Status begin(const ManifestHead& head);
  Status add(const ManifestEntry& entry);
  Status leave_out(const LeftOut& left_out);
  Status finish();

 private:
  enum class Part { files, left_out };

  Status put(Part part, const std::string& line);

  Write write_;
  Part part_ = Part::files;
  bool first_ = true;
};

struct Manifest {
  ManifestHead head;
  std::vector<ManifestEntry> files;
  std::vector<LeftOut> left_out;
};

/// Reads manifest.json. Unknown keys are passed over. However the text is nested, memory and stack stay bounded.
///
/// Errors: corrupt ("manifest.json: …"): no JSON, no `files`, a file without a path or hash, nested too deep;
/// unsupported: another schema.
Result<Manifest> read_manifest(std::string_view json);

}  // namespace vmtriage
