#include "tests/cli/attached_disk.h"

#include <windows.h>

#include "collectors/files.h"
#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

/// `E:`, given to a folder; empty where the system does not do that.
std::string letter_for(const std::string& folder) {
  for (char letter = 'Y'; letter > 'D'; --letter) {
    const std::string drive = std::string(1, letter) + ":";
    if ((GetLogicalDrives() >> (letter - 'A') & 1) != 0) continue;
    if (DefineDosDeviceW(0, to_wide(drive).c_str(), to_wide(folder).c_str())) return drive;
  }
  return {};
}

/// Paths of any length, which the standard library does not remove.
void empty(const std::string& folder) {
  const auto names = list_folder(folder);
  for (std::size_t i = 0; names && i < names->size(); ++i) {
    const std::string path = folder + "/" + std::string((*names)[i]);
    if (DeleteFileW(native_path(path).c_str())) continue;
    empty(path);
    RemoveDirectoryW(native_path(path).c_str());
  }
}

}  // namespace

AttachedDisk::AttachedDisk() : turn_(CreateMutexW(nullptr, FALSE, L"vmtriage-tests-drive")) {
  // The processes of these tests would take the same letter.
  WaitForSingleObject(turn_, INFINITE);
  if (const char* spare = std::getenv("VMTRIAGE_SPARE_DRIVE"); spare != nullptr) {
    root_ = spare;
    empty(root_);
  } else if (const std::string drive = letter_for(folder_.path()); !drive.empty()) {
    root_ = drive + "\\";
  }
}

AttachedDisk::~AttachedDisk() {
  if (!root_.empty()) {
    empty(root_);
    // A spare drive does not lead to this folder, and stays.
    DefineDosDeviceW(DDD_REMOVE_DEFINITION | DDD_EXACT_MATCH_ON_REMOVE, to_wide(root_.substr(0, 2)).c_str(),
                     to_wide(folder_.path()).c_str());
  }
  ReleaseMutex(turn_);
  CloseHandle(turn_);
}

void AttachedDisk::put(const std::string& name, std::string_view text) const {
  for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    CreateDirectoryW(native_path(root_ + name.substr(0, slash)).c_str(), nullptr);
  }
  const Handle file(
      CreateFileW(native_path(root_ + name).c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, 0, nullptr));
  DWORD written = 0;
  EXPECT_TRUE(WriteFile(file.get(), text.data(), static_cast<DWORD>(text.size()), &written, nullptr)) << name;
}

}  // namespace vmtriage
