/* The one function that libarchive's zip writer needs of archive_write_set_format.c, which names every other writer too. */
#include "archive_platform.h"
#include "archive.h"
#include "archive_entry.h"
#include "archive_private.h"
#include "archive_write_private.h"

void __archive_write_entry_filetype_unsupported(struct archive* archive, struct archive_entry* entry, const char* format) {
  (void)entry;
  archive_set_error(archive, ARCHIVE_ERRNO_FILE_FORMAT, "%s archives cannot hold files of this type", format);
}
