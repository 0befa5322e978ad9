#pragma once

struct archive;

namespace vmtriage {

/// Lets a libarchive reader understand what other collectors make: zip, tar, 7z, and gzip, xz, zstd, bzip2, lz4 and lzma around them.
/// Not "all": xar needs an XML library and its character tables, thirty times the size of the rest, and some filters start programs.
void support_archives(::archive* handle);
/// The compressions alone, for one compressed file.
void support_compressions(::archive* handle);

}  // namespace vmtriage
