#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/result.h"

namespace vmtriage {

/// A GET to a service of the platform. There is no name resolution, no proxy and no redirection: the services that are
/// asked have fixed addresses and must not be asked through anything.
struct HttpRequest {
  std::string address;  ///< a literal IPv4 or IPv6 address
  std::uint16_t port = 80;
  std::string path = "/";
  std::vector<std::pair<std::string, std::string>> headers = {};
  int timeout_ms = 2'000;             ///< for everything together, from connecting to the last byte
  std::size_t max_bytes = 256 << 10;  ///< of the body
};

struct HttpReply {
  int status = 0;  ///< 200, 404, …: any answer is a reply
  std::string body;
};

/// Errors: unsupported (no literal address, a line break in the request), timed_out, access_denied and io (no
/// connection), too_large, corrupt (not HTTP, or it ended early). They begin with the URL.
Result<HttpReply> http_get(const HttpRequest& request, const std::atomic<bool>* stop = nullptr);

}  // namespace vmtriage
