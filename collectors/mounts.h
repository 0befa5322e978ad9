#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace vmtriage {

/// A file system that is mounted on this machine.
struct MountPoint {
  std::string path;  ///< `/hana/shared`
  std::string type;   ///< `nfs4`, `ext4`
};

/// The mounts of a table in the form of Linux' /proc/self/mountinfo; lines that are none are passed over:
///
///     98 27 0:45 / /hana/shared rw,relatime shared:53 - nfs4 10.1.0.4:/shared rw,vers=4.1
std::vector<MountPoint> parse_mountinfo(std::string_view table);

/// What is mounted on the machine whose `/` is `root`; nothing where that cannot be read, as on a copied disk.
std::vector<MountPoint> mounts_of(const std::string& root);

/// Whether a file system's files are those of a server or of another program, so that reading one may take for ever.
bool depends_on_others(const MountPoint& mount);

/// The mounts of this machine whose server does not answer within `patience`; all are asked at once. Nothing at or below one of
/// them may be touched: the call would last until the server is back. One question stays open for each until the program ends.
std::vector<MountPoint> silent_mounts(std::chrono::milliseconds patience);

}  // namespace vmtriage
