#include "collectors/private_folder.h"

#include <array>
#include <random>

#include "agent/base/text.h"

namespace vmtriage {

Result<PrivateFolder> PrivateFolder::create(const std::string& parent) {
  std::random_device random;
  std::array<unsigned char, 8> bytes;
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random());
  std::string path = parent + "/.vmtriage-" + to_hex(bytes) + ".part";
  if (const Status made = make_private_folder(path); !made) return made.error();
  return PrivateFolder(std::move(path));
}

PrivateFolder::~PrivateFolder() {
  if (!path_.empty()) remove_own_folder(path_);
}

}  // namespace vmtriage
