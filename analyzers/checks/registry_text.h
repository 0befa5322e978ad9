#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/analyzer.h"

namespace vmtriage {

/// A value of the registry, with the key it stands in.
struct RegistryValue {
  std::string key;   ///< `HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\BcdrAgent`
  std::string name;  ///< empty: the key's default value
  std::string data;  ///< of a text as it is, of several texts one below the other; a number in decimal
  std::optional<std::uint64_t> number;
  Line line;
};

/// What a text of registry keys holds. A key without values is one value without name and data.
struct RegistryText {
  std::vector<RegistryValue> values;
  std::vector<std::pair<std::string, Line>> keys;

  /// The first value of this name in the key whose path ends so (`\BcdrAgent`), ASCII case ignored; null when there is none.
  const RegistryValue* find(std::string_view key_end, std::string_view name) const;
};

/// Reads what this program writes, `.reg` files and the output of `reg query`:
///
///     [HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\BcdrAgent]
///     "USEVSSCOPYBACKUP"="TRUE"
///     "ImagePath"=expand:"%systemroot%\\system32\\vssvc.exe"
///     "ImagePath"=hex(2):25,00,73,00,79,00,\ (and goes on in the next line)
///
///     HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\BcdrAgent
///         USEVSSCOPYBACKUP    REG_SZ    TRUE
RegistryText parse_registry_text(std::string_view text);

}  // namespace vmtriage
