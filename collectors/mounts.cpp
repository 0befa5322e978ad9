#include "collectors/mounts.h"

#include <algorithm>
#include <iterator>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

/// `\040` is a blank: the table's fields are separated by blanks.
std::string without_escapes(std::string_view field) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string text;
  for (std::size_t at = 0; at < field.size(); ++at) {
    const std::string_view digits = field.substr(at + 1, 3);
    if (field[at] == '\\' && digits.size() == 3 && std::all_of(digits.begin(), digits.end(), is_octal)) {
      text += static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0'));
      at += 3;
    } else {
      text += field[at];
    }
  }
  return text;
}

}  // namespace

std::vector<MountPoint> parse_mountinfo(std::string_view table) {
  constexpr std::size_t kPoint = 4;
  std::vector<MountPoint> mounts;
  for (std::string_view line : split(table, '\n')) {
    const auto fields = split_words(line);
    const auto separator = std::find(fields.begin(), fields.end(), "-");
    if (separator - fields.begin() <= static_cast<std::ptrdiff_t>(kPoint) || fields.end() - separator < 2) continue;
    mounts.push_back({without_escapes(fields[kPoint]), std::string(separator[1])});
  }
  return mounts;
}

bool depends_on_others(const MountPoint& mount) {
  constexpr std::string_view kRemote[] = {"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "lustre", "gpfs", "beegfs", "virtiofs"};
  return mount.type.starts_with("fuse") || std::find(std::begin(kRemote), std::end(kRemote), mount.type) != std::end(kRemote);
}

}  // namespace vmtriage
