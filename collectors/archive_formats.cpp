#include "collectors/archive_formats.h"

#include <archive.h>

namespace vmtriage {

void support_archives(::archive* handle) {
  support_compressions(handle);
  archive_read_support_format_zip(handle);
  archive_read_support_format_tar(handle);
  archive_read_support_format_gnutar(handle);
  archive_read_support_format_7zip(handle);
  archive_read_support_format_cpio(handle);
}

void support_compressions(::archive* handle) {
  archive_read_support_filter_gzip(handle);
  archive_read_support_filter_xz(handle);
  archive_read_support_filter_lzma(handle);
  archive_read_support_filter_zstd(handle);
  archive_read_support_filter_bzip2(handle);
  archive_read_support_filter_lz4(handle);
  archive_read_support_filter_compress(handle);
}

}  // namespace vmtriage
