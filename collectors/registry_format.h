#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vmtriage {

/// A value of the registry as a line in the manner of `.reg` files, but with every text readable:
///
///     "USEVSSCOPYBACKUP"="TRUE"
///     "Start"=dword:00000003
///     "ImagePath"=expand:"%systemroot%\\system32\\vssvc.exe"
///     "DependOnService"=multi:"RPCSS","EventSystem"
///     @=hex:01,02,ff
///
/// `type` is that of the registry (REG_SZ is 1), `data` its bytes; texts are UTF-16. What is too long to be a setting is
/// cut, with `…` and its length behind it.
std::string registry_line(std::string_view name, std::uint32_t type, std::string_view data);

}  // namespace vmtriage
