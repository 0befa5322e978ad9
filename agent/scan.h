#pragma once

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "agent/bundle.h"
#include "agent/pace.h"
#include "agent/redactor.h"
#include "agent/report.h"
#include "agent/time_window.h"
#include "analyzers/analyzer.h"
#include "collectors/source.h"

namespace vmtriage {

struct ScanOptions {
  unsigned threads = 2;
  TimeRange range;
  /// Bytes that are kept of a file that was compressed on the VM. The plan's limit knows its packed size only; what lies
  /// behind this one is its newest part, because it is read once and from its beginning.
  std::uint64_t max_unpacked_bytes = std::numeric_limits<std::uint64_t>::max();
  /// Makes the scan take its time; may be null.
  Pace* pace = nullptr;
  /// Called after every file, with the files and bytes read so far; may be empty.
  std::function<void(std::uint64_t files, std::uint64_t bytes)> progress = {};
};

/// The whole product in one pass: every artifact of the source is read once, redacted, analyzed, and written into the bundle when
/// there is one. What cannot be read becomes an entry of the report and the run goes on.
///
/// Fills findings, runs, errors, left_out, files_read, bytes_read and partial of the report. Errors (io): the bundle cannot be
/// written; it is the only thing that ends a scan.
Status scan(Source& source, const std::vector<std::unique_ptr<Analyzer>>& analyzers, const Redactor& redactor, Bundle* bundle,
            const ScanOptions& options, const std::atomic<bool>* stop, Report& report);

/// Replaces every `message=eJ…` of an agent's log (base64 of a zlib stream) that holds a secret once it is unpacked; `block` itself
/// when there is none, else a view of `storage`.
std::string_view redact_packed_messages(const Redactor& redactor, std::string_view block, std::string& storage);

/// Names the artifact of a text that its path did not tell, by its first lines: `linux.waagent.log` for a copied log of any name.
/// `text.unknown` when they could be anything.
std::string recognise_content(std::string_view head);

}  // namespace vmtriage
