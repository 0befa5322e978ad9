#include "collectors/windows/registry.h"

#include <windows.h>

#include <array>

#include "collectors/windows/native.h"

namespace vmtriage {

std::optional<std::string> registry_text(const std::string& key, const std::string& name) {
  std::array<wchar_t, 4096> text{};
  auto size = static_cast<DWORD>(text.size() * sizeof(wchar_t));
  constexpr DWORD kTypes = RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND;
  const LSTATUS status =
      RegGetValueW(HKEY_LOCAL_MACHINE, to_wide(key).c_str(), to_wide(name).c_str(), kTypes, nullptr, text.data(), &size);
  if (status != ERROR_SUCCESS) return std::nullopt;
  return to_utf8(text.data());
}

std::optional<std::uint32_t> registry_number(const std::string& key, const std::string& name) {
  DWORD number = 0, size = sizeof number;
  const LSTATUS status =
      RegGetValueW(HKEY_LOCAL_MACHINE, to_wide(key).c_str(), to_wide(name).c_str(), RRF_RT_REG_DWORD, nullptr, &number, &size);
  if (status != ERROR_SUCCESS) return std::nullopt;
  return number;
}

}  // namespace vmtriage
