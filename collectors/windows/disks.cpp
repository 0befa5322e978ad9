#include <windows.h>

#include <ntddscsi.h>
#include <winioctl.h>

#include <array>
#include <cstddef>
#include <optional>

#include "agent/base/text.h"
#include "collectors/windows/native.h"
#include "collectors/windows/questions.h"

namespace vmtriage {
namespace {

/// The numbers may have gaps where disks were taken away.
constexpr int kMaxDisks = 128;
constexpr int kDiskPatienceMs = 3'000;

std::string bus_name(STORAGE_BUS_TYPE bus) {
  switch (static_cast<int>(bus)) {
    case BusTypeScsi: return "SCSI";
    case BusTypeAta: return "ATA";
    case BusTypeiScsi: return "iSCSI";
    case BusTypeSas: return "SAS";
    case BusTypeSata: return "SATA";
    case BusTypeVirtual: return "virtual";
    case BusTypeFileBackedVirtual: return "file";
    case 16: return "storage spaces";
    case 17: return "NVMe";
    default: return std::to_string(static_cast<int>(bus));
  }
}

std::string guid_text(const GUID& guid) {
  const std::array<unsigned char, 8> head = {
      static_cast<unsigned char>(guid.Data1 >> 24), static_cast<unsigned char>(guid.Data1 >> 16), static_cast<unsigned char>(guid.Data1 >> 8),
      static_cast<unsigned char>(guid.Data1),       static_cast<unsigned char>(guid.Data2 >> 8),  static_cast<unsigned char>(guid.Data2),
      static_cast<unsigned char>(guid.Data3 >> 8),  static_cast<unsigned char>(guid.Data3)};
  std::string hex = to_hex(head) + to_hex({guid.Data4, sizeof guid.Data4});
  for (const std::size_t at : {20, 16, 12, 8}) hex.insert(at, "-");
  return "{" + hex + "}";
}

/// One disk, opened without any right: enough to ask what it is.
class Disk {
 public:
  Disk(HANDLE handle, AnswerWriter& answer) : handle_(handle), answer_(answer) {}

  void describe() {
    write_device();
    write_address();
    write_size();
    write_attributes();
    write_layout();
  }

 private:
  /// The answer to a control code that wants no input.
  template <std::size_t N>
  bool ask(DWORD code, std::array<char, N>& buffer, const void* input = nullptr, DWORD input_size = 0) {
    DWORD size = 0;
    return DeviceIoControl(handle_, code, const_cast<void*>(input), input_size, buffer.data(), N, &size, nullptr);
  }

  void write_device() {
    alignas(8) std::array<char, 4096> buffer{};
    STORAGE_PROPERTY_QUERY query{};
    query.PropertyId = StorageDeviceProperty;
    query.QueryType = PropertyStandardQuery;
    if (!ask(IOCTL_STORAGE_QUERY_PROPERTY, buffer, &query, sizeof query)) return;
    const auto* device = reinterpret_cast<const STORAGE_DEVICE_DESCRIPTOR*>(buffer.data());
    buffer.back() = '\0';
    const auto text_at = [&](DWORD offset) { return offset == 0 || offset >= buffer.size() ? std::string() : std::string(&buffer[offset]); };
    answer_.field("model", std::string(trim(text_at(device->VendorIdOffset))) + " " + std::string(trim(text_at(device->ProductIdOffset))));
    answer_.field("bus", bus_name(device->BusType));
  }

  /// The LUN is that of the data disk in the portal.
  void write_address() {
    alignas(8) std::array<char, sizeof(SCSI_ADDRESS)> buffer{};
    if (!ask(IOCTL_SCSI_GET_ADDRESS, buffer)) return;
    const auto* address = reinterpret_cast<const SCSI_ADDRESS*>(buffer.data());
    answer_.field("address", "port " + std::to_string(address->PortNumber) + ", bus " + std::to_string(address->PathId) + ", target " +
                                 std::to_string(address->TargetId) + ", LUN " + std::to_string(address->Lun));
  }

  void write_size() {
    alignas(8) std::array<char, sizeof(DISK_GEOMETRY_EX) + 256> buffer{};
    if (!ask(IOCTL_DISK_GET_DRIVE_GEOMETRY_EX, buffer)) return;
    const auto* geometry = reinterpret_cast<const DISK_GEOMETRY_EX*>(buffer.data());
    const auto bytes = static_cast<std::uint64_t>(geometry->DiskSize.QuadPart);
    answer_.field("size", std::to_string(bytes) + " (" + format_size(bytes) + ")");
    answer_.field("sector", std::to_string(geometry->Geometry.BytesPerSector));
  }

  void write_attributes() {
    // As winioctl.h has it since Windows 7.
    struct DiskAttributes {
      DWORD version;
      DWORD reserved;
      DWORDLONG attributes;
    };
    constexpr DWORD kGetDiskAttributes = CTL_CODE(IOCTL_DISK_BASE, 0x003c, METHOD_BUFFERED, FILE_ANY_ACCESS);
    constexpr DWORDLONG kOffline = 1, kReadOnly = 2;
    alignas(8) std::array<char, sizeof(DiskAttributes)> buffer{};
    if (!ask(kGetDiskAttributes, buffer)) return;
    const DWORDLONG attributes = reinterpret_cast<const DiskAttributes*>(buffer.data())->attributes;
    answer_.field("offline", attributes & kOffline ? "yes" : "no");
    answer_.field("read-only", attributes & kReadOnly ? "yes" : "no");
  }

  void write_layout() {
    constexpr std::size_t kMaxPartitions = 128;
    alignas(8) std::array<char, sizeof(DRIVE_LAYOUT_INFORMATION_EX) + kMaxPartitions * sizeof(PARTITION_INFORMATION_EX)> buffer{};
    if (!ask(IOCTL_DISK_GET_DRIVE_LAYOUT_EX, buffer)) return;
    const auto* layout = reinterpret_cast<const DRIVE_LAYOUT_INFORMATION_EX*>(buffer.data());
    const bool is_gpt = layout->PartitionStyle == PARTITION_STYLE_GPT;
    answer_.field("partition style", is_gpt ? "GPT" : layout->PartitionStyle == PARTITION_STYLE_MBR ? "MBR" : "none");
    for (DWORD i = 0; i < layout->PartitionCount && i < kMaxPartitions; ++i) {
      const PARTITION_INFORMATION_EX& partition = layout->PartitionEntry[i];
      if (partition.PartitionNumber == 0) continue;  // an unused place of an MBR
      const auto bytes = static_cast<std::uint64_t>(partition.PartitionLength.QuadPart);
      const unsigned char type = is_gpt ? 0 : partition.Mbr.PartitionType;
      answer_.field("partition " + std::to_string(partition.PartitionNumber),
                    "from " + std::to_string(partition.StartingOffset.QuadPart) + ", " + std::to_string(bytes) + " (" + format_size(bytes) +
                        "), type " + (is_gpt ? guid_text(partition.Gpt.PartitionType) : "0x" + to_hex({&type, 1})));
    }
  }

  HANDLE handle_;
  AnswerWriter& answer_;
};

/// Writes nothing where there is no disk of that number.
void describe_disk(const std::wstring& device, const std::string& shown, AnswerWriter& answer) {
  const Handle handle(CreateFileW(device.c_str(), 0, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr));
  if (!handle) {
    const DWORD reason = GetLastError();
    if (reason != ERROR_FILE_NOT_FOUND && reason != ERROR_PATH_NOT_FOUND) answer.fail(os_error(shown, reason));
    return;
  }
  answer.heading(shown);
  Disk(handle.get(), answer).describe();
}

}  // namespace

void ask_disks(const std::vector<std::string>&, AnswerWriter& answer) {
  for (int i = 0; i < kMaxDisks && answer.is_wanted(); ++i) {
    const std::string shown = "disk " + std::to_string(i);
    const std::wstring device = to_wide("\\\\.\\PhysicalDrive" + std::to_string(i));
    answer.asking(shown);
    answer.append(ask_for(shown, kDiskPatienceMs, nullptr, [device, shown](AnswerWriter& writer) { describe_disk(device, shown, writer); }));
  }
}

}  // namespace vmtriage
