#pragma once

#include "tests/analyzers/evtx_writer.h"
#include "tests/cli/cli.h"

namespace vmtriage {

/// A log in which a writer fails, in each of two chunks.
inline std::string failing_log() {
  using namespace evtx_writer;
  std::vector<std::string> chunks;
  for (std::uint64_t id : {1, 9}) {
    ChunkWriter chunk;
    chunk.record(id, classic_event({.record_id = id},
                                   {"0x800423f4, The writer experienced a non-transient error.",
                                    "\nContext:\n   Writer Class Id: {a6ad56c2-b509-4e6c-bb19-49d8f43532f0}\n   Writer "
                                    "Name: WMI Writer\n"},
                                   ""));
    chunks.push_back(chunk.finish());
  }
  return file_of(chunks);
}

}  // namespace vmtriage
