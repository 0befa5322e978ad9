#include "agent/deflater.h"

#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <new>
#include <vector>

namespace vmtriage {
namespace {

/// What the compressors are given to write to at a time.
constexpr std::size_t kRoomBytes = 64 << 10;

class Storer : public Deflater {
 public:
  void add(std::string_view piece, bool, std::string& out) override { out.append(piece); }
};

class IsalDeflater : public Deflater {
 public:
  IsalDeflater(std::uint32_t level, std::size_t work_bytes) : work_(work_bytes), room_(kRoomBytes) {
    isal_deflate_init(&stream_);
    stream_.level = level;
    stream_.level_buf = work_.data();
    stream_.level_buf_size = static_cast<std::uint32_t>(work_.size());
  }

  void add(std::string_view piece, bool last, std::string& out) override {
    // The library reads through a pointer that is not const.
    stream_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<std::uint32_t>(piece.size());
    stream_.end_of_stream = last ? 1 : 0;
    do {
      stream_.next_out = room_.data();
      stream_.avail_out = static_cast<std::uint32_t>(room_.size());
      isal_deflate(&stream_);
      out.append(reinterpret_cast<const char*>(room_.data()), room_.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

 private:
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

  void add(std::string_view piece, bool last, std::string& out) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    do {
      stream_.next_out = room_.data();
      stream_.avail_out = static_cast<uInt>(room_.size());
      deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
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
      return std::make_unique<Storer>();
    case Compression::fast:
      return std::make_unique<IsalDeflater>(1, ISAL_DEF_LVL1_DEFAULT);
    case Compression::normal:
      return std::make_unique<IsalDeflater>(3, ISAL_DEF_LVL3_DEFAULT);
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

}  // namespace vmtriage
