#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "agent/deflate/deflater.h"

/// The first byte says where the block begins: what zlib unpacks must be the block, whatever the bytes are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vmtriage;
  if (size == 0) return 0;
  static const std::unique_ptr<Deflater> deflater = new_deflater(Compression::normal);
  // Copied so that a byte too many is seen.
  const std::unique_ptr<char[]> copy(new char[size - 1]);
  const std::string_view text(
      copy.get(), std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1).copy(copy.get(), size - 1));
  const std::size_t before = text.size() * data[0] / 256;
  std::string packed;
  deflater->add(text, before, true, packed);

  std::string block(text.size() - before + 1, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) std::abort();
  inflateSetDictionary(&stream, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(before));
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(block.data());
  stream.avail_out = static_cast<uInt>(block.size());
  if (inflate(&stream, Z_FINISH) != Z_STREAM_END || stream.avail_in != 0) std::abort();
  block.resize(stream.total_out);
  inflateEnd(&stream);
  if (block != text.substr(before)) std::abort();
  return 0;
}
