#include <windows.h>

#include <aclapi.h>
#include <sddl.h>

#include <array>
#include <cstdio>
#include <memory>
#include <optional>

#include "agent/base/text.h"
#include "collectors/windows/native.h"
#include "collectors/windows/questions.h"

namespace vmtriage {
namespace {

struct FreeLocal {
  void operator()(void* memory) const { LocalFree(memory); }
};
template <typename T>
using Local = std::unique_ptr<T, FreeLocal>;

std::string sid_text(PSID sid) {
  wchar_t* text = nullptr;
  if (!ConvertSidToStringSidW(sid, &text)) return "unknown";
  const Local<wchar_t> owned(text);
  return to_utf8(text);
}

/// Of this machine alone: for the account of a domain its controller would have to answer, and whose it is does not matter here.
bool is_built_in(const std::string& sid) {
  return sid == "S-1-1-0" || sid.starts_with("S-1-3-") || sid.starts_with("S-1-5-32-") || sid.starts_with("S-1-5-80-") ||
         (sid.starts_with("S-1-5-") && sid.find('-', 6) == std::string::npos);
}

/// `Everyone (S-1-1-0)`
std::string account(PSID sid) {
  const std::string text = sid_text(sid);
  std::array<wchar_t, 256> name{}, domain{};
  auto name_size = static_cast<DWORD>(name.size());
  auto domain_size = static_cast<DWORD>(domain.size());
  SID_NAME_USE use{};
  if (!is_built_in(text) || !LookupAccountSidW(nullptr, sid, name.data(), &name_size, domain.data(), &domain_size, &use)) return text;
  return (domain[0] == L'\0' ? "" : to_utf8(domain.data()) + "\\") + to_utf8(name.data()) + " (" + text + ")";
}

/// The rights of files, whose bits are the same for the rest as far as they are named here.
std::string rights_text(DWORD mask) {
  std::array<char, 16> hex{};
  std::snprintf(hex.data(), hex.size(), "0x%08lx", static_cast<unsigned long>(mask));
  if ((mask & FILE_ALL_ACCESS) == FILE_ALL_ACCESS || (mask & GENERIC_ALL) != 0) return std::string("full control ") + hex.data();
  std::string words;
  if ((mask & FILE_GENERIC_READ) == FILE_GENERIC_READ || (mask & GENERIC_READ) != 0) words += "read ";
  if ((mask & FILE_GENERIC_WRITE) == FILE_GENERIC_WRITE || (mask & GENERIC_WRITE) != 0) words += "write ";
  if ((mask & DELETE) != 0) words += "delete ";
  return words + hex.data();
}

void write_entries(PACL list, AnswerWriter& answer) {
  if (list == nullptr) return answer.field("allow", "everybody: everything (no list)");
  for (DWORD i = 0; i < list->AceCount; ++i) {
    void* entry = nullptr;
    if (!GetAce(list, i, &entry)) return;
    const auto* header = static_cast<const ACE_HEADER*>(entry);
    const bool allows = header->AceType == ACCESS_ALLOWED_ACE_TYPE;
    if (!allows && header->AceType != ACCESS_DENIED_ACE_TYPE) continue;  // the SDDL has the rare ones
    const auto* ace = static_cast<const ACCESS_ALLOWED_ACE*>(entry);     // a denial has the same shape
    const std::string inherited = header->AceFlags & INHERITED_ACE ? ", inherited" : "";
    answer.field(allows ? "allow" : "deny",
                 account(const_cast<DWORD*>(&ace->SidStart)) + ": " + rights_text(ace->Mask) + inherited);
  }
}

/// `HKLM\SOFTWARE\Classes` as GetNamedSecurityInfoW names it: `MACHINE\SOFTWARE\Classes`.
std::optional<std::string> registry_name(const std::string& path) {
  constexpr std::string_view kHive = "HKLM";
  if (!starts_with_no_case(path, "HKLM\\")) return std::nullopt;
  return "MACHINE" + path.substr(kHive.size());
}

void describe(const std::string& path, AnswerWriter& answer) {
  constexpr SECURITY_INFORMATION kParts = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
  const auto key = registry_name(path);
  PACL list = nullptr;
  PSID owner = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  std::wstring name = to_wide(key.value_or(path));
  answer.asking(path);
  const DWORD status = GetNamedSecurityInfoW(name.data(), key ? SE_REGISTRY_KEY : SE_FILE_OBJECT, kParts, &owner, nullptr, &list, nullptr,
                                             &descriptor);
  const Local<void> owned(descriptor);
  answer.heading(path);
  if (status == ERROR_FILE_NOT_FOUND || status == ERROR_PATH_NOT_FOUND) return answer.field("sddl", "not there");
  if (status != ERROR_SUCCESS) return answer.fail(os_error(path, status));
  wchar_t* text = nullptr;
  if (!ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, SDDL_REVISION_1, kParts, &text, nullptr)) {
    return answer.fail(os_error(path, GetLastError()));
  }
  const Local<wchar_t> owned_text(text);
  answer.field("sddl", to_utf8(text));
  if (owner != nullptr) answer.field("owner", account(owner));
  write_entries(list, answer);
}

}  // namespace

void ask_access_rights(const std::vector<std::string>& paths, AnswerWriter& answer) {
  for (const std::string& path : paths) {
    if (!answer.is_wanted()) return;
    describe(path, answer);
  }
}

}  // namespace vmtriage
