#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "collectors/catalog.h"
#include "collectors/source.h"

struct archive;

namespace vmtriage {

/// The files of an archive (zip, tar, tar.gz/xz/zst, 7z): another collector's bundle or this program's own. Read once
/// from front to back; nothing is unpacked to disk. Sizes that the archive states are not believed.
class ArchiveSource : public Source {
 public:
  /// Errors: not_found, access_denied, corrupt ("not an archive").
  static Result<std::unique_ptr<ArchiveSource>> open(const Catalog& catalog, const std::string& path,
                                                     const std::atomic<bool>* stop);
  ~ArchiveSource() override;

  Result<std::optional<Item>> next() override;
  bool is_sequential() const override { return true; }
  const LeftOutList& left_out() const override { return left_out_; }

 private:
  ArchiveSource(const Catalog& catalog, std::string path, const std::atomic<bool>* stop);
  Error failure() const;

  struct Input;
  struct Handle;
  const Catalog& catalog_;
  std::string path_;
  const std::atomic<bool>* stop_;
  std::unique_ptr<Input> input_;
  std::shared_ptr<Handle> handle_;
  std::uint64_t entries_ = 0;
  LeftOutList left_out_;
};

}  // namespace vmtriage
