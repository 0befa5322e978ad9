#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/manifest.h"

/// Whatever is read as a manifest is read the same once it was written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vmtriage;
  const Result<Manifest> first = read_manifest({reinterpret_cast<const char*>(data), size});
  if (!first) return 0;
  std::string json;
  ManifestWriter writer([&](std::string_view text) -> Status {
    json += text;
    return Done{};
  });
  bool written = writer.begin(first.value().head).ok();
  for (const ManifestEntry& entry : first.value().files) written = written && writer.add(entry).ok();
  for (const LeftOut& line : first.value().left_out) written = written && writer.leave_out(line).ok();
  if (!written || !writer.finish()) std::abort();
  const Result<Manifest> second = read_manifest(json);
  if (!second || second.value().files.size() != first.value().files.size()) std::abort();
  return 0;
}
