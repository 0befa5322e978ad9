#include "collectors/private_folder.h"

#include "agent/base/temporary_name.h"

namespace vmtriage {

Result<PrivateFolder> PrivateFolder::create(const std::string& parent) {
  std::string path = parent + "/" + temporary_name();
  if (const Status made = make_private_folder(path); !made) return made.error();
  return PrivateFolder(std::move(path));
}

PrivateFolder::~PrivateFolder() {
  if (!path_.empty()) remove_own_folder(path_);
}

}  // namespace vmtriage
