#include "agent/log_computer.h"

#include <algorithm>
#include <deque>
#include <map>

#include "agent/base/text.h"
#include "analyzers/evtx/reader.h"
#include "collectors/files.h"

namespace vmtriage {

std::string computer_of_logs(const std::string& root) {
  constexpr std::size_t kNewest = 500;
  const auto log = resolve_links(root, "/Windows/System32/winevt/Logs/System.evtx", {}, Names::any_case);
  if (!log) return {};
  auto file = open_file(below(root, *log));
  if (!file) return {};
  std::deque<std::string> newest;
  EvtxConsumer consumer;
  consumer.event = [&](const Event& event) {
    if (event.computer.empty()) return false;
    newest.emplace_back(event.computer);
    if (newest.size() > kNewest) newest.pop_front();
    return false;
  };
  consumer.commit = [] { return true; };
  EvtxInput input{std::move(file->read), file->hole_bytes};
  // What could be read counts, whatever the end looks like.
  (void)read_evtx(input, {}, std::span(&consumer, 1));
  std::map<std::string, int> counts;
  for (const std::string& name : newest) ++counts[name.substr(0, name.find('.'))];
  const auto most = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? std::string() : printable(most->first);
}

}  // namespace vmtriage
