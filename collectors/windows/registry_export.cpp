#include <windows.h>

#include <array>

#include "agent/base/text.h"
#include "collectors/owned.h"
#include "collectors/registry_format.h"
#include "collectors/windows/native.h"
#include "collectors/windows/questions.h"

namespace vmtriage {
namespace {

constexpr std::string_view kShortHive = "HKLM\\";
constexpr std::string_view kHive = "HKEY_LOCAL_MACHINE\\";
constexpr DWORD kMaxNameUnits = 16'384;  // the registry's own limit for a value's name
constexpr DWORD kMaxDataBytes = 64 << 10;
constexpr int kMaxDepth = 16;

struct KeyTraits {
  using Value = HKEY;
  static HKEY none() { return nullptr; }
  static bool is_none(HKEY key) { return key == nullptr; }
  static void close(HKEY key) { RegCloseKey(key); }
};
using Key = Owned<KeyTraits>;

class Export {
 public:
  explicit Export(AnswerWriter& answer) : answer_(answer) {}

  /// Without its hive.
  void write(const std::string& key, bool only_values) {
    HKEY opened = nullptr;
    answer_.asking(std::string(kHive) + key);
    const LSTATUS status = RegOpenKeyExW(HKEY_LOCAL_MACHINE, to_wide(key).c_str(), 0, KEY_READ | KEY_WOW64_64KEY, &opened);
    if (status == ERROR_FILE_NOT_FOUND) return answer_.line("; " + std::string(kHive) + key + ": not there");
    if (status != ERROR_SUCCESS) return refuse(key, static_cast<DWORD>(status));
    write_tree(Key(opened), key, only_values ? 0 : kMaxDepth);
  }

 private:
  void refuse(const std::string& key, DWORD reason) {
    Error error = os_error(printable(std::string(kHive) + key), reason);
    answer_.line("; " + error.what);
    answer_.fail(std::move(error));
  }

  void write_tree(const Key& key, const std::string& path, int depth) {
    answer_.asking(std::string(kHive) + path);
    answer_.heading("[" + std::string(kHive) + path + "]");
    write_values(key, path);
    if (depth == 0) return;
    std::array<wchar_t, 256> name;  // the registry's own limit for a key's name
    for (DWORD i = 0; answer_.is_wanted(); ++i) {
      auto size = static_cast<DWORD>(name.size());
      if (RegEnumKeyExW(key.get(), i, name.data(), &size, nullptr, nullptr, nullptr, nullptr) != ERROR_SUCCESS) return;
      const std::string below = path + "\\" + to_utf8({name.data(), size});
      HKEY opened = nullptr;
      const LSTATUS status = RegOpenKeyExW(key.get(), name.data(), 0, KEY_READ | KEY_WOW64_64KEY, &opened);
      if (status == ERROR_SUCCESS) write_tree(Key(opened), below, depth - 1);
      if (status != ERROR_SUCCESS && status != ERROR_FILE_NOT_FOUND) refuse(below, static_cast<DWORD>(status));
    }
  }

  void write_values(const Key& key, const std::string& path) {
    for (DWORD i = 0; answer_.is_wanted(); ++i) {
      DWORD name_size = kMaxNameUnits, type = 0, size = kMaxDataBytes;
      const LSTATUS status = RegEnumValueW(key.get(), i, name_.data(), &name_size, nullptr, &type,
                                           reinterpret_cast<BYTE*>(data_.data()), &size);
      if (status == ERROR_MORE_DATA) {
        answer_.line("; a value of " + format_size(size) + " was left out");
        continue;
      }
      if (status == ERROR_NO_MORE_ITEMS) return;
      if (status != ERROR_SUCCESS) return refuse(path, static_cast<DWORD>(status));
      answer_.line(registry_line(to_utf8({name_.data(), name_size}), type, {data_.data(), size}));
    }
  }

  AnswerWriter& answer_;
  std::wstring name_ = std::wstring(kMaxNameUnits, L'\0');
  std::string data_ = std::string(kMaxDataBytes, '\0');
};

}  // namespace

void ask_registry(const std::vector<std::string>& keys, AnswerWriter& answer) {
  Export registry(answer);
  for (std::string key : keys) {
    if (!starts_with_no_case(key, kShortHive)) {
      answer.fail({ErrorCode::unsupported, key + ": only keys of " + std::string(kShortHive) + " are read"});
      continue;
    }
    key.erase(0, kShortHive.size());
    const bool only_values = key.ends_with("\\.");
    if (only_values) key.resize(key.size() - 2);
    registry.write(key, only_values);
  }
}

}  // namespace vmtriage
