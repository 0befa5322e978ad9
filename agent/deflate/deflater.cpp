#include "agent/deflate/deflater.h"

#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <new>
#include <utility>

#include "agent/deflate/block_writer.h"
#include "agent/deflate/match_finder.h"

namespace vmtriage {
namespace {

/// What the compressors are given to write to at a time.
constexpr std::size_t kRoomBytes = 64 << 10;

// Both libraries read through pointers that are not const.
std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

class LogDeflater : public Deflater {
 public:
  void add(std::string_view text, std::size_t before, bool last, std::string& out) override {
    BlockWriter writer(out);
    finder_.begin(text, before);
    std::size_t from = before;
    while (from < text.size() || last) {
      const auto tokens = finder_.next();
      const std::size_t to = finder_.position();
      const bool ends = last && to == text.size();
      writer.write(tokens, text.substr(from, to - from), ends);
      if (ends) return;
      from = to;
    }
    writer.flush();
  }

 private:
  MatchFinder finder_;
};

class IsalDeflater : public Deflater {
 public:
  IsalDeflater(std::uint32_t level, std::size_t work_bytes) : level_(level), work_(work_bytes), room_(kRoomBytes) {}

  void add(std::string_view text, std::size_t before, bool last, std::string& out) override {
    const std::string_view block = text.substr(before);
    isal_deflate_init(&stream_);
    stream_.level = level_;
    stream_.level_buf = work_.data();
    stream_.level_buf_size = static_cast<std::uint32_t>(work_.size());
    if (before > 0) isal_deflate_set_dict(&stream_, bytes_of(text), static_cast<std::uint32_t>(before));
    stream_.flush = last ? NO_FLUSH : SYNC_FLUSH;
    stream_.end_of_stream = last ? 1 : 0;
    stream_.next_in = bytes_of(block);
    stream_.avail_in = static_cast<std::uint32_t>(block.size());
    do {
      stream_.next_out = room_.data();
      stream_.avail_out = static_cast<std::uint32_t>(room_.size());
      isal_deflate(&stream_);
      out.append(reinterpret_cast<const char*>(room_.data()), room_.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

 private:
  const std::uint32_t level_;
  std::vector<std::uint8_t> work_;
  std::vector<std::uint8_t> room_;
  isal_zstream stream_;
};

class ZlibDeflater : public Deflater {
 public:
  explicit ZlibDeflater(int level) : room_(kRoomBytes) {
    constexpr int kRawDeflate = -MAX_WBITS, kDefaultMemory = 8;
    if (deflateInit2(&stream_, level, Z_DEFLATED, kRawDeflate, kDefaultMemory, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ZlibDeflater(const ZlibDeflater&) = delete;  // zlib holds its address
  ZlibDeflater& operator=(const ZlibDeflater&) = delete;
  ~ZlibDeflater() override { deflateEnd(&stream_); }

  void add(std::string_view text, std::size_t before, bool last, std::string& out) override {
    const std::string_view block = text.substr(before);
    deflateReset(&stream_);
    if (before > 0) deflateSetDictionary(&stream_, bytes_of(text), static_cast<uInt>(before));
    stream_.next_in = bytes_of(block);
    stream_.avail_in = static_cast<uInt>(block.size());
    do {
      stream_.next_out = room_.data();
      stream_.avail_out = static_cast<uInt>(room_.size());
      deflate(&stream_, last ? Z_FINISH : Z_SYNC_FLUSH);
      out.append(reinterpret_cast<const char*>(room_.data()), room_.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

 private:
  std::vector<Bytef> room_;
  z_stream stream_{};
};

std::unique_ptr<Deflater> make(Compression compression) {
  switch (compression) {
    case Compression::stored:
      return nullptr;
    case Compression::fast:
      return std::make_unique<IsalDeflater>(1, ISAL_DEF_LVL1_DEFAULT);
    case Compression::normal:
      return std::make_unique<LogDeflater>();
    case Compression::small:
      return std::make_unique<ZlibDeflater>(6);
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<Deflater> new_deflater(Compression compression) {
  try {
    return make(compression);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

std::unique_ptr<Deflater> DeflaterPool::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return new_deflater(compression_);
  auto deflater = std::move(idle_.back());
  idle_.pop_back();
  return deflater;
}

void DeflaterPool::give(std::unique_ptr<Deflater> deflater) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    if (deflater) idle_.push_back(std::move(deflater));
  } catch (const std::bad_alloc&) {  // then it is not kept
  }
}

}  // namespace vmtriage
