#include <windows.h>

#include <winioctl.h>

#include <array>
#include <optional>

#include "agent/base/text.h"
#include "collectors/windows/native.h"
#include "collectors/windows/questions.h"

namespace vmtriage {
namespace {

/// A volume whose disk is gone answers never; the next one is asked then.
constexpr int kVolumePatienceMs = 3'000;
constexpr DWORD kMaxPathUnits = 32 << 10;

std::string type_name(UINT type) {
  switch (type) {
    case DRIVE_REMOVABLE: return "removable";
    case DRIVE_FIXED: return "fixed";
    case DRIVE_REMOTE: return "network";
    case DRIVE_CDROM: return "CD-ROM";
    case DRIVE_RAMDISK: return "RAM disk";
    default: return "unknown";
  }
}

/// The texts of a list whose each text ends at a zero and which ends at an empty one.
std::vector<std::string> texts_of(const std::wstring& list) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < list.size() && list[at] != L'\0'; at += wcslen(list.c_str() + at) + 1) {
    texts.push_back(to_utf8(list.c_str() + at));
  }
  return texts;
}

std::vector<std::string> mount_points(const std::wstring& volume) {
  std::wstring list(kMaxPathUnits, L'\0');
  DWORD size = 0;
  if (!GetVolumePathNamesForVolumeNameW(volume.c_str(), list.data(), kMaxPathUnits, &size)) return {};
  return texts_of(list);
}

std::string with_unit(std::uint64_t bytes) { return std::to_string(bytes) + " (" + format_size(bytes) + ")"; }

void write_file_system(const std::wstring& volume, AnswerWriter& answer) {
  std::array<wchar_t, MAX_PATH + 1> label{}, system{};
  DWORD serial = 0, longest = 0, flags = 0;
  if (!GetVolumeInformationW(volume.c_str(), label.data(), label.size(), &serial, &longest, &flags, system.data(), system.size())) {
    return answer.field("not readable", os_error("volume", GetLastError()).what);
  }
  answer.field("label", to_utf8(label.data()));
  answer.field("file system", to_utf8(system.data()));
  if (flags & FILE_READ_ONLY_VOLUME) answer.field("read-only", "yes");
  if (flags & FILE_VOLUME_IS_COMPRESSED) answer.field("compressed", "yes");
}

void write_space(const std::wstring& volume, AnswerWriter& answer) {
  ULARGE_INTEGER usable{}, total{}, free{};
  if (!GetDiskFreeSpaceExW(volume.c_str(), &usable, &total, &free)) return;
  answer.field("size", with_unit(total.QuadPart));
  answer.field("free", with_unit(free.QuadPart));
}

/// Opened without any right: enough to ask where it is.
void write_extents(const std::wstring& volume, AnswerWriter& answer) {
  const std::wstring device = volume.substr(0, volume.size() - 1);  // with its backslash it is the root folder
  const Handle handle(CreateFileW(device.c_str(), 0, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr));
  if (!handle) return;
  constexpr std::size_t kMaxExtents = 64;
  alignas(VOLUME_DISK_EXTENTS) std::array<char, sizeof(VOLUME_DISK_EXTENTS) + kMaxExtents * sizeof(DISK_EXTENT)> buffer{};
  DWORD size = 0;
  if (!DeviceIoControl(handle.get(), IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS, nullptr, 0, buffer.data(), buffer.size(), &size, nullptr)) {
    return;
  }
  const auto* extents = reinterpret_cast<const VOLUME_DISK_EXTENTS*>(buffer.data());
  for (DWORD i = 0; i < extents->NumberOfDiskExtents && i < kMaxExtents; ++i) {
    const DISK_EXTENT& extent = extents->Extents[i];
    answer.field("on disk", std::to_string(extent.DiskNumber) + ", from " + std::to_string(extent.StartingOffset.QuadPart) + ", " +
                                with_unit(static_cast<std::uint64_t>(extent.ExtentLength.QuadPart)));
  }
}

/// Every call may be the one that never comes back, so what is known is written at once.
void describe(const std::wstring& volume, AnswerWriter& answer) {
  const std::vector<std::string> points = mount_points(volume);
  for (const std::string& point : points) answer.field("mounted at", point);
  const std::wstring place = points.empty() ? volume : to_wide(points.front());
  const UINT type = GetDriveTypeW(place.c_str());
  answer.field("type", type_name(type));
  if (type != DRIVE_FIXED && type != DRIVE_REMOVABLE && type != DRIVE_RAMDISK) return;
  write_file_system(place, answer);
  write_space(place, answer);
  write_extents(volume, answer);
}

/// Letters of other machines' drives: their kind is known without asking the other machine.
void list_network_drives(AnswerWriter& answer) {
  const DWORD drives = GetLogicalDrives();
  for (int i = 0; i < 26; ++i) {
    const std::string root = std::string(1, static_cast<char>('A' + i)) + ":\\";
    if (!(drives >> i & 1) || GetDriveTypeW(to_wide(root).c_str()) != DRIVE_REMOTE) continue;
    answer.heading("drive " + root);
    answer.field("type", "network, not touched");
  }
}

}  // namespace

void ask_volumes(const std::vector<std::string>&, AnswerWriter& answer) {
  answer.asking("the list of volumes");
  std::array<wchar_t, MAX_PATH> name{};
  const HANDLE search = FindFirstVolumeW(name.data(), static_cast<DWORD>(name.size()));
  if (search == INVALID_HANDLE_VALUE) return answer.fail(os_error("the list of volumes", GetLastError()));
  do {
    const std::wstring volume = name.data();
    const std::string shown = "volume " + to_utf8(volume);
    answer.asking(shown);
    SystemAnswer one = ask_for(shown, kVolumePatienceMs, nullptr, [volume](AnswerWriter& writer) { describe(volume, writer); });
    answer.heading(shown);
    answer.append(std::move(one));
  } while (answer.is_wanted() && FindNextVolumeW(search, name.data(), static_cast<DWORD>(name.size())));
  FindVolumeClose(search);
  answer.asking("the network drives");
  list_network_drives(answer);
}

}  // namespace vmtriage
