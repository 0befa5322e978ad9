#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/zip_directory.h"

namespace vmtriage {

/// How a bundle compares with its own manifest.
struct VerifyReport {
  std::string bundle;     ///< name of the bundle's folder, by the manifest
  bool partial = false;   ///< the manifest says that the run was not whole
  std::size_t files = 0;  ///< that are as the manifest has them
  std::uint64_t bytes = 0;
  /// "thing: reason", one for everything that is not as it should be; at most kMaxVerifyProblems and one that counts
  /// the rest.
  std::vector<std::string> problems;
};

inline constexpr std::size_t kMaxVerifyProblems = 1000;

/// Compares every file of a bundle with the bundle's manifest: size, hash, nothing added, nothing missing, names safe
/// to extract. Nothing is extracted; memory is bounded whatever the file claims: reading stops where an entry outgrows
/// its manifest. A manifest in the bundle shows damage and accidents; it is no proof against one who rewrites both.
///
/// Errors: not_found, access_denied, io; corrupt ("a.zip: not a zip file, …", also without a readable manifest).
Result<VerifyReport> verify_bundle(const fs::path& path);

}  // namespace vmtriage
