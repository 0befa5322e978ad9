#include "agent/bundle.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <sstream>

#include "agent/report.h"

namespace vmtriage {
namespace {

std::string ascii_word(std::string_view text, std::size_t max_bytes) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 && static_cast<unsigned char>(c) < 0x80;
    out += plain || c == '-' || c == '.' ? c : '-';
    if (out.size() == max_bytes) break;
  }
  return out;
}

std::string stem_of(const std::string& path) {
  const std::size_t slash = path.find_last_of("/\\");
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.ends_with(".zip")) name.resize(name.size() - 4);
  return name;
}

}  // namespace

std::string bundle_name(const std::string& case_id, const std::string& host, Time time, std::uint32_t random) {
  std::string stamp = format_time(time);
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06x", random & 0xffffff);
  std::string name = "vmtriage_";
  if (!case_id.empty()) name += ascii_word(case_id, 30) + "_";
  return name + ascii_word(host.empty() ? "vm" : host, 30) + "_" + stamp + "_" + digits + ".zip";
}

Values environment_values(const Environment& host) {
  return {{"host", host.host_name},
          {"os", host.os},
          {"kernel", host.kernel},
          {"subscription_id", host.azure.subscription_id},
          {"resource_group", host.azure.resource_group},
          {"vm", host.azure.vm},
          {"vm_id", host.azure.vm_id},
          {"location", host.azure.location},
          {"vm_size", host.azure.vm_size},
          {"agent_version", host.azure.agent_version},
          {"extension_version", host.azure.extension_version},
          {"vault", host.vault},
          {"vault_resource_group", host.vault_resource_group}};
}

Bundle::Bundle(std::string path, std::unique_ptr<ZipWriter> zip)
    : path_(std::move(path)), folder_(stem_of(path_)), zip_(std::move(zip)) {
  // Reports are told from evidence by the name of their folder.
  if (!folder_.starts_with("vmtriage_")) folder_ = "vmtriage_" + folder_;
}

Result<std::unique_ptr<Bundle>> Bundle::create(const std::string& path, Compression compression) {
  ZipOptions options;
  options.compression = compression;
  auto zip = ZipWriter::create(path, options);
  if (!zip) return zip.error();
  return std::unique_ptr<Bundle>(new Bundle(path, std::move(*zip)));
}

Result<ZipWriter::Entry> Bundle::open(const Artifact& artifact, ThreadSlots* slots) {
  const bool compress = artifact.format != Format::opaque || !artifact.bundle_path.ends_with(".gz");
  return zip_->open(folder_ + "/" + artifact.bundle_path, artifact.modified, compress, slots);
}

Status Bundle::close(ZipWriter::Entry entry, const Artifact& artifact, const StoredAs& stored) {
  if (const Status closed = entry.close(); !closed) return closed;
  ManifestEntry row;
  row.id = artifact.id;
  row.origin = artifact.origin;
  row.bundle_path = entry.name().substr(folder_.size() + 1);
  row.size = entry.size();
  row.modified = artifact.modified;
  row.sha256 = entry.sha256_hex();
  row.truncated = stored.skipped_bytes;
  row.decoded = stored.decoded;
  row.obtained = stored.obtained;
  row.redacted = stored.redacted;
  row.redactions = stored.redactions;
  row.error = stored.problem;
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::move(row));
  return Done{};
}

Status Bundle::add_text(const std::string& name, const std::string& text) {
  Artifact artifact;
  artifact.id = "vmtriage.report";
  artifact.origin = "vmtriage";
  artifact.bundle_path = name;
  artifact.modified = now();
  auto entry = open(artifact);
  if (!entry) return entry.error();
  if (const Status written = entry->write(text); !written) return written;
  return close(std::move(*entry), artifact, {});
}

Status Bundle::write_manifest(ZipWriter::Entry& entry, const Report& report) {
  ManifestWriter writer([&](std::string_view text) { return entry.write(text); });
  ManifestHead head;
  head.tool = "vmtriage " VMTRIAGE_VERSION;
  head.bundle = folder_;
  head.created = now();
  head.partial = report.partial;
  head.environment = environment_values(report.host);
  if (const Status status = writer.begin(head); !status) return status;
  for (const ManifestEntry& row : entries_) {
    if (const Status status = writer.add(row); !status) return status;
  }
  for (const LeftOut& row : report.left_out.entries()) {
    if (const Status status = writer.leave_out(row); !status) return status;
  }
  return writer.finish();
}

Status Bundle::finish(Report& report, Language language) {
  if (const auto lost = zip_->lost(); !lost.empty()) {
    return Error{ErrorCode::io, printable(path_) + ": " + std::to_string(lost.size()) + " file(s) could not be written, the disk is full"};
  }
  report.bundle = path_;
  report.bundle_bytes = zip_->bytes_written();
  const std::pair<const char*, std::string> parts[] = {{"README.txt", render_bundle_readme(report)},
                                                       {"report.html", render_html(report, language)},
                                                       {"findings.json", render_json(report, language)},
                                                       {"ticket.txt", render_ticket(report)}};
  for (const auto& [name, text] : parts) {
    if (const Status added = add_text(name, text); !added) return added;
  }
  auto manifest = zip_->open(folder_ + "/manifest.json", now());
  if (!manifest) return manifest.error();
  if (const Status written = write_manifest(*manifest, report); !written) return written;
  if (const Status closed = manifest->close(); !closed) return closed;
  const auto size = zip_->finish();
  if (!size) return size.error();
  report.bundle_bytes = *size;
  return Done{};
}

}  // namespace vmtriage
