#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/thread_slots.h"
#include "agent/base/time.h"
#include "agent/deflate/deflater.h"
#include "agent/output_file.h"

namespace vmtriage {

struct ZipOptions {
  Compression compression = Compression::normal;
  std::size_t entry_buffer_bytes =
      4 << 20;                        ///< compressed bytes an open entry holds before it asks for the end of the file
  std::size_t held_bytes = 8 << 20;   ///< closed entries that wait for another's stream to end
};

/// A zip file whose entries are made by several threads at once. A small one is appended to the file when it is closed;
/// one that outgrows its buffer streams to the end of the file, and the others wait in memory meanwhile. Memory:
/// `held_bytes`, and per open entry `entry_buffer_bytes` and what its EntryCompressor takes.
///
/// Local headers are complete (no data descriptors) and Zip64 records stand only where they are needed: Explorer,
/// unzip, 7-Zip, Python and readers that cannot seek take it.
class ZipWriter {
 public:
  class Entry;

  /// Errors: not_found, access_denied, io. See OutputFile for how the target comes to be.
  static Result<std::unique_ptr<ZipWriter>> create(const fs::path& target, ZipOptions options = {});

  ~ZipWriter();  ///< Removes what was not finished. No entry may outlive its writer.
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  /// Starts an entry, from any thread; a thread may have one open entry at a time. The name is made safe
  /// (`safe_entry_name`); one that is taken, letter case ignored, gets `~2`. Bytes that are compressed already are best
  /// stored with `compress` off. A long entry takes help of the threads that are free in `slots`, which must outlive it.
  ///
  /// Errors: io once the file is finished.
  Result<Entry> open(std::string_view name, std::optional<Time> modified, bool compress = true,
                     ThreadSlots* slots = nullptr);

  /// Writes the directory, brings everything to the disk and gives the file its name; its size in bytes.
  ///
  /// Errors: io, also when an entry is still open.
  Result<std::uint64_t> finish();

  /// The size the file would have if it were finished now. From any thread.
  std::uint64_t bytes_written() const;

  /// Names of entries that were closed while another streamed and then found the disk full: they are not in the file.
  std::vector<std::string> lost() const;

 private:
  class File;
  explicit ZipWriter(std::unique_ptr<File> file);

  std::unique_ptr<File> file_;
};

/// An entry being written. After an error it is gone from the file, its room on the disk is free again and other
/// entries may follow: what was stored before can still be finished.
class ZipWriter::Entry {
 public:
  Entry(Entry&&) noexcept;
  Entry& operator=(Entry&&) = delete;
  ~Entry();  ///< Abandons what was not closed.

  /// Errors: io ("out.zip: No space left on device"), too_large (a limit of the account or the file system).
  Status write(std::string_view bytes);
  Status close();
  /// Leaves no trace of the entry in the file. Nothing happens after close().
  void abandon();

  const std::string& name() const;        ///< as it stands in the file
  std::uint64_t size() const;             ///< bytes given to write()
  const std::string& sha256_hex() const;  ///< of those bytes; empty before close()

 private:
  friend class ZipWriter;
  struct State;
  explicit Entry(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace vmtriage
