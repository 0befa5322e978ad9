#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace vmtriage {

/// How an entry's bytes are made smaller.
///
/// - `fast` and `normal`: ISA-L's levels 1 and 3, a tenth and a seventh of the time of zip -6 for some more bytes;
/// - `small`: zlib's level 6, which is what zip -6 does.
enum class Compression { stored, fast, normal, small };

/// Makes the compressed bytes of one entry, piece by piece: a raw deflate stream (RFC 1951), or the bytes themselves.
class Deflater {
 public:
  virtual ~Deflater() = default;

  /// Appends to `out` what is ready of the bytes given so far; everything after the `last` piece, which may be empty.
  virtual void add(std::string_view piece, bool last, std::string& out) = 0;
};

/// Takes about 0.4 MiB; null when there is no memory for it.
std::unique_ptr<Deflater> new_deflater(Compression compression);

}  // namespace vmtriage
