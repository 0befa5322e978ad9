#include "agent/verify.h"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "agent/base/text.h"
#include "agent/entry_name.h"
#include "agent/manifest.h"
#include "agent/sha256.h"

namespace vmtriage {
namespace {

constexpr std::size_t kBlockBytes = 64 << 10;
constexpr std::uint64_t kMaxManifestBytes = 64 << 20;
constexpr std::size_t kMaxShownBytes = 300;
constexpr std::string_view kManifestName = "manifest.json";

std::string shown(std::string_view name) { return shorten(printable(name), kMaxShownBytes); }

/// libarchive's zip reader on an InputFile. It gives entries in the order of their offsets, as read_zip_directory does;
/// its names are not looked at, since it has none without a locale.
class ZipReader {
 public:
  explicit ZipReader(InputFile& file) : file_(file) {}
  ZipReader(const ZipReader&) = delete;  // libarchive holds its address
  ZipReader& operator=(const ZipReader&) = delete;

  Status open() {
    archive_.reset(archive_read_new());
    archive* handle = archive_.get();
    const bool ready = handle != nullptr && archive_read_support_format_zip_seekable(handle) == ARCHIVE_OK &&
                       archive_read_set_read_callback(handle, &ZipReader::read_block) == ARCHIVE_OK &&
                       archive_read_set_seek_callback(handle, &ZipReader::seek) == ARCHIVE_OK &&
                       archive_read_set_callback_data(handle, this) == ARCHIVE_OK &&
                       archive_read_open1(handle) == ARCHIVE_OK;
    return ready ? Status(Done{}) : failure();
  }

  Status next() {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(archive_.get(), &entry);
    if (status == ARCHIVE_OK || status == ARCHIVE_WARN) return Done{};
    return status == ARCHIVE_EOF ? Error{ErrorCode::corrupt, "it is not found in the archive"} : failure();
  }

  /// The next bytes of the entry; empty at its end. Valid until the next call.
  Result<std::string_view> read() {
    const la_ssize_t got = archive_read_data(archive_.get(), data_.data(), data_.size());
    if (got < 0) return failure();
    return std::string_view(data_.data(), static_cast<std::size_t>(got));
  }

 private:
  struct Deleter {
    void operator()(archive* handle) const { archive_read_free(handle); }
  };

  static la_ssize_t read_block(archive*, void* self, const void** bytes) {
    auto* reader = static_cast<ZipReader*>(self);
    const std::size_t got = reader->file_.read_at(reader->position_, reader->block_);
    reader->position_ += got;
    *bytes = reader->block_.data();
    return static_cast<la_ssize_t>(got);
  }

  static la_int64_t seek(archive*, void* self, la_int64_t offset, int whence) {
    auto* reader = static_cast<ZipReader*>(self);
    const std::uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? reader->position_ : reader->file_.size();
    const auto target = static_cast<la_int64_t>(base) + offset;
    if (target < 0) return ARCHIVE_FATAL;
    reader->position_ = static_cast<std::uint64_t>(target);
    return target;
  }

  Error failure() const {
    const char* reason = archive_ ? archive_error_string(archive_.get()) : nullptr;
    return {ErrorCode::corrupt, reason != nullptr ? printable(reason) : "it is damaged"};
  }

  InputFile& file_;
  std::uint64_t position_ = 0;
  std::array<char, kBlockBytes> block_;
  std::array<char, kBlockBytes> data_;
  std::unique_ptr<archive, Deleter> archive_;
};

bool is_folder(const ZipMember& member) { return member.name.ends_with('/'); }

/// The entry that is the manifest: in the only folder of the archive, or beside the files.
Result<std::size_t> find_manifest(const std::vector<ZipMember>& members) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::string_view name = members[i].name;
    const std::size_t slash = name.find('/');
    const bool matches =
        name == kManifestName || (slash != std::string_view::npos && name.substr(slash + 1) == kManifestName);
    if (!matches) continue;
    if (found) return Error{ErrorCode::corrupt, "has more than one manifest.json"};
    found = i;
  }
  if (!found) return Error{ErrorCode::corrupt, "has no manifest.json"};
  return *found;
}

Result<std::string> read_entry(InputFile& file, std::size_t index) {
  const auto reader = std::make_unique<ZipReader>(file);
  if (Status opened = reader->open(); !opened) return opened.error();
  for (std::size_t i = 0; i <= index; ++i) {
    if (Status next = reader->next(); !next) return next.error();
  }
  std::string text;
  while (true) {
    const Result<std::string_view> block = reader->read();
    if (!block) return block.error();
    if (block.value().empty()) return text;
    if (text.size() + block.value().size() > kMaxManifestBytes) return Error{ErrorCode::too_large, "it is too large"};
    text += *block;
  }
}

/// The comparison of one bundle.
class Verification {
 public:
  Verification(const std::vector<ZipMember>& members, std::size_t manifest_index, const Manifest& manifest)
      : members_(members), manifest_index_(manifest_index) {
    const std::string& name = members[manifest_index].name;
    folder_ = name.substr(0, name.size() - kManifestName.size());
    report_.bundle = manifest.head.bundle;
    report_.partial = manifest.head.partial;
    for (const ManifestEntry& entry : manifest.files) {
      if (!expected_.emplace(entry.bundle_path, &entry).second) problem(entry.bundle_path, "is twice in the manifest");
    }
    if (!folder_.empty() && !report_.bundle.empty() && folder_ != report_.bundle + "/") {
      problem(folder_, "is not the folder of the manifest, " + shown(report_.bundle));
    }
  }

  VerifyReport run(InputFile& file) {
    const auto reader = std::make_unique<ZipReader>(file);
    Status status = reader->open();
    for (std::size_t i = 0; status && i < members_.size(); ++i) {
      status = reader->next();
      if (status) check(i, *reader);
    }
    if (!status) problem("archive", status.error().what);
    for (const auto& [path, entry] : expected_) {
      if (!seen_.contains(path)) problem(path, "is missing");
    }
    if (unlisted_ > 0) report_.problems.push_back("more: " + std::to_string(unlisted_) + " problems are not listed");
    return std::move(report_);
  }

 private:
  void problem(std::string_view thing, std::string_view reason) {
    if (report_.problems.size() >= kMaxVerifyProblems) {
      ++unlisted_;
      return;
    }
    report_.problems.push_back(shown(thing) + ": " + std::string(reason));
  }

  void check(std::size_t index, ZipReader& reader) {
    const ZipMember& member = members_[index];
    std::string_view name = member.name;
    if (is_folder(member)) name.remove_suffix(1);
    if (safe_entry_name(name) != name) return problem(member.name, "is not a safe name");
    if (index == manifest_index_ || is_folder(member)) return;
    if (!name.starts_with(folder_)) return problem(name, "lies outside of the bundle's folder");
    const std::string path(name.substr(folder_.size()));
    const auto expected = expected_.find(path);
    if (expected == expected_.end()) return problem(path, "is not in the manifest");
    if (!seen_.insert(path).second) return problem(path, "is twice in the archive");
    compare(*expected->second, reader);
  }

  void compare(const ManifestEntry& entry, ZipReader& reader) {
    Sha256 hash;
    std::uint64_t size = 0;
    while (true) {
      const Result<std::string_view> block = reader.read();
      if (!block) return problem(entry.bundle_path, block.error().what);
      if (block.value().empty()) break;
      size += block.value().size();
      if (size > entry.size)
        return problem(entry.bundle_path,
                       "is larger than the " + std::to_string(entry.size) + " bytes of the manifest");
      hash.update(*block);
    }
    if (size < entry.size) {
      return problem(entry.bundle_path, "has " + std::to_string(size) + " of the " + std::to_string(entry.size) +
                                            " bytes of the manifest");
    }
    if (hash.finish() != entry.sha256)
      return problem(entry.bundle_path, "was changed: its hash is not that of the manifest");
    ++report_.files;
    report_.bytes += size;
  }

  const std::vector<ZipMember>& members_;
  std::size_t manifest_index_;
  std::string folder_;  ///< with its slash, or empty
  std::map<std::string, const ManifestEntry*> expected_;
  std::set<std::string> seen_;
  std::size_t unlisted_ = 0;
  VerifyReport report_;
};

Result<VerifyReport> verify_file(InputFile& file) {
  const Result<std::vector<ZipMember>> members = read_zip_directory(file);
  if (!members) return members.error();
  const Result<std::size_t> index = find_manifest(*members);
  if (!index) return index.error();
  const Result<std::string> text = read_entry(file, *index);
  if (!text) return Error{text.error().code, "manifest.json: " + text.error().what};
  const Result<Manifest> manifest = read_manifest(*text);
  if (!manifest) return manifest.error();
  return Verification(*members, *index, *manifest).run(file);
}

}  // namespace

Result<VerifyReport> verify_bundle(const fs::path& path) {
  const std::u8string utf8 = std::filesystem::path(path.native()).u8string();
  const auto named = [&](const Error& error) {
    return Error{error.code, printable({reinterpret_cast<const char*>(utf8.data()), utf8.size()}) + ": " + error.what};
  };
  Result<InputFile> file = InputFile::open(path);
  if (!file) return named(file.error());
  Result<VerifyReport> report = verify_file(*file);
  if (!report) return named(report.error());
  return report;
}

}  // namespace vmtriage
