#include "analyzers/evtx/batches.h"

#include <algorithm>
#include <string_view>

namespace vmtriage {
namespace {

constexpr char kFileSignature[] = "ElfFile";  // with its NUL
/// A file without a log's signature is given up when so many chunk places hold no chunk: it is something else.
constexpr std::uint64_t kPlacesWithoutChunk = 16;
constexpr std::string_view kChunkSignature("ElfChnk\0", 8);
constexpr std::size_t kChunkCountAt = 42;
constexpr std::size_t kFlagsAt = 120;
constexpr std::size_t kHeaderCrcAt = 124;
constexpr std::uint32_t kNoChecksumsFlag = 4;
constexpr std::uint32_t kInUseFlag = 1;

}  // namespace

std::size_t ZeroFilledStream::fill(std::span<Byte> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const std::span<Byte> room = buffer.subspan(filled);
    if (zeros_ > 0) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(zeros_, room.size()));
      std::fill_n(room.begin(), size, Byte{0});
      zeros_ -= size;
      filled += size;
    } else if (held_begin_ < held_.size()) {
      const std::size_t size = std::min(held_.size() - held_begin_, room.size());
      std::copy_n(held_.begin() + static_cast<std::ptrdiff_t>(held_begin_), size, room.begin());
      held_begin_ += size;
      filled += size;
    } else if (ended_) {
      break;
    } else {
      filled += read(room);
    }
  }
  return filled;
}

std::size_t ZeroFilledStream::read(std::span<Byte> buffer) {
  Result<std::size_t> got = input_.read({reinterpret_cast<char*>(buffer.data()), buffer.size()});
  if (!got) error_ = got.error();
  const std::size_t size = got ? std::min(*got, buffer.size()) : 0;
  ended_ = size == 0;
  const std::uint64_t holes = input_.hole_bytes ? *input_.hole_bytes : 0;
  zeros_ = holes - known_holes_;
  known_holes_ = holes;
  if (zeros_ == 0) return size;
  held_.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
  held_begin_ = 0;
  return 0;
}

Status BatchSource::open() {
  std::vector<Byte> header(kEvtxFileHeaderSize);
  const std::size_t size = stream_.fill(header);
  if (size == 0 && stream_.error()) return *stream_.error();
  offset_ = size;
  if (size == 0) return Error{ErrorCode::corrupt, "the file is empty"};
  ended_ = size < kEvtxFileHeaderSize;
  check_header(Bytes(header).first(size));
  if (ended_ && !signature_) return Error{ErrorCode::corrupt, "not a Windows event log"};
  return Done{};
}

void BatchSource::check_header(Bytes header) {
  signature_ =
      header.size() >= sizeof kFileSignature && std::memcmp(header.data(), kFileSignature, sizeof kFileSignature) == 0;
  if (!signature_ || header.size() < kHeaderCrcAt + 4) {
    pending_.push_back(
        {0, header.size(), signature_ ? "file header: cut off" : "file header: its signature is missing"});
    return;
  }
  const bool sound = evtx_crc32(0, header.first(kFlagsAt)) == load_u32(header.data() + kHeaderCrcAt);
  if (!sound) pending_.push_back({0, 0, "file header: its checksum is wrong"});
  if (ended_) pending_.push_back({0, 0, "file header: the file ends inside it"});
  const std::uint32_t flags = load_u32(header.data() + kFlagsAt);
  // Garbage in the flags must not switch the checksums off.
  checksums_ = (flags & ~std::uint32_t{7}) != 0 || (flags & kNoChecksumsFlag) == 0;
  in_use_ = sound && (flags & kInUseFlag) != 0;
  if (sound) announced_chunks_ = load_u16(header.data() + kChunkCountAt);
}

bool BatchSource::next(Batch& batch) {
  const bool hopeless = !signature_ && chunks_ == 0 && places_ >= kPlacesWithoutChunk;
  if (done_ || hopeless) return false;
  batch.chunks.clear();
  batch.number = batches_++;
  if (!ended_) {
    skip_holes();
    const std::uint64_t start = offset_ - carry_.size();
    std::copy(carry_.begin(), carry_.end(), batch.buffer.begin());
    const std::size_t fresh = stream_.fill(std::span(batch.buffer).subspan(carry_.size()));
    const std::size_t size = carry_.size() + fresh;
    ended_ = size < batch.buffer.size();
    offset_ += fresh;
    batch.offset = start;
    std::size_t begin = 0;
    while (begin < size && (ended_ || size - begin >= kEvtxChunkSize)) {
      const std::size_t taken = take(batch, begin, size);
      if (taken == 0) break;
      begin += taken;
    }
    carry_.assign(batch.buffer.begin() + begin, batch.buffer.begin() + size);
  }
  if (ended_) finish();
  batch.damages.clear();
  if (is_event_log()) batch.damages.swap(pending_);
  return true;
}

void BatchSource::skip_holes() {
  if (!carry_.empty()) return;
  const std::uint64_t skipped = stream_.skip_zeros(kEvtxChunkSize);
  if (skipped > 0) widen_gap(offset_, skipped, true);
  places_ += skipped / kEvtxChunkSize;
  offset_ += skipped;
}

/// Takes the chunk place at `begin` of the buffer and returns its size: 64 KiB, less before a chunk that stands where
/// it should not, 0 when more of the file is needed to tell.
std::size_t BatchSource::take(Batch& batch, std::size_t begin, std::size_t size) {
  const Bytes place = Bytes(batch.buffer).subspan(begin, std::min(kEvtxChunkSize, size - begin));
  const std::uint64_t offset = batch.offset + begin;
  if (has_chunk_signature(place) || record_size(place, kEvtxChunkHeaderSize, place.size()) != 0) {
    return add_chunk(batch, begin, place.size());
  }
  const bool zero = is_zero(place);
  std::size_t passed = zero ? std::string_view::npos : view_of(place.data(), place.size()).find(kChunkSignature, 1);
  if (passed != std::string_view::npos && begin > 0 && !ended_ &&
      size - begin < kEvtxChunkSize + kChunkSignature.size())
    return 0;
  const Bytes behind = Bytes(batch.buffer).first(size).subspan(begin + place.size());
  if (passed == std::string_view::npos || has_chunk_signature(behind)) passed = place.size();
  // A chunk whose first page was zeroed has neither signature nor first record.
  if (passed == place.size() && !zero && find_record(place, kEvtxChunkHeaderSize, place.size()) < place.size())
    return add_chunk(batch, begin, place.size());
  ++places_;
  widen_gap(offset, passed, zero);
  return passed;
}

std::size_t BatchSource::add_chunk(Batch& batch, std::size_t begin, std::size_t size) {
  end_gap();
  ++places_;
  ++chunks_;
  batch.chunks.push_back({begin, size});
  return size;
}

void BatchSource::widen_gap(std::uint64_t offset, std::uint64_t size, bool zero) {
  if (gap_.size == 0) gap_ = Gap{offset, 0, true};
  gap_.size += size;
  gap_.zero = gap_.zero && zero;
}

void BatchSource::end_gap() {
  if (gap_.size > 0) {
    pending_.push_back(
        {gap_.offset, gap_.size, gap_.zero ? "zeros where a chunk should be" : "bytes that are no chunk"});
  }
  gap_ = Gap{};
}

/// Zeros at the end are room that was reserved and never used.
void BatchSource::finish() {
  done_ = true;
  if (!gap_.zero) end_gap();
  if (stream_.error()) {
    pending_.push_back({offset_, 0, stream_.error()->what});
  } else if (places_ < announced_chunks_) {
    pending_.push_back(
        {offset_, (announced_chunks_ - places_) * kEvtxChunkSize,
         "the file ends after " + std::to_string(places_) + " of " + std::to_string(announced_chunks_) + " chunks"});
  }
}

}  // namespace vmtriage
