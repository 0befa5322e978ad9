#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "agent/base/blocks.h"
#include "agent/base/event.h"
#include "agent/base/result.h"
#include "agent/base/thread_slots.h"
#include "analyzers/evtx/decoder.h"

namespace vmtriage {

/// The bytes of an event log, front to back: a file, or an entry of an archive.
struct EvtxInput {
  ReadBytes read;  ///< called by one thread at a time
  /// The bytes of holes that `read` stepped over so far, always before what it returned last; may be null. The reader
  /// puts the zeros back where they shift anything, and passes over the rest.
  std::shared_ptr<const std::uint64_t> hole_bytes;
};

/// A part of the log that could not be read as it should be.
struct EvtxDamage {
  std::uint64_t offset = 0;  ///< in the file
  std::uint64_t skipped =
      0;             ///< bytes that gave no event, or are missing; 0 when all was read all the same (a wrong checksum)
  std::string what;  ///< "chunk: its data checksum is wrong"
};

/// One of the threads that read a log. Its functions are called from that thread only.
struct EvtxConsumer {
  /// Events with other ids are not wanted, whoever logged them; null: any can be. Cheaper than `wants`.
  const EventIds* ids = nullptr;
  /// Asked before strings are made; empty: every event is wanted.
  std::function<bool(const EventHead&)> wants;
  /// Must be set. Takes an event, whose views end with the call. Events come in the file's order within 256 KiB, so
  /// what is made of them is kept until `commit`. True asks for an early `commit`, because too much is kept.
  std::function<bool(const Event&)> event;
  /// Everything taken so far is next in the file's order, across all consumers. False ends the reading.
  std::function<bool()> commit;
};

struct EvtxOptions {
  EventFields fields;
  /// Called in the file's order.
  std::function<void(const EvtxDamage&)> damaged;
  /// Where the threads of all consumers but the first get their slots; null: they all work at once.
  ThreadSlots* slots = nullptr;
};

struct EvtxSummary {
  std::uint64_t bytes = 0;
  std::uint64_t chunks = 0;
  std::uint64_t records = 0;    ///< that could be read, wanted or not
  std::uint64_t recovered = 0;  ///< of the wanted ones, those with Event::recovered
  std::uint64_t damages = 0;
  /// The file was copied while Windows had it open: checksums of its newest chunk may lag behind.
  bool in_use = false;
};

/// Reads a Windows event log (.evtx, format version 3) from its first byte to its last, with one thread per consumer:
/// the caller's own for the first of them, of which there must be one.
///
/// Nothing in the file is trusted. Every checksum is tested; a wrong one is reported and the chunk is read all the
/// same. After bytes that are no record the next one is looked for by its signature and the copy of its size behind it;
/// from there to the chunk's end, in a chunk without signature or out of its place and in one that the file's end cuts
/// off, events are marked as recovered. The file header's chunk count is not used to stop: live logs are written before
/// their header. Slack behind a chunk's last record is not read: it holds stale copies.
///
/// Memory: about 1 MiB per consumer, whatever the file holds.
/// Errors: corrupt when the bytes are no event log at all; the input's own when its first read fails. A later failing
/// read is reported as damage.
Result<EvtxSummary> read_evtx(EvtxInput& input, const EvtxOptions& options, std::span<EvtxConsumer> consumers);

}  // namespace vmtriage
