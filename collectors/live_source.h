#pragma once

#include "collectors/event_log.h"
#include "collectors/plan.h"
#include "collectors/source.h"

namespace vmtriage {

/// The artifacts of a plan: the files and command outputs of this VM, or of a disk mounted at `root`. Event logs are those that
/// `exporter` gives, and copies of the files where it gives none; null for a system that does not run.
class LiveSource : public Source {
 public:
  LiveSource(Plan plan, std::string root, const std::atomic<bool>* stop, std::shared_ptr<EventLogExporter> exporter = nullptr);

  Result<std::optional<Item>> next() override;
  bool is_sequential() const override { return false; }
  const LeftOutList& left_out() const override { return plan_.left_out; }

 private:
  Item file_item(const PlannedItem& planned) const;
  Item command_item(const PlannedItem& planned) const;

  Plan plan_;
  std::string root_;
  const std::atomic<bool>* stop_;
  std::shared_ptr<EventLogExporter> exporter_;
  std::size_t next_ = 0;
};

/// How a path of the VM is named inside a bundle: `/var/log/x` → `files/var/log/x`, `C:\Windows\x` →
/// `files/C/Windows/x`.
std::string bundle_path_of(std::string_view vm_path);

}  // namespace vmtriage
