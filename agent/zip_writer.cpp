#include "agent/zip_writer.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <set>
#include <utility>

#include "agent/base/text.h"
#include "agent/entry_name.h"
#include "agent/sha256.h"
#include "agent/zip_format.h"

namespace vmtriage {
namespace {

/// What is hashed and then compressed while it is in the cache.
constexpr std::size_t kSliceBytes = 64 << 10;
/// What a streaming entry collects before it writes.
constexpr std::size_t kStreamBytes = 1 << 20;
constexpr std::size_t kDirectoryBlockBytes = 1 << 20;
/// The 64-bit form of what libarchive writes behind an entry's bytes: signature, CRC, two sizes.
constexpr std::size_t kDescriptorBytes = 24;
/// libarchive deflates whatever has no size, so a stored entry claims one that is never reached.
constexpr la_int64_t kEndlessSize = std::numeric_limits<la_int64_t>::max() / 4;

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) value = value << 8 | static_cast<unsigned char>(*byte);
  return value;
}

struct ArchiveDeleter {
  void operator()(archive* handle) const { archive_write_free(handle); }
  void operator()(archive_entry* handle) const { archive_entry_free(handle); }
};

/// One libarchive zip writer for one entry. It keeps the entry's bytes and drops what libarchive puts around them:
/// names never go through libarchive, whose setters crash or garble them in one locale or another.
class Encoder {
 public:
  explicit Encoder(int level) : level_(level) {}
  Encoder(const Encoder&) = delete;  // libarchive holds its address
  Encoder& operator=(const Encoder&) = delete;

  Status start() {
    archive_.reset(archive_write_new());
    archive* handle = archive_.get();
    const std::string level(1, static_cast<char>('0' + level_));
    const bool ready =
        handle != nullptr && archive_write_set_format_zip(handle) == ARCHIVE_OK &&
        archive_write_set_format_option(handle, "zip", "compression-level", level.c_str()) == ARCHIVE_OK &&
        archive_write_set_bytes_per_block(handle, 0) == ARCHIVE_OK &&
        archive_write_open(handle, this, nullptr, &Encoder::take, nullptr) == ARCHIVE_OK;
    if (!ready) return failure();
    const std::unique_ptr<archive_entry, ArchiveDeleter> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), "x");
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    if (level_ == 0) archive_entry_set_size(entry.get(), kEndlessSize);
    if (archive_write_header(handle, entry.get()) != ARCHIVE_OK) return failure();
    keeps_ = true;
    return Done{};
  }

  Status encode(std::string_view block) {
    const la_ssize_t taken = archive_write_data(archive_.get(), block.data(), block.size());
    return taken == static_cast<la_ssize_t>(block.size()) ? Status(Done{}) : failure();
  }

  /// Ends the entry: the rest of its bytes are in `bytes` then, its sums in `record`.
  Status finish(ZipRecord& record) {
    if (archive_write_finish_entry(archive_.get()) != ARCHIVE_OK) return failure();
    keeps_ = false;
    archive_.reset();
    if (bytes.size() < kDescriptorBytes) return failure();
    const std::string_view descriptor = std::string_view(bytes).substr(bytes.size() - kDescriptorBytes);
    if (!descriptor.starts_with("PK\x07\x08")) return failure();
    record.method = level_ == 0 ? kZipStored : kZipDeflated;
    record.crc = static_cast<std::uint32_t>(little_endian(descriptor.substr(4, 4)));
    record.compressed_size = little_endian(descriptor.substr(8, 8));
    record.size = little_endian(descriptor.substr(16, 8));
    bytes.resize(bytes.size() - kDescriptorBytes);
    return Done{};
  }

  std::string bytes;  ///< encoded and not yet taken away

 private:
  static la_ssize_t take(archive*, void* self, const void* data, std::size_t size) {
    auto* encoder = static_cast<Encoder*>(self);
    if (encoder->keeps_) encoder->bytes.append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
  }

  Error failure() const {
    const char* reason = archive_ ? archive_error_string(archive_.get()) : nullptr;
    return {ErrorCode::io, std::string("zip: ") + (reason != nullptr ? reason : "libarchive failed")};
  }

  int level_;
  bool keeps_ = false;
  std::unique_ptr<archive, ArchiveDeleter> archive_;
};

}  // namespace

/// The file, the end of which belongs to one entry at a time. Every function takes the lock.
class ZipWriter::File {
 public:
  File(OutputFile output, ZipOptions options) : options_(options), output_(std::move(output)) {}

  const ZipOptions& options() const { return options_; }

  /// A name that no other entry has.
  Result<std::string> claim(std::string_view wanted) {
    const std::lock_guard lock(mutex_);
    if (finished_) return error("the file is finished already");
    const std::string safe = safe_entry_name(wanted);
    std::string name = safe;
    for (int number = 2; !names_.insert(to_lower(name)).second; ++number) name = numbered_entry_name(safe, number);
    ++open_entries_;
    return name;
  }

  void release(const std::string& name) {
    const std::lock_guard lock(mutex_);
    names_.erase(to_lower(name));
    --open_entries_;
  }

  /// Stores an entry that is whole, or keeps it until the streaming one has ended.
  Status store(ZipRecord record, std::string bytes) {
    std::unique_lock lock(mutex_);
    stream_ended_.wait(lock, [&] { return !streaming_ || held_bytes_ + bytes.size() <= options_.held_bytes; });
    if (streaming_) {
      held_bytes_ += bytes.size();
      held_.push_back({std::move(record), std::move(bytes)});
    } else if (Status stored = append(record, bytes); !stored) {
      return stored;
    }
    --open_entries_;
    return Done{};
  }

  /// Waits for the end of the file and takes it: stream_bytes() until stream_end() or stream_drop() gives it back.
  Status stream_begin(const ZipRecord& record) {
    std::unique_lock lock(mutex_);
    stream_ended_.wait(lock, [&] { return !streaming_; });
    streaming_ = true;
    stream_start_ = end_;
    return write(zip_local_header(record, true));
  }

  Status stream_bytes(std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    return write(bytes);
  }

  Status stream_end(ZipRecord record) {
    const std::lock_guard lock(mutex_);
    record.offset = stream_start_;
    if (Status patched = output_.write_at(stream_start_, zip_local_header(record, true)); !patched) return patched;
    add_record(std::move(record));
    --open_entries_;
    stream_over();
    return Done{};
  }

  void stream_drop() {
    const std::lock_guard lock(mutex_);
    cut_at(stream_start_);
    stream_over();
  }

  Result<std::uint64_t> finish() {
    const std::lock_guard lock(mutex_);
    if (finished_) return error("the file is finished already");
    if (open_entries_ > 0) return error("an entry is still open");
    finished_ = true;
    const std::uint64_t directory = end_;
    std::string block;
    for (const ZipRecord& record : records_) {
      block += zip_central_record(record);
      if (block.size() < kDirectoryBlockBytes) continue;
      if (Status written = write(block); !written) return written.error();
      block.clear();
    }
    block += zip_end_of_directory(records_.size(), directory, end_ + block.size() - directory);
    if (Status written = write(block); !written) return written.error();
    if (Status published = output_.publish(); !published) return published.error();
    return end_;
  }

  std::uint64_t size_if_finished() const {
    const std::lock_guard lock(mutex_);
    if (finished_) return end_;
    return end_ + held_bytes_ + directory_bytes_ + zip_end_of_directory(records_.size(), end_, directory_bytes_).size();
  }

  std::vector<std::string> lost() const {
    const std::lock_guard lock(mutex_);
    return lost_;
  }

 private:
  struct Held {
    ZipRecord record;
    std::string bytes;
  };

  Error error(std::string_view reason) const { return {ErrorCode::io, output_.name() + ": " + std::string(reason)}; }

  Status write(std::string_view bytes) {
    Status written = output_.write_at(end_, bytes);
    if (written) end_ += bytes.size();
    return written;
  }

  /// Gives back what lies behind `offset`. Where even that fails, later entries are written over it.
  void cut_at(std::uint64_t offset) {
    end_ = offset;
    static_cast<void>(output_.truncate(offset).ok());
  }

  Status append(ZipRecord& record, std::string_view bytes) {
    record.offset = end_;
    Status written = write(zip_local_header(record, false));
    if (written) written = write(bytes);
    if (written) {
      add_record(std::move(record));
    } else {
      cut_at(record.offset);
    }
    return written;
  }

  void add_record(ZipRecord record) {
    directory_bytes_ += zip_central_record(record).size();
    records_.push_back(std::move(record));
  }

  void stream_over() {
    for (; !held_.empty(); held_.pop_front()) {
      const std::string name = held_.front().record.name;
      if (!append(held_.front().record, held_.front().bytes)) lost_.push_back(name);
    }
    held_bytes_ = 0;
    streaming_ = false;
    stream_ended_.notify_all();
  }

  const ZipOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable stream_ended_;
  OutputFile output_;
  std::uint64_t end_ = 0;
  bool streaming_ = false;
  std::uint64_t stream_start_ = 0;
  std::deque<Held> held_;
  std::size_t held_bytes_ = 0;
  std::vector<ZipRecord> records_;
  std::uint64_t directory_bytes_ = 0;
  std::set<std::string> names_;  ///< in lower case: Windows extracts `a.log` over `A.log`
  std::vector<std::string> lost_;
  std::size_t open_entries_ = 0;
  bool finished_ = false;
};

struct ZipWriter::Entry::State {
  enum class Phase { buffered, streaming, over };

  State(File& target, int level) : file(target), encoder(level) {}
  ~State() { abandon(); }

  Status write(std::string_view bytes) {
    size += bytes.size();
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kSliceBytes))) {
      const std::string_view slice = bytes.substr(0, kSliceBytes);
      hash.update(slice);
      if (Status encoded = encoder.encode(slice); !encoded) return encoded;
      if (Status moved = move_on(); !moved) return moved;
    }
    return Done{};
  }

  Status close() {
    if (Status ended = encoder.finish(record); !ended) return ended;
    if (phase == Phase::buffered) {
      if (Status stored = file.store(record, std::move(encoder.bytes)); !stored) return stored;
    } else {
      if (Status written = file.stream_bytes(encoder.bytes); !written) return written;
      if (Status ended = file.stream_end(record); !ended) return ended;
    }
    phase = Phase::over;
    encoder.bytes = {};
    sha256 = hash.finish();
    return Done{};
  }

  void abandon() {
    if (phase == Phase::over) return;
    if (phase == Phase::streaming) file.stream_drop();
    file.release(record.name);
    phase = Phase::over;
    encoder.bytes = {};
  }

  File& file;
  Encoder encoder;
  Phase phase = Phase::buffered;
  ZipRecord record;
  Sha256 hash;
  std::string sha256;
  std::uint64_t size = 0;

 private:
  /// Starts to stream when the buffer is full, and goes on when there is something to write.
  Status move_on() {
    if (phase == Phase::buffered) {
      if (encoder.bytes.size() < file.options().entry_buffer_bytes) return Done{};
      phase = Phase::streaming;
      if (Status begun = file.stream_begin(record); !begun) return begun;
    } else if (encoder.bytes.size() < kStreamBytes) {
      return Done{};
    }
    Status written = file.stream_bytes(encoder.bytes);
    encoder.bytes.clear();
    return written;
  }
};

ZipWriter::Entry::Entry(std::unique_ptr<State> state) : state_(std::move(state)) {}
ZipWriter::Entry::Entry(Entry&&) noexcept = default;
ZipWriter::Entry::~Entry() = default;

Status ZipWriter::Entry::write(std::string_view bytes) {
  if (state_->phase == State::Phase::over)
    return Error{ErrorCode::io, state_->record.name + ": written to after its end"};
  Status written = state_->write(bytes);
  if (!written) state_->abandon();
  return written;
}

Status ZipWriter::Entry::close() {
  if (state_->phase == State::Phase::over) return Error{ErrorCode::io, state_->record.name + ": closed after its end"};
  Status closed = state_->close();
  if (!closed) state_->abandon();
  return closed;
}

void ZipWriter::Entry::abandon() { state_->abandon(); }
const std::string& ZipWriter::Entry::name() const { return state_->record.name; }
std::uint64_t ZipWriter::Entry::size() const { return state_->size; }
const std::string& ZipWriter::Entry::sha256_hex() const { return state_->sha256; }

ZipWriter::ZipWriter(std::unique_ptr<File> file) : file_(std::move(file)) {}
ZipWriter::~ZipWriter() = default;

Result<std::unique_ptr<ZipWriter>> ZipWriter::create(const fs::path& target, ZipOptions options) {
  options.level = std::clamp(options.level, 0, 9);
  Result<OutputFile> output = OutputFile::create(target);
  if (!output) return output.error();
  return std::unique_ptr<ZipWriter>(new ZipWriter(std::make_unique<File>(std::move(*output), options)));
}

Result<ZipWriter::Entry> ZipWriter::open(std::string_view name, std::optional<Time> modified, bool compress) {
  Result<std::string> claimed = file_->claim(name);
  if (!claimed) return claimed.error();
  auto state = std::make_unique<Entry::State>(*file_, compress ? file_->options().level : 0);
  state->record.name = *claimed;
  state->record.modified = modified.value_or(now());
  if (Status started = state->encoder.start(); !started) return started.error();
  return Entry(std::move(state));
}

Result<std::uint64_t> ZipWriter::finish() { return file_->finish(); }
std::uint64_t ZipWriter::bytes_written() const { return file_->size_if_finished(); }
std::vector<std::string> ZipWriter::lost() const { return file_->lost(); }

}  // namespace vmtriage
