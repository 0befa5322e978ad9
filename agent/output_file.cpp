#include "agent/output_file.h"

#include <string>
#include <vector>

#include "agent/base/temporary_name.h"
#include "collectors/files.h"

namespace vmtriage {

void remove_abandoned(const fs::path& folder, Time before) {
  std::vector<fs::path> found;
  const Status listed = for_each_name(folder.string(), [&](std::string_view name, TypeHint) {
    if (is_temporary_name(name)) found.push_back(folder / std::string(name));
  });
  if (!listed) return;
  for (const fs::path& path : found) {
    const auto info = file_info(path.string());
    if (info && info->modified < before) remove_if_abandoned(path);
  }
}

}  // namespace vmtriage
