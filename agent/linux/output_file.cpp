#include "agent/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <random>
#include <string>

#include "agent/base/text.h"
#include "collectors/linux/descriptor.h"
#include "collectors/linux/os_error.h"

namespace vmtriage {
namespace {

fs::path temporary_beside(const fs::path& target) {
  std::random_device random;
  std::array<unsigned char, 8> bytes;
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random());
  return target.parent_path() / (".vmtriage-" + to_hex(bytes) + ".part");
}

void sync_folder(const fs::path& folder) {
  const Descriptor descriptor(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor) ::fsync(descriptor.get());  // some file systems refuse it; the file itself has been synced
}

}  // namespace

struct OutputFile::State {
  fs::path target;
  std::string name;
  fs::path temporary;
  Descriptor descriptor;
  bool published = false;

  ~State() {
    if (!published && !temporary.empty()) ::unlink(temporary.c_str());
  }
};

OutputFile::OutputFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;
OutputFile::~OutputFile() = default;

Result<OutputFile> OutputFile::create(const fs::path& target) {
  // A write beyond `ulimit -f` is to return EFBIG; the signal would end the program.
  std::signal(SIGXFSZ, SIG_IGN);
  auto state = std::make_unique<State>();
  state->target = target;
  state->name = printable(target.native());
  const fs::path temporary = temporary_beside(target);
  state->descriptor = Descriptor(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!state->descriptor) return os_error(state->name, errno);
  state->temporary = temporary;
  return OutputFile(std::move(state));
}

Status OutputFile::write_at(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(state_->descriptor.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return os_error(state_->name, errno);
    if (written == 0) return os_error(state_->name, EIO);
    offset += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return Done{};
}

Status OutputFile::truncate(std::uint64_t size) {
  if (::ftruncate(state_->descriptor.get(), static_cast<off_t>(size)) != 0) return os_error(state_->name, errno);
  return Done{};
}

Status OutputFile::publish() {
  if (::fsync(state_->descriptor.get()) != 0) return os_error(state_->name, errno);
  if (::close(state_->descriptor.release()) != 0) return os_error(state_->name, errno);  // NFS and quotas report a full disk here
  if (::rename(state_->temporary.c_str(), state_->target.c_str()) != 0) return os_error(state_->name, errno);
  state_->published = true;
  sync_folder(state_->target.parent_path());
  return Done{};
}

const std::string& OutputFile::name() const { return state_->name; }

}  // namespace vmtriage
