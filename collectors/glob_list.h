#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmtriage {

/// Shell patterns of which one may match; asked of every file of a disk.
class GlobList {
 public:
  GlobList() = default;
  explicit GlobList(const std::vector<std::string>& globs);

  /// Whether one of them matches the end of the path, as glob_match_tail.
  bool match_tail(std::string_view path) const;

 private:
  struct Glob {
    std::string text;
    std::string piece;  ///< what every path that matches holds; empty when there is none
    char last = '\0';   ///< what every path that matches ends in; NUL when there is none
  };

  std::vector<Glob> globs_;
};

}  // namespace vmtriage
