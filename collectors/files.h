#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/blocks.h"
#include "agent/base/result.h"
#include "agent/base/time.h"
#include "collectors/mounts.h"

namespace vmtriage {

enum class FileType { regular, directory, link, other };

struct FileInfo {
  FileType type = FileType::other;
  std::uint64_t size = 0;       ///< bytes
  std::uint64_t allocated = 0;  ///< bytes on disk: less than `size` where the file has holes
  Time modified;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

/// What a path is; links are not followed. Errors: not_found, access_denied, io.
Result<FileInfo> file_info(const std::string& path);

/// A file that is being read.
struct OpenedFile {
  ReadBytes read;  ///< gives at most `size` bytes: what a growing file gains after it was opened is not read
  std::uint64_t size = 0;
  std::shared_ptr<std::uint64_t> hole_bytes;  ///< bytes of holes that were stepped over instead of being read as zeros
  std::shared_ptr<std::uint64_t> lost_bytes;  ///< so much shorter did the file get while it was read; may be null
};

/// Where reading ends. Files of /proc say that they are empty, whatever they hold; some of them have no end.
enum class ReadUntil { size_at_open, nothing_comes };

/// Opens a regular file for one pass from `skip_bytes` on. Follows no link at the path's end, never waits (a FIFO, a
/// device and a file under a mandatory lock are refused), does not change the access time where the system allows that.
/// A file that gets shorter while it is read ends there. Errors: not_found, access_denied, locked, unsupported ("not a
/// regular file"), io.
Result<OpenedFile> open_file(const std::string& path, std::uint64_t skip_bytes = 0,
                             ReadUntil until = ReadUntil::size_at_open);

/// Reads all of a small file. Errors as open_file, and too_large beyond `max_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

/// What a name in a folder stands for, where the folder itself tells: to ask for every file of a large one takes long.
using TypeHint = std::optional<FileType>;

/// The names in a folder, sorted.
class NameList {
 public:
  std::size_t size() const { return begins_.size(); }
  std::string_view operator[](std::size_t i) const;
  TypeHint type(std::size_t i) const;
  std::uint64_t dropped = 0;  ///< so many more names were there than fit into the bound

 private:
  friend Result<NameList> list_folder(const std::string& path, std::size_t max_bytes);
  std::string text_;  // one string for all types and names: a folder may hold a million
  std::vector<std::uint32_t> begins_;
};

inline constexpr std::size_t kMaxNameBytes = 24 << 20;

/// Errors: not_found, access_denied, io.
Result<NameList> list_folder(const std::string& path, std::size_t max_bytes = kMaxNameBytes);

/// Calls `use` with every name in a folder, in any order. Errors: not_found, access_denied, io.
Status for_each_name(const std::string& path, const std::function<void(std::string_view, TypeHint)>& use);

/// "too large: 300 MiB, the limit for one file is 256 MiB"
Error too_large(std::uint64_t size, std::uint64_t limit);

/// Where a link leads, as it is written in it. Errors: as file_info; unsupported where links are never followed (on Windows).
Result<std::string> link_target(const std::string& path);

/// A path that the user named on purpose, made absolute and with its links resolved; paths of this machine have `/` everywhere.
/// Errors: as file_info.
Result<std::string> real_path(const std::string& path);

/// Whether names that differ in the case of letters only are one name.
enum class Names { as_spelled, any_case };

/// Where a path of the VM leads when every link is resolved as the VM would: absolute links start at `root` again and
/// `..` never leaves it. Both the argument and the result are paths of the VM (`/var/log/syslog`). The last part need
/// not exist. With `any_case`, as on the mounted disk of a Windows VM, `/Windows/System32` leads to `/WINDOWS/system32`
/// when there is nothing that is spelled like the path. Errors: not_found, access_denied, io ("too many links");
/// timed_out where the way leads to one of the `silent` mounts, which is not touched.
Result<std::string> resolve_links(const std::string& root, const std::string& path,
                                  const std::vector<MountPoint>& silent = {}, Names names = Names::as_spelled);

/// The name in a folder of this machine that a system which does not tell case apart takes for `name`; `name` when
/// there is none.
std::string spelled_in(const std::string& folder, const std::string& name);

/// The error of a path of this machine that is one of the mounts; nothing when it is none.
std::optional<Error> silence_of(const std::string& path, const std::vector<MountPoint>& silent);

/// `root` and a path of the VM as a path of this machine.
std::string below(const std::string& root, std::string_view path);

/// Whether a path with `/` begins with a drive: `C:`, `C:/Windows`.
bool has_drive(std::string_view path);

/// A path of a VM as its own tools show it: on Windows `C:\Windows\x` for `/Windows/x`, since the disk that Windows runs from is C:
/// there, and `D:\x` for `/D:/x`.
std::string shown_path(const std::string& os, std::string_view vm_path);

/// The reverse, for a path or a glob as its user types it: on Windows `/Windows/x` for `C:\Windows\x` and `/D:/x` for `d:/x`.
std::string vm_path_of(const std::string& os, std::string_view shown);

/// The same for a path of this machine that is on the VM's disk: `/Windows/x` for `E:\Windows\x` when the `root` is
/// `E:\`; nothing for a path that is not below the root, and when the root is this machine's own.
std::optional<std::string> vm_path_below(const std::string& root, const std::string& os, std::string_view shown);

/// Whose disk a root is: `windows` when it holds Windows' folder, else `linux`.
std::string os_of_root(const std::string& root);

}  // namespace vmtriage
