#include "analyzers/analyzer.h"

namespace vmtriage {

bool is_superseded(const Artifact& artifact) {
  return artifact.id == "linux.status-json" && artifact.origin.ends_with("_status");
}

Evidence evidence_of(const Artifact& artifact, const Line& line, std::optional<Stamp> stamp) {
  if (!stamp) stamp = find_stamp(line.text, artifact.modified.value_or(now()));
  Evidence evidence;
  evidence.artifact = artifact.id;
  evidence.origin = artifact.origin;
  evidence.line = line.number;
  if (stamp) {
    evidence.time = stamp->time;
    evidence.clock = stamp->clock;
  }
  evidence.excerpt = shorten(printable(trim(line.text.substr(0, 4 * kMaxExcerptBytes))), kMaxExcerptBytes);
  return evidence;
}

}  // namespace vmtriage
