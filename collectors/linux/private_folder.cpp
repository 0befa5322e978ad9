#include "collectors/private_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/base/text.h"
#include "collectors/linux/os_error.h"

namespace vmtriage {

Status make_private_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) return os_error(printable(path), errno);
  return Done{};
}

void remove_own_folder(const std::string& path) { ::rmdir(path.c_str()); }

void remove_own_file(const std::string& path) { ::unlink(path.c_str()); }

}  // namespace vmtriage
