#include "collectors/archive_source.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <vector>

#include "agent/base/text.h"
#include "collectors/archive_formats.h"
#include "collectors/files.h"
#include "collectors/folder_source.h"

namespace vmtriage {
namespace {

constexpr std::size_t kInputBytes = 64 << 10;
/// A compressed text that unpacks to more than this is a bomb, not a log.
constexpr std::uint64_t kMaxUnpackedBytes = 64ULL << 30;
/// Deflate reaches 1032, with nothing but one byte repeated; logs stay below 100.
constexpr std::uint64_t kMaxRatio = 500;

std::string reason_of(::archive* handle) {
  const char* text = archive_error_string(handle);
  return text == nullptr ? "damaged" : text;
}

/// Bytes for libarchive out of a ReadBytes.
struct Feed {
  ReadBytes read;
  std::array<char, kInputBytes> buffer{};
  std::uint64_t total = 0;
  Error error;
  bool failed = false;

  static la_ssize_t give(::archive* handle, void* self, const void** bytes) {
    auto& feed = *static_cast<Feed*>(self);
    const auto got = feed.read(feed.buffer);
    *bytes = feed.buffer.data();
    if (!got) {
      feed.error = got.error();
      feed.failed = true;
      archive_set_error(handle, EIO, "%s", feed.error.what.c_str());
      return -1;
    }
    feed.total += *got;
    return static_cast<la_ssize_t>(*got);
  }
};

struct ArchiveCloser {
  void operator()(::archive* handle) const { archive_read_free(handle); }
};
using ArchivePointer = std::unique_ptr<::archive, ArchiveCloser>;

/// A decompressing reader: libarchive with its "raw" format over one stream.
class Decompressor {
 public:
  Decompressor(ReadBytes read, std::string name) : name_(std::move(name)) { feed_.read = std::move(read); }

  Result<std::size_t> read(std::span<char> target) {
    if (!started_) {
      started_ = true;
      handle_.reset(archive_read_new());
      support_compressions(handle_.get());
      archive_read_support_format_raw(handle_.get());
      archive_read_support_format_empty(handle_.get());
      archive_entry* entry = nullptr;
      if (archive_read_open(handle_.get(), &feed_, nullptr, Feed::give, nullptr) != ARCHIVE_OK) return failure();
      const int status = archive_read_next_header(handle_.get(), &entry);
      if (status == ARCHIVE_EOF) return std::size_t{0};
      if (status < ARCHIVE_WARN) return failure();
      if (archive_filter_count(handle_.get()) < 2) {
        return Error{ErrorCode::corrupt, printable(name_) + ": begins as a compressed file, but its header is damaged"};
      }
    }
    const la_ssize_t got = archive_read_data(handle_.get(), target.data(), target.size());
    if (got < 0) return failure();
    given_ += static_cast<std::uint64_t>(got);
    if (given_ > kMaxUnpackedBytes || (given_ > (256ULL << 20) && given_ > feed_.total * kMaxRatio)) {
      return Error{
          ErrorCode::too_large,
          printable(name_) + ": unpacks to far more than a log would; reading stopped after " + format_size(given_)};
    }
    return static_cast<std::size_t>(got);
  }

 private:
  Error failure() {
    if (feed_.failed) return feed_.error;
    return {ErrorCode::corrupt, printable(name_) + ": " + reason_of(handle_.get())};
  }

  std::string name_;
  Feed feed_;
  ArchivePointer handle_;
  bool started_ = false;
  std::uint64_t given_ = 0;
};

/// libarchive has a name in one or more of three forms: on Windows it may be the wide one alone.
std::optional<std::string> name_of(archive_entry* entry) {
  if (const char* name = archive_entry_pathname_utf8(entry)) return name;
  if (const char* name = archive_entry_pathname(entry)) return name;
  const wchar_t* wide = archive_entry_pathname_w(entry);
  if (wide == nullptr) return std::nullopt;
  std::string utf16;
  for (; *wide != L'\0'; ++wide) {
    utf16 += static_cast<char>(*wide & 0xff);
    utf16 += static_cast<char>(*wide >> 8 & 0xff);
  }
  return utf16_to_utf8(utf16);
}

}  // namespace

struct ArchiveSource::Input {
  Feed feed;
};

struct ArchiveSource::Handle {
  ArchivePointer archive;
};

ArchiveSource::ArchiveSource(const Catalog& catalog, std::string path, const std::atomic<bool>* stop)
    : catalog_(catalog),
      path_(std::move(path)),
      stop_(stop),
      input_(std::make_unique<Input>()),
      handle_(std::make_shared<Handle>()) {}

ArchiveSource::~ArchiveSource() = default;

Error ArchiveSource::failure() const {
  return {ErrorCode::corrupt, printable(path_) + ": " + reason_of(handle_->archive.get())};
}

Result<std::unique_ptr<ArchiveSource>> ArchiveSource::open(const Catalog& catalog, const std::string& path,
                                                           const std::atomic<bool>* stop) {
  const auto resolved = real_path(path);
  auto file = open_file(resolved ? *resolved : path);
  if (!file) return file.error();
  std::unique_ptr<ArchiveSource> source(new ArchiveSource(catalog, path, stop));
  source->input_->feed.read = std::move(file->read);
  ::archive* handle = archive_read_new();
  source->handle_->archive.reset(handle);
  support_archives(handle);
  archive_read_set_options(handle, "hdrcharset=UTF-8");
  if (archive_read_open(handle, &source->input_->feed, nullptr, Feed::give, nullptr) != ARCHIVE_OK)
    return source->failure();
  return source;
}

Result<std::optional<Item>> ArchiveSource::next() {
  constexpr std::uint64_t kMaxEntries = 5'000'000;
  while (!(stop_ != nullptr && *stop_)) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(handle_->archive.get(), &entry);
    if (status == ARCHIVE_EOF) return std::optional<Item>();
    if (status == ARCHIVE_RETRY) continue;
    if (status < ARCHIVE_WARN) return failure();
    if (++entries_ > kMaxEntries) return Error{ErrorCode::too_large, printable(path_) + ": too many entries"};
    const std::string inside = name_of(entry).value_or("unnamed-" + std::to_string(entries_));
    if (archive_entry_filetype(entry) == AE_IFDIR || inside.ends_with('/')) continue;
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr) {
      left_out_.add("", printable(inside), "a link or a special file in the archive");
      continue;
    }
    if (is_report_part(inside)) {
      left_out_.add("", inside, "a report of this program, no evidence");
      continue;
    }
    Item item;
    item.artifact = recognise_artifact(catalog_, inside);
    item.artifact.origin = inside;
    if (archive_entry_size_is_set(entry) != 0)
      item.artifact.size = static_cast<std::uint64_t>(archive_entry_size(entry));
    if (archive_entry_mtime_is_set(entry) != 0) item.artifact.modified = from_unix_seconds(archive_entry_mtime(entry));
    item.open = [handle = handle_, feed = &input_->feed, inside]() -> Result<OpenedItem> {
      auto given = std::make_shared<std::uint64_t>(0);
      return OpenedItem{
          [handle, feed, inside, given](std::span<char> target) -> Result<std::size_t> {
            const la_ssize_t got = archive_read_data(handle->archive.get(), target.data(), target.size());
            if (got < 0) {
              return Error{ErrorCode::corrupt, printable(inside) + ": " + reason_of(handle->archive.get())};
            }
            *given += static_cast<std::uint64_t>(got);
            if (*given > (256ULL << 20) && *given > feed->total * kMaxRatio) {
              return Error{ErrorCode::too_large, printable(inside) +
                                                     ": unpacks to far more than a log would; "
                                                     "reading stopped after " +
                                                     format_size(*given)};
            }
            return static_cast<std::size_t>(got);
          },
          {},
          nullptr};
    };
    return std::optional<Item>(std::move(item));
  }
  return std::optional<Item>();
}

Container detect_container(std::string_view head) {
  const auto starts = [&](std::string_view magic) { return head.starts_with(magic); };
  using namespace std::string_view_literals;
  if (starts("PK\x03\x04"sv) || starts("PK\x05\x06"sv) || starts("7z\xBC\xAF\x27\x1C"sv)) return Container::archive;
  if (head.size() > 262 && head.substr(257, 5) == "ustar") return Container::archive;
  if (starts("\x1F\x8B"sv) || starts("\xFD\x37\x7A\x58\x5A"sv) || starts("\x28\xB5\x2F\xFD"sv) || starts("BZh"sv))
    return Container::compressed;
  return Container::none;
}

ReadBytes decompress(ReadBytes read, const std::string& name) {
  auto reader = std::make_shared<Decompressor>(std::move(read), name);
  return [reader](std::span<char> target) { return reader->read(target); };
}

}  // namespace vmtriage
