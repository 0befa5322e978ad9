#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace vmtriage {

/// A value of a key below HKEY_LOCAL_MACHINE: `registry_text("SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", "ProductName")`.
/// Nothing when it is not there, may not be read or is of another type.
std::optional<std::string> registry_text(const std::string& key, const std::string& name);
std::optional<std::uint32_t> registry_number(const std::string& key, const std::string& name);

}  // namespace vmtriage
