#include "analyzers/evtx/chunk.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace vmtriage {
namespace {

constexpr char kSignature[] = "ElfChnk";  // with its NUL
constexpr std::size_t kFreeSpaceAt = 48;
constexpr std::size_t kDataCrcAt = 52;
constexpr std::size_t kHeaderCrcAt = 124;
constexpr std::size_t kTablesAt = 128;
constexpr std::uint32_t kRecordSignature = 0x00002a2a;
constexpr std::size_t kRecordHeader = 24;
constexpr std::size_t kSmallestRecord = kRecordHeader + 4;
/// A crafted chunk could hold thousands of bad records; after this many the rest is counted in one line.
constexpr std::size_t kMaxDamagesPerChunk = 16;

std::uint32_t header_crc(Bytes chunk) {
  const std::uint32_t crc = evtx_crc32(0, chunk.first(120));
  return evtx_crc32(crc, chunk.subspan(kTablesAt, kEvtxChunkHeaderSize - kTablesAt));
}

}  // namespace

std::uint32_t evtx_crc32(std::uint32_t crc, Bytes bytes) { return crc32_gzip_refl(crc, bytes.data(), bytes.size()); }

bool has_chunk_signature(Bytes bytes) {
  return bytes.size() >= sizeof kSignature && std::memcmp(bytes.data(), kSignature, sizeof kSignature) == 0;
}

bool is_zero(Bytes bytes) {
  return bytes.empty() || (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

std::size_t record_size(Bytes chunk, std::size_t at, std::size_t limit) {
  if (at > limit || limit - at < kSmallestRecord || load_u32(chunk.data() + at) != kRecordSignature) return 0;
  const std::size_t size = load_u32(chunk.data() + at + 4);
  if (size < kSmallestRecord || size > limit - at) return 0;
  return load_u32(chunk.data() + at + size - 4) == size ? size : 0;
}

std::size_t find_record(Bytes chunk, std::size_t at, std::size_t limit) {
  while (at < limit && record_size(chunk, at, limit) == 0) {
    const void* found = std::memchr(chunk.data() + at + 1, 0x2a, limit - at - 1);
    at = found ? static_cast<std::size_t>(static_cast<const Byte*>(found) - chunk.data()) : limit;
  }
  return at;
}

inline bool ChunkReader::read_record(Bytes chunk, std::size_t at, std::size_t size,
                                     const std::function<bool()>& flush) {
  const std::uint64_t written = load_u64(chunk.data() + at + 16);
  const auto wants = [&](const EventHead& head) {
    if (consumer_.ids != nullptr && !contains(*consumer_.ids, head.event_id)) return false;
    return !consumer_.wants || consumer_.wants(head);
  };
  switch (decoder_.decode(at + kRecordHeader, at + size - 4, written, wants)) {
    case EventDecoder::Outcome::damaged:
      report_record(chunk, at, size);
      return true;
    case EventDecoder::Outcome::event:
      ++records_;
      recovered_ += behind_damage_;
      decoder_.event().recovered = behind_damage_;
      return !consumer_.event(decoder_.event()) || flush();
    case EventDecoder::Outcome::rejected:
      break;
  }
  ++records_;
  return true;
}

bool ChunkReader::read(Bytes chunk, std::uint64_t offset, bool checksums, const std::function<bool()>& flush) {
  offset_ = offset;
  const std::size_t known_damages = damages_.size();
  if (chunk.size() < kEvtxChunkHeaderSize) {
    report(0, chunk.size(), "chunk: cut off in its header");
    return true;
  }
  check(chunk, checksums);
  decoder_.start_chunk(chunk);
  const std::size_t limit = limit_of(chunk);
  for (std::size_t at = kEvtxChunkHeaderSize; at < limit;) {
    if (const std::size_t size = record_size(chunk, at, limit)) {
      if (!read_record(chunk, at, size, flush)) return false;
      at += size;
    } else {
      at = resume(chunk, at, limit);
    }
  }
  shorten_report(known_damages + kMaxDamagesPerChunk);
  return true;
}

/// Sums up the damages behind the first `kept` in one line.
void ChunkReader::shorten_report(std::size_t kept) {
  if (damages_.size() <= kept) return;
  const std::size_t more = damages_.size() - kept;
  std::uint64_t skipped = 0;
  for (std::size_t i = kept; i < damages_.size(); ++i) skipped += damages_[i].skipped;
  const std::size_t at = static_cast<std::size_t>(damages_[kept].offset - offset_);
  damages_.resize(kept);
  report(at, skipped, "chunk: " + std::to_string(more) + " more places from here on are damaged");
}

void ChunkReader::check(Bytes chunk, bool checksums) {
  const bool in_place = (offset_ - kEvtxFileHeaderSize) % kEvtxChunkSize == 0;
  behind_damage_ = !has_chunk_signature(chunk) || chunk.size() < kEvtxChunkSize || !in_place;
  header_sound_ = has_chunk_signature(chunk) && header_crc(chunk) == load_u32(chunk.data() + kHeaderCrcAt);
  if (!has_chunk_signature(chunk)) {
    report(0, 0, "chunk: its signature is missing");
  } else if (!header_sound_ && checksums) {
    report(0, 0, "chunk: its header checksum is wrong");
  }
  const std::size_t free_space = load_u32(chunk.data() + kFreeSpaceAt);
  if (chunk.size() < kEvtxChunkSize) {
    report(0, kEvtxChunkSize - chunk.size(),
           "chunk: the file ends inside it, " + std::to_string(kEvtxChunkSize - chunk.size()) + " bytes are missing");
  } else if (free_space < kEvtxChunkHeaderSize || free_space > kEvtxChunkSize) {
    report(0, 0, "chunk: its header gives an impossible end of the records");
  } else if (checksums && evtx_crc32(0, chunk.subspan(kEvtxChunkHeaderSize, free_space - kEvtxChunkHeaderSize)) !=
                              load_u32(chunk.data() + kDataCrcAt)) {
    report(0, 0, "chunk: its data checksum is wrong");
  }
}

/// Where the records end. Without a header that makes sense they are looked for up to the end.
std::size_t ChunkReader::limit_of(Bytes chunk) const {
  const std::size_t free_space = load_u32(chunk.data() + kFreeSpaceAt);
  const bool possible = free_space >= kEvtxChunkHeaderSize && free_space <= kEvtxChunkSize;
  return std::min(chunk.size(), possible && has_chunk_signature(chunk) ? free_space : kEvtxChunkSize);
}

void ChunkReader::report_record(Bytes chunk, std::size_t at, std::size_t size) {
  const std::string number = std::to_string(load_u64(chunk.data() + at + 8));
  report(at, size, "event record " + number + ": " + decoder_.problem());
}

/// Looks for the next record behind a place where none stands.
std::size_t ChunkReader::resume(Bytes chunk, std::size_t at, std::size_t limit) {
  const std::size_t next = find_record(chunk, at + 1, limit);
  const Bytes gap = chunk.subspan(at, next - at);
  const bool slack = next == limit && !header_sound_ && is_zero(gap);
  behind_damage_ = true;
  if (!slack)
    report(at, gap.size(), is_zero(gap) ? "chunk: zeros where records should be" : "chunk: bytes that are no record");
  return next;
}

void ChunkReader::report(std::size_t at, std::uint64_t skipped, std::string what) {
  damages_.push_back(EvtxDamage{offset_ + at, skipped, std::move(what)});
}

}  // namespace vmtriage
