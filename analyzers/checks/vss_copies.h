#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vmtriage {

struct VssProvider {
  std::string name;
  std::string id;  ///< lower case, without braces
  std::string version;
  std::uint64_t line = 0;
};

/// Reads `vssadmin list providers` in any UI language:
///
///     Provider name: 'Microsoft Software Shadow Copy provider 1.0'
///        Provider type: System
///        Provider Id: {b5946137-7b9f-4925-af80-51abd60b20d5}
///        Version: 1.0.0.7
///
/// A provider is told from a writer by the line between its name and its only id.
std::vector<VssProvider> parse_provider_list(std::string_view text);

/// Whether a provider comes with Windows, Hyper-V or Azure.
bool is_microsoft_provider(const VssProvider& provider);

/// One shadow copy.
struct ShadowCopy {
  std::string volume;  ///< `C:`, or `Volume{…}` where it has no letter
  std::string device;  ///< `HarddiskVolumeShadowCopy3`
  std::uint64_t line = 0;
};

/// Reads `vssadmin list shadows` and `diskshadow list shadows all` in any UI language, by the names of volumes and
/// devices:
///
///          Original Volume: (C:)\\?\Volume{c3b53dae-…}
///          Shadow Copy Volume: \\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy3
///
/// A copy that is listed twice counts once.
std::vector<ShadowCopy> parse_shadow_list(std::string_view text);

/// The space set aside for the shadow copies of a volume.
struct ShadowStorage {
  std::string volume;
  std::optional<double> used;     ///< bytes
  std::optional<double> maximum;  ///< bytes; nothing while unknown or unbounded
  bool unbounded = false;
  std::optional<int> maximum_percent;  ///< of the volume
  std::uint64_t line = 0;
  std::string excerpt;
};

/// Reads `vssadmin list shadowstorage` in any UI language: two lines that name volumes and three sizes.
///
///        For volume: (C:)\\?\Volume{986da89b-…}
///        Shadow Copy Storage volume: (C:)\\?\Volume{986da89b-…}
///        Used Shadow Copy Storage space: 2.06 GB (1%)
///        Allocated Shadow Copy Storage space: 2.53 GB (1%)
///        Maximum Shadow Copy Storage space: 11.8 GB (8%)
std::vector<ShadowStorage> parse_storage_list(std::string_view text);

}  // namespace vmtriage
