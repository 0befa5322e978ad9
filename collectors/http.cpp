#include "collectors/http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

#include "collectors/http_message.h"
#include "collectors/linux/descriptor.h"
#include "collectors/linux/os_error.h"

namespace vmtriage {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// How late a stop request may be noticed.
constexpr int kPollMs = 100;

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

std::optional<Address> parse_address(const HttpRequest& request) {
  Address address;
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  if (inet_pton(AF_INET, request.address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(request.port);
    address.size = sizeof v4;
    std::memcpy(&address.storage, &v4, sizeof v4);
    return address;
  }
  if (inet_pton(AF_INET6, request.address.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(request.port);
  address.size = sizeof v6;
  std::memcpy(&address.storage, &v6, sizeof v6);
  return address;
}

std::string in_seconds(int milliseconds) {
  if (milliseconds % 1000 != 0) return std::to_string(milliseconds) + " ms";
  return std::to_string(milliseconds / 1000) + " s";
}

/// One request on one connection; every wait ends at the same deadline.
class Exchange {
 public:
  Exchange(const HttpRequest& request, const std::atomic<bool>* stop) : request_(request), stop_(stop) {}

  Result<HttpReply> run() {
    const Result<std::string> text = format_http_request(request_);
    if (!text) return text.error();
    const Status connected = connect_to_server();
    if (!connected) return connected.error();
    const Status sent = send_all(*text);
    if (!sent) return sent.error();
    return receive();
  }

 private:
  Status wait_for(short events) {
    for (;;) {
      const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - SteadyClock::now()).count();
      if (stop_ != nullptr && stop_->load()) return Error{ErrorCode::timed_out, "stopped on request"};
      if (rest <= 0) return Error{ErrorCode::timed_out, "no answer within " + in_seconds(request_.timeout_ms)};
      pollfd waiting{socket_.get(), events, 0};
      const int ready = poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(rest, kPollMs)));
      if (ready > 0) return Done{};
      if (ready < 0 && errno != EINTR) return os_error("poll", errno);
    }
  }

  Status connect_to_server() {
    const auto address = parse_address(request_);
    if (!address) return Error{ErrorCode::unsupported, "not a literal IP address"};
    socket_ = Descriptor(socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) return os_error("socket", errno);
    if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address->storage), address->size) == 0) return Done{};
    if (errno != EINPROGRESS) return os_error("no connection", errno);
    Status ready = wait_for(POLLOUT);
    if (!ready) return ready;
    int failed = 0;
    socklen_t size = sizeof failed;
    getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failed, &size);
    if (failed != 0) return os_error("no connection", failed);
    return Done{};
  }

  Status send_all(std::string_view text) {
    while (!text.empty()) {
      const ssize_t size = send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (size >= 0) {
        text.remove_prefix(static_cast<std::size_t>(size));
        continue;
      }
      if (errno != EAGAIN && errno != EINTR) return os_error("sending", errno);
      Status ready = wait_for(POLLOUT);
      if (!ready) return ready;
    }
    return Done{};
  }

  Result<HttpReply> receive() {
    HttpReplyReader reader(request_.max_bytes);
    std::array<char, 16 * 1024> buffer;
    for (;;) {
      const Status ready = wait_for(POLLIN);
      if (!ready) return ready.error();
      const ssize_t size = recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (size < 0) return os_error("receiving", errno);
      if (size == 0) {
        const Status ended = reader.end();
        if (!ended) return ended.error();
        return std::move(reader.reply());
      }
      const Result<bool> complete = reader.add({buffer.data(), static_cast<std::size_t>(size)});
      if (!complete) return complete.error();
      if (*complete) return std::move(reader.reply());
    }
  }

  const HttpRequest& request_;
  const std::atomic<bool>* const stop_;
  const SteadyClock::time_point deadline_ = SteadyClock::now() + std::chrono::milliseconds(request_.timeout_ms);
  Descriptor socket_;
};

}  // namespace

Result<HttpReply> http_get(const HttpRequest& request, const std::atomic<bool>* stop) {
  Result<HttpReply> reply = Exchange(request, stop).run();
  if (!reply) return Error{reply.error().code, url_of(request) + ": " + reply.error().what};
  return reply;
}

}  // namespace vmtriage
