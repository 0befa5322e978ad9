#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/artifact.h"
#include "agent/base/result.h"
#include "agent/base/text.h"
#include "agent/manifest.h"
#include "agent/zip_writer.h"

namespace vmtriage {

struct Report;
struct Environment;

/// What is to be said of a stored file in the manifest.
struct StoredAs {
  std::uint64_t skipped_bytes = 0;  ///< of the file's beginning, not stored
  std::string decoded;              ///< "gzip": the file was compressed on the VM and is stored unpacked, with its secrets replaced
  std::uint64_t redactions = 0;
  bool redacted = true;             ///< false: stored as it is, secrets and all (event logs)
  std::string problem;              ///< why the file is not whole
  std::string obtained;             ///< OpenedItem::obtained
};

/// The support-ready zip: evidence while it is read, then the report and the manifest.
class Bundle {
 public:
  /// Creates `<folder>/<name>.zip` as a private temporary. Errors: not_found, access_denied, io.
  static Result<std::unique_ptr<Bundle>> create(const std::string& path, Compression compression);

  /// Starts a file; from any thread. See ZipWriter::open for `slots`. Errors: io.
  Result<ZipWriter::Entry> open(const Artifact& artifact, ThreadSlots* slots = nullptr);
  /// Ends a file and notes it for the manifest; from any thread.
  Status close(ZipWriter::Entry entry, const Artifact& artifact, const StoredAs& stored);

  /// Adds README, report, findings, ticket and manifest and gives the file its name. Sets bundle and bundle_bytes of the report.
  Status finish(Report& report, Language language);

  const std::string& path() const { return path_; }
  std::uint64_t bytes_written() const { return zip_->bytes_written(); }

 private:
  Bundle(std::string path, std::unique_ptr<ZipWriter> zip);
  Status add_text(const std::string& name, const std::string& text);
  Status write_manifest(ZipWriter::Entry& entry, const Report& report);

  std::string path_;
  std::string folder_;  ///< the one folder inside the zip
  std::unique_ptr<ZipWriter> zip_;
  std::mutex mutex_;
  std::vector<ManifestEntry> entries_;
};

/// What is known about the VM, by name: for the manifest and the ticket.
Values environment_values(const Environment& host);

/// `vmtriage_<case>_<host>_<YYYYMMDDTHHMMSSZ>_<6 hex>.zip`: ASCII, at most 110 characters.
std::string bundle_name(const std::string& case_id, const std::string& host, Time time, std::uint32_t random);

}  // namespace vmtriage
