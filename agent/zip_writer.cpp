#include "agent/zip_writer.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <utility>

#include "agent/base/text.h"
#include "agent/entry_compressor.h"
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
}  // namespace

/// The file, the end of which belongs to one entry at a time. Every function takes the lock.
class ZipWriter::File {
 public:
  File(OutputFile output, ZipOptions options)
      : options_(options), deflaters_(options.compression), output_(std::move(output)) {}

  const ZipOptions& options() const { return options_; }
  DeflaterPool& deflaters() { return deflaters_; }

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
  Status store(ZipRecord record, std::string bytes, ThreadSlots* slots) {
    std::unique_lock lock(mutex_);
    wait(lock, slots, [&] { return !streaming_ || held_bytes_ + bytes.size() <= options_.held_bytes; });
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
  Status stream_begin(const ZipRecord& record, ThreadSlots* slots) {
    std::unique_lock lock(mutex_);
    wait(lock, slots, [&] { return !streaming_; });
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

  /// Until the stream that is in the way has ended, or taken in what was held; others help it meanwhile.
  template <typename Condition>
  void wait(std::unique_lock<std::mutex>& lock, ThreadSlots* slots, Condition is_met) {
    if (is_met()) return;
    const ThreadSlots::Lent lent(slots);
    stream_ended_.wait(lock, is_met);
  }

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
  DeflaterPool deflaters_;
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

  /// Stores the bytes as they are without a deflater.
  State(File& target, std::unique_ptr<Deflater> deflater, ThreadSlots* free_slots) : file(target), slots(free_slots) {
    record.method = deflater ? kZipDeflated : kZipStored;
    if (deflater) compressor.emplace(target.deflaters(), std::move(deflater), slots);
  }
  ~State() { abandon(); }

  Status write(std::string_view bytes) {
    size += bytes.size();
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kSliceBytes))) {
      const std::string_view slice = bytes.substr(0, kSliceBytes);
      hash.update(slice);
      record.crc = crc32_gzip_refl(record.crc, reinterpret_cast<const unsigned char*>(slice.data()), slice.size());
      if (compressor) {
        compressor->add(slice, packed);
      } else {
        packed.append(slice);
      }
      if (Status moved = move_on(); !moved) return moved;
    }
    return Done{};
  }

  Status close() {
    if (compressor) compressor->finish(packed);
    compressor.reset();
    record.size = size;
    record.compressed_size = streamed + packed.size();
    if (phase == Phase::buffered) {
      if (Status stored = file.store(record, std::move(packed), slots); !stored) return stored;
    } else {
      if (Status written = file.stream_bytes(packed); !written) return written;
      if (Status ended = file.stream_end(record); !ended) return ended;
    }
    phase = Phase::over;
    packed = {};
    sha256 = hash.finish();
    return Done{};
  }

  void abandon() {
    if (phase == Phase::over) return;
    if (phase == Phase::streaming) file.stream_drop();
    file.release(record.name);
    phase = Phase::over;
    compressor.reset();
    packed = {};
  }

  File& file;
  ThreadSlots* slots;  ///< may be null
  std::optional<EntryCompressor> compressor;
  std::string packed;           ///< compressed and not yet taken away
  std::uint64_t streamed = 0;   ///< compressed and in the file
  Phase phase = Phase::buffered;
  ZipRecord record;
  Sha256 hash;
  std::string sha256;
  std::uint64_t size = 0;

 private:
  /// Starts to stream when the buffer is full, and goes on when there is something to write.
  Status move_on() {
    if (phase == Phase::buffered) {
      if (packed.size() < file.options().entry_buffer_bytes) return Done{};
      phase = Phase::streaming;
      if (Status begun = file.stream_begin(record, slots); !begun) return begun;
    } else if (packed.size() < kStreamBytes) {
      return Done{};
    }
    Status written = file.stream_bytes(packed);
    streamed += packed.size();
    packed.clear();
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
  Result<OutputFile> output = OutputFile::create(target);
  if (!output) return output.error();
  return std::unique_ptr<ZipWriter>(new ZipWriter(std::make_unique<File>(std::move(*output), options)));
}

Result<ZipWriter::Entry> ZipWriter::open(std::string_view name, std::optional<Time> modified, bool compress,
                                         ThreadSlots* slots) {
  std::unique_ptr<Deflater> deflater;
  if (compress && file_->options().compression != Compression::stored) {
    deflater = file_->deflaters().take();
    if (!deflater) return Error{ErrorCode::io, "zip: no memory to compress with"};
  }
  Result<std::string> claimed = file_->claim(name);
  if (!claimed) return claimed.error();
  auto state = std::make_unique<Entry::State>(*file_, std::move(deflater), slots);
  state->record.name = *claimed;
  state->record.modified = modified.value_or(now());
  return Entry(std::move(state));
}

Result<std::uint64_t> ZipWriter::finish() { return file_->finish(); }
std::uint64_t ZipWriter::bytes_written() const { return file_->size_if_finished(); }
std::vector<std::string> ZipWriter::lost() const { return file_->lost(); }

}  // namespace vmtriage
