#include "agent/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>

#include "agent/base/temporary_name.h"
#include "agent/base/text.h"
#include "collectors/linux/descriptor.h"
#include "collectors/linux/os_error.h"

namespace vmtriage {
namespace {

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
  std::uint64_t on_its_way = 0;  ///< what the disk was asked to begin with

  /// The disk writes while the rest is still compressed; otherwise publish() would wait for all of it. What fails is
  /// told by the fsync there.
  void begin_to_sync(std::uint64_t end) {
    constexpr std::uint64_t kStretchBytes = 8 << 20;
    if (end < on_its_way + kStretchBytes) return;
    ::sync_file_range(descriptor.get(), static_cast<off_t>(on_its_way), static_cast<off_t>(end - on_its_way),
                      SYNC_FILE_RANGE_WRITE);
    on_its_way = end;
  }

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
  const fs::path temporary = target.parent_path() / temporary_name();
  state->descriptor = Descriptor(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!state->descriptor) return os_error(state->name, errno);
  state->temporary = temporary;
  ::flock(state->descriptor.get(), LOCK_EX | LOCK_NB);  // for remove_if_abandoned of another run
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
  state_->begin_to_sync(offset);
  return Done{};
}

Status OutputFile::truncate(std::uint64_t size) {
  if (::ftruncate(state_->descriptor.get(), static_cast<off_t>(size)) != 0) return os_error(state_->name, errno);
  state_->on_its_way = std::min(state_->on_its_way, size);
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

void remove_if_abandoned(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != ::geteuid()) return;
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
}

}  // namespace vmtriage
