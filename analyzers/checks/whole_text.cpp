#include "analyzers/checks/whole_text.h"

#include <string>
#include <utility>

namespace vmtriage {
namespace {

class WholeTextScan : public Scan {
 public:
  WholeTextScan(const Artifact& artifact, ReadWhole read, std::size_t max_bytes)
      : artifact_(artifact), read_(std::move(read)), max_bytes_(max_bytes) {}

  void block(const Block& block, std::uint64_t) override {
    if (too_large_) return;
    too_large_ = text_.size() + block.text.size() > max_bytes_;
    if (too_large_) {
      text_ = std::string();
    } else {
      text_ += block.text;
    }
  }

  void finish(Insights& insights) override {
    if (too_large_) {
      insights.errors.push_back({ErrorCode::too_large, printable(artifact_.origin) + ": larger than " +
                                                           format_size(max_bytes_) + ", not read"});
      return;
    }
    read_(artifact_, text_, insights);
  }

 private:
  Artifact artifact_;
  ReadWhole read_;
  std::size_t max_bytes_;
  std::string text_;
  bool too_large_ = false;
};

}  // namespace

std::unique_ptr<Scan> scan_whole(const Artifact& artifact, ReadWhole read, std::size_t max_bytes) {
  return std::make_unique<WholeTextScan>(artifact, std::move(read), max_bytes);
}

}  // namespace vmtriage
