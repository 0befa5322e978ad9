#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace vmtriage {

/// How an entry's bytes are made smaller.
///
/// - `fast`: ISA-L's level 1, a tenth of the time of zip -6 for a sixth more bytes;
/// - `normal`: our own search for what logs repeat, a seventh of the time of zip -6 for 7 % more bytes. ISA-L's level 2
///   takes a third less time and leaves 14 % more, its level 3 takes two thirds more time and leaves 12 % more;
/// - `small`: zlib's level 6, which is what zip -6 does.
enum class Compression { stored, fast, normal, small };

/// Compresses blocks, each by itself, which in a row make one raw deflate stream (RFC 1951). One per thread.
class Deflater {
 public:
  /// How far back a block may refer.
  static constexpr std::size_t kWindowBytes = 32 << 10;

  virtual ~Deflater() = default;

  /// Appends the block, which begins and ends with a byte of the stream; the `last` one, which may be empty, ends
  /// the stream. The first `before` bytes of `text` are what stands in front of the block, at most a window of it.
  virtual void add(std::string_view text, std::size_t before, bool last, std::string& out) = 0;
};

/// Takes at most 0.4 MiB; null for `stored`, and when there is no memory for it.
std::unique_ptr<Deflater> new_deflater(Compression compression);

/// The deflaters of a zip file: an entry takes one that another no longer needs.
class DeflaterPool {
 public:
  explicit DeflaterPool(Compression compression) : compression_(compression) {}

  /// As new_deflater.
  std::unique_ptr<Deflater> take();
  void give(std::unique_ptr<Deflater> deflater) noexcept;

 private:
  const Compression compression_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Deflater>> idle_;
};

}  // namespace vmtriage
