#include "agent/zip_directory.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "agent/base/text.h"

// Field names and layouts: PKWARE APPNOTE.TXT 6.3, sections 4.3 to 4.5.

namespace vmtriage {
namespace {

constexpr std::uint64_t kEndBytes = 22;
constexpr std::uint64_t kEnd64Bytes = 56;
constexpr std::uint64_t kLocatorBytes = 20;
constexpr std::uint64_t kCentralBytes = 46;
constexpr std::uint64_t kLocalBytes = 30;
/// As far back as libarchive looks for the end record; it bounds the archive's comment.
constexpr std::uint64_t kTailBytes = 16 << 10;
constexpr std::uint64_t kMaxDirectoryBytes = 256 << 20;
constexpr std::uint64_t kMax32 = 0xffffffff;
constexpr std::uint16_t kZip64Field = 0x0001;

Error corrupt(std::string reason) { return {ErrorCode::corrupt, std::move(reason)}; }

std::uint64_t number_at(std::string_view bytes, std::size_t position, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[position + i]);
  return value;
}
std::uint64_t u16(std::string_view bytes, std::size_t position) { return number_at(bytes, position, 2); }
std::uint64_t u32(std::string_view bytes, std::size_t position) { return number_at(bytes, position, 4); }
std::uint64_t u64(std::string_view bytes, std::size_t position) { return number_at(bytes, position, 8); }

/// Where the central directory lies.
struct Place {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t end = 0;  ///< first byte behind it
};

/// Position of the end record in the last bytes of the file: its comment must reach exactly to the end.
std::optional<std::size_t> find_end(std::string_view tail) {
  for (std::size_t position = tail.rfind("PK\x05\x06"); position != std::string_view::npos;
       position = position == 0 ? std::string_view::npos : tail.rfind("PK\x05\x06", position - 1)) {
    if (position + kEndBytes <= tail.size() && position + kEndBytes + u16(tail, position + 20) == tail.size()) {
      return position;
    }
  }
  return std::nullopt;
}

/// The Zip64 end record whose locator ends at `locator_end`, or nothing.
Result<std::optional<Place>> find_end64(InputFile& file, std::uint64_t locator_end) {
  if (locator_end < kLocatorBytes) return std::optional<Place>();
  const Result<std::string> locator = file.read_all(locator_end - kLocatorBytes, kLocatorBytes);
  if (!locator) return locator.error();
  if (!locator.value().starts_with("PK\x06\x07")) return std::optional<Place>();
  const std::uint64_t offset = u64(*locator, 8);
  const Result<std::string> record = file.read_all(offset, kEnd64Bytes);
  if (!record || !record.value().starts_with("PK\x06\x06")) return corrupt("its Zip64 end record is damaged");
  return std::optional<Place>(Place{u64(*record, 48), u64(*record, 40), offset});
}

Result<Place> find_directory(InputFile& file) {
  const std::uint64_t tail_bytes = std::min(file.size(), kTailBytes);
  const std::uint64_t tail_offset = file.size() - tail_bytes;
  const Result<std::string> tail = file.read_all(tail_offset, tail_bytes);
  if (!tail) return tail.error();
  const std::optional<std::size_t> end = find_end(*tail);
  if (!end) return corrupt("not a zip file, or it was cut off");
  const std::uint64_t end_offset = tail_offset + *end;
  const Result<std::optional<Place>> wide = find_end64(file, end_offset);
  if (!wide) return wide.error();
  Place place = {u32(*tail, *end + 16), u32(*tail, *end + 12), end_offset};
  if (wide.value()) place = **wide;
  if (place.offset > place.end || place.size != place.end - place.offset) {
    return corrupt("its directory does not lie where it should: bytes are missing or were added");
  }
  if (place.size > kMaxDirectoryBytes) return Error{ErrorCode::too_large, "its directory is too large"};
  return place;
}

/// Puts the 64-bit numbers of the Zip64 field in place of those that did not fit.
bool widen(ZipMember& member, std::uint64_t compressed, std::string_view extra) {
  if (member.size != kMax32 && compressed != kMax32 && member.offset != kMax32) return true;
  while (extra.size() >= 4) {
    const std::uint64_t length = u16(extra, 2);
    if (4 + length > extra.size()) return false;
    if (u16(extra, 0) != kZip64Field) {
      extra.remove_prefix(4 + length);
      continue;
    }
    std::string_view numbers = extra.substr(4, length);
    for (std::uint64_t* number : {&member.size, &compressed, &member.offset}) {
      if (*number != kMax32) continue;
      if (numbers.size() < 8) return false;
      *number = u64(numbers, 0);
      numbers.remove_prefix(8);
    }
    return true;
  }
  return true;
}

Result<std::vector<ZipMember>> parse_directory(std::string_view bytes) {
  std::vector<ZipMember> members;
  while (!bytes.empty()) {
    if (bytes.size() < kCentralBytes || !bytes.starts_with("PK\x01\x02")) return corrupt("its directory is damaged");
    const std::uint64_t name = u16(bytes, 28), extra = u16(bytes, 30), comment = u16(bytes, 32);
    if (kCentralBytes + name + extra + comment > bytes.size()) return corrupt("its directory is damaged");
    ZipMember member{std::string(bytes.substr(kCentralBytes, name)), u32(bytes, 42), u32(bytes, 24)};
    if (!widen(member, u32(bytes, 20), bytes.substr(kCentralBytes + name, extra))) {
      return corrupt("its directory is damaged");
    }
    members.push_back(std::move(member));
    bytes.remove_prefix(kCentralBytes + name + extra + comment);
  }
  return members;
}

/// Compares the names in local headers, which readers that cannot seek go by.
Status check_local_headers(InputFile& file, const std::vector<ZipMember>& members) {
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::string shown = printable(shorten(members[i].name, 200));
    if (i > 0 && members[i].offset == members[i - 1].offset)
      return corrupt(shown + ": shares its bytes with another entry");
    const Result<std::string> header = file.read_all(members[i].offset, kLocalBytes + members[i].name.size());
    if (!header || !header.value().starts_with("PK\x03\x04")) return corrupt(shown + ": its header is damaged");
    const bool same = u16(*header, 26) == members[i].name.size() && header.value().ends_with(members[i].name);
    if (!same) return corrupt(shown + ": has another name in its header than in the directory");
  }
  return Done{};
}

}  // namespace

Result<InputFile> InputFile::open(const fs::path& path) {
  InputFile file;
  const std::filesystem::path native(path.native());
  std::error_code failure;
  if (!std::filesystem::is_regular_file(native, failure)) {
    return Error{ErrorCode::not_found, failure ? failure.message() : "not a file"};
  }
  file.size_ = std::filesystem::file_size(native, failure);
  file.stream_.open(native, std::ios::binary);
  if (!file.stream_) return Error{ErrorCode::access_denied, "cannot be opened"};
  return file;
}

std::size_t InputFile::read_at(std::uint64_t offset, std::span<char> bytes) {
  if (offset >= size_) return 0;
  stream_.clear();
  stream_.seekg(static_cast<std::streamoff>(offset));
  stream_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return static_cast<std::size_t>(stream_.gcount());
}

Result<std::string> InputFile::read_all(std::uint64_t offset, std::uint64_t count) {
  if (offset > size_ || count > size_ - offset) return corrupt("it is cut off");
  std::string bytes(count, '\0');
  if (read_at(offset, bytes) != bytes.size()) return Error{ErrorCode::io, "cannot be read"};
  return bytes;
}

Result<std::vector<ZipMember>> read_zip_directory(InputFile& file) {
  const Result<Place> place = find_directory(file);
  if (!place) return place.error();
  const Result<std::string> bytes = file.read_all(place.value().offset, place.value().size);
  if (!bytes) return bytes.error();
  Result<std::vector<ZipMember>> members = parse_directory(*bytes);
  if (!members) return members.error();
  std::sort(members->begin(), members->end(),
            [](const ZipMember& a, const ZipMember& b) { return a.offset < b.offset; });
  if (Status checked = check_local_headers(file, *members); !checked) return checked.error();
  return members;
}

}  // namespace vmtriage
