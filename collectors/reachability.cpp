#include "collectors/reachability.h"

#include <charconv>

#include "collectors/http_message.h"

namespace vmtriage {

std::optional<PlatformService> parse_platform_service(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view rest = word.substr(equals + 1);
  const std::size_t slash = rest.find('/');
  const std::size_t colon = rest.substr(0, slash).rfind(':');
  if (slash == std::string_view::npos || colon == std::string_view::npos) return std::nullopt;
  PlatformService service;
  service.name = word.substr(0, equals);
  service.request.address = rest.substr(0, colon);
  const std::string_view port = rest.substr(colon + 1, slash - colon - 1);
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), service.request.port);
  if (port.empty() || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) return std::nullopt;
  service.request.path = rest.substr(slash);
  service.request.headers = {{"Metadata", "true"}};
  return service;
}

void ask_reachability(const std::vector<std::string>& services, AnswerWriter& answer) {
  for (const std::string& word : services) {
    const auto service = parse_platform_service(word);
    if (!service) {
      answer.fail({ErrorCode::unsupported, word + ": not NAME=ADDRESS:PORT/PATH"});
      continue;
    }
    answer.asking(service->name);
    if (!answer.is_wanted()) return;
    const std::string url = url_of(service->request);
    const Result<HttpReply> reply = http_get(service->request);
    answer.heading(service->name);
    answer.field("url", url);
    if (reply) {
      answer.field("answer", "HTTP " + std::to_string(reply->status));
    } else {
      const std::string& what = reply.error().what;
      answer.field("no answer", what.starts_with(url + ": ") ? what.substr(url.size() + 2) : what);
    }
  }
}

}  // namespace vmtriage
