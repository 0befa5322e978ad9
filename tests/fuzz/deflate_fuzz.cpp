#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "agent/deflate/deflater.h"

/// What zlib unpacks must be the block, whatever the bytes are. The first three bytes say where the block begins,
/// whether it is the last, and how often the text is repeated: libFuzzer's inputs are short, and what is far back is of
/// interest.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vmtriage;
  constexpr std::size_t kHeadBytes = 3, kMostBytes = 300'000;
  if (size < kHeadBytes) return 0;
  static const std::unique_ptr<Deflater> deflater = new_deflater(Compression::normal);
  const std::string_view once(reinterpret_cast<const char*>(data) + kHeadBytes, size - kHeadBytes);
  std::string repeated(once);
  for (unsigned i = data[2]; i > 0 && repeated.size() + once.size() < kMostBytes; --i) repeated += once;
  // Copied so that a byte too many is seen.
  const std::unique_ptr<char[]> copy(new char[repeated.size()]);
  const std::string_view text(copy.get(), repeated.copy(copy.get(), repeated.size()));
  const std::size_t before = std::min(text.size() * data[0] / 255, Deflater::kWindowBytes);
  std::string packed;
  const bool last = data[1] % 2 != 0;
  deflater->add(text, before, last, packed);
  if (!last) deflater->add({}, 0, true, packed);

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
