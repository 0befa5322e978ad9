#pragma once

#include <cstdint>
#include <vector>

#include "analyzers/evtx/decoder.h"
#include "analyzers/evtx/reader.h"

namespace vmtriage {

constexpr std::size_t kEvtxChunkSize = 65'536;
constexpr std::size_t kEvtxChunkHeaderSize = 512;
constexpr std::size_t kEvtxFileHeaderSize = 4096;

std::uint32_t evtx_crc32(std::uint32_t crc, Bytes bytes);
bool has_chunk_signature(Bytes bytes);
bool is_zero(Bytes bytes);
/// The size of the record at `at`, or 0 when none stands there: signature, a size that fits before `limit`, its copy at
/// the end.
std::size_t record_size(Bytes chunk, std::size_t at, std::size_t limit);
/// Where the first record from `at` on stands; `limit` when there is none.
std::size_t find_record(Bytes chunk, std::size_t at, std::size_t limit);

/// Reads the records of one chunk after the other. One per thread.
class ChunkReader {
 public:
  /// `checksums`: whether the file claims to have any. Damages are appended to `damages`.
  ChunkReader(EventFields fields, EvtxConsumer& consumer, std::vector<EvtxDamage>& damages)
      : decoder_(fields), consumer_(consumer), damages_(damages) {}

  /// Reads a whole or cut-off chunk that starts at `offset` of the file. `flush` is called when the consumer keeps too
  /// much; false ends the reading. Returns false when it was ended.
  bool read(Bytes chunk, std::uint64_t offset, bool checksums, const std::function<bool()>& flush);
  std::uint64_t records() const { return records_; }
  std::uint64_t recovered() const { return recovered_; }

 private:
  void check(Bytes chunk, bool checksums);
  std::size_t limit_of(Bytes chunk) const;
  bool read_record(Bytes chunk, std::size_t at, std::size_t size, const std::function<bool()>& flush);
  std::size_t resume(Bytes chunk, std::size_t at, std::size_t limit);
  void shorten_report(std::size_t kept);
  void report_record(Bytes chunk, std::size_t at, std::size_t size);
  void report(std::size_t at, std::uint64_t skipped, std::string what);

  EventDecoder decoder_;
  EvtxConsumer& consumer_;
  std::vector<EvtxDamage>& damages_;
  std::uint64_t offset_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t recovered_ = 0;
  bool header_sound_ = false;
  bool behind_damage_ = false;
};

}  // namespace vmtriage
