#include "collectors/glob_list.h"

#include <algorithm>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

/// The longest part of a glob without wildcards and slashes: `azure` of `/var/log/azure*/**`.
std::string_view longest_piece(std::string_view glob) {
  std::string_view longest;
  while (!glob.empty()) {
    const std::size_t end = std::min(glob.find_first_of("/*?"), glob.size());
    if (end > longest.size()) longest = glob.substr(0, end);
    glob.remove_prefix(std::min(end + 1, glob.size()));
  }
  return longest;
}

}  // namespace

GlobList::GlobList(const std::vector<std::string>& globs) {
  for (const std::string& glob : globs) {
    // What stands in brackets need not stand in the path.
    const bool plain = !glob.empty() && glob.find('[') == std::string::npos;
    const bool ends_plain = plain && glob.find_last_of("/*?") != glob.size() - 1;
    globs_.push_back({glob, plain ? std::string(longest_piece(glob)) : "", ends_plain ? glob.back() : '\0'});
  }
}

bool GlobList::match_tail(std::string_view path) const {
  const char last = path.empty() || path.back() == '/' ? '\0' : path.back();
  return std::any_of(globs_.begin(), globs_.end(), [&](const Glob& glob) {
    if (glob.last != '\0' && last != '\0' && glob.last != last) return false;
    return path.find(glob.piece) != std::string_view::npos && glob_match_tail(glob.text, path);
  });
}

}  // namespace vmtriage
