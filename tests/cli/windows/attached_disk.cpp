#include "tests/cli/attached_disk.h"

#include <windows.h>

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

void empty(const std::string& root) {
  // The root of an empty drive has nothing to go over, and that is an error.
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(root, ignored))
    std::filesystem::remove_all(entry.path(), ignored);
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

}  // namespace vmtriage
