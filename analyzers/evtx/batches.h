#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/base/read_buffer.h"
#include "agent/base/result.h"
#include "analyzers/evtx/chunk.h"
#include "analyzers/evtx/reader.h"

namespace vmtriage {

/// Fills whole buffers from an input that gives what it has, and puts stepped-over holes back as zeros.
class ZeroFilledStream {
 public:
  explicit ZeroFilledStream(EvtxInput& input) : input_(input) {}

  /// Fewer bytes than the buffer holds only at the end or after an error.
  std::size_t fill(std::span<Byte> buffer);
  /// Passes over zeros that are next, by a multiple of `step`; returns how many.
  std::uint64_t skip_zeros(std::uint64_t step) {
    const std::uint64_t skipped = zeros_ / step * step;
    zeros_ -= skipped;
    return skipped;
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  std::size_t read(std::span<Byte> buffer);

  EvtxInput& input_;
  std::uint64_t known_holes_ = 0;
  std::uint64_t zeros_ = 0;  ///< to be given before held_
  std::vector<Byte> held_;   ///< read behind a hole, not given yet
  std::size_t held_begin_ = 0;
  bool ended_ = false;
  std::optional<Error> error_;
};

/// Large enough to read fast, small enough to stay in a core's cache until it is decoded.
constexpr std::size_t kBatchSize = 4 * kEvtxChunkSize;

/// A few chunks in a row and what was wrong before and between them.
struct Batch {
  struct Chunk {
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  ReadBuffer<Byte> buffer = ReadBuffer<Byte>(kBatchSize);
  std::vector<Chunk> chunks;
  std::vector<EvtxDamage> damages;
  std::uint64_t number = 0;
  std::uint64_t offset = 0;  ///< of the buffer in the file
};

/// Cuts the file into batches.
class BatchSource {
 public:
  explicit BatchSource(EvtxInput& input) : stream_(input) {}

  /// Reads the file header.
  Status open();
  /// False at the end of the file.
  bool next(Batch& batch);
  bool checksums() const { return checksums_; }
  bool in_use() const { return in_use_; }
  std::uint64_t bytes() const { return offset_; }
  std::uint64_t chunks() const { return chunks_; }
  /// Whether anything in the file belongs to an event log.
  bool is_event_log() const { return signature_ || chunks_ > 0; }

 private:
  /// Chunk places in a row that hold no chunk.
  struct Gap {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    bool zero = true;
  };

  void check_header(Bytes header);
  void skip_holes();
  std::size_t take(Batch& batch, std::size_t begin, std::size_t size);
  std::size_t add_chunk(Batch& batch, std::size_t begin, std::size_t size);
  void widen_gap(std::uint64_t offset, std::uint64_t size, bool zero);
  void end_gap();
  void finish();

  ZeroFilledStream stream_;
  std::uint64_t offset_ = 0;
  std::uint64_t batches_ = 0;
  std::uint64_t chunks_ = 0;
  std::uint64_t places_ = 0;
  std::uint64_t announced_chunks_ = 0;
  bool signature_ = false;
  bool checksums_ = true;
  bool in_use_ = false;  ///< Windows had not closed the file
  bool ended_ = false;   ///< nothing is left to be read
  bool done_ = false;
  std::vector<Byte> carry_;  ///< read, but not yet a whole chunk
  Gap gap_;
  std::vector<EvtxDamage> pending_;
};

}  // namespace vmtriage
