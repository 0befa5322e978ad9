#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "collectors/catalog.h"
#include "collectors/files.h"
#include "collectors/source.h"

namespace vmtriage {

/// Every regular file below a folder (a copied tree, a mounted disk, an unpacked bundle), or one single file. Files are
/// recognised by the end of their path. Links are not followed; memory does not grow with the number of files.
class FolderSource : public Source {
 public:
  FolderSource(const Catalog& catalog, std::string path, const std::atomic<bool>* stop);

  Result<std::optional<Item>> next() override;
  bool is_sequential() const override { return false; }
  const LeftOutList& left_out() const override { return left_out_; }

 private:
  struct Level {
    std::string path;
    NameList names;
    std::size_t next = 0;
  };
  void enter(const std::string& path);
  Item no_event_log(const std::string& path) const;
  std::optional<Item> offer(const std::string& path, const std::string& real, const FileInfo& info);

  const Catalog& catalog_;
  std::string root_;
  const std::atomic<bool>* stop_;
  std::vector<Level> levels_;
  bool started_ = false;
  LeftOutList left_out_;
};

/// Fills in what the catalogue knows of a path: id and format. Something unknown is a text (`text.unknown`), unless its
/// name says that it is an event log.
Artifact recognise_artifact(const Catalog& catalog, std::string_view path);

/// Whether a path is a part that this program itself puts into its bundles: reports quote evidence and are no evidence.
bool is_report_part(std::string_view path);

}  // namespace vmtriage
