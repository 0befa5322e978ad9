#include "collectors/http.h"

#include <winsock2.h>
#include <ws2tcpip.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <optional>

#include "collectors/http_message.h"
#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// How late a stop request may be noticed.
constexpr int kPollMs = 100;

/// Windows' sockets work only between its two calls.
class Winsock {
 public:
  Winsock() {
    WSADATA ignored{};
    error_ = WSAStartup(MAKEWORD(2, 2), &ignored);
  }
  Winsock(const Winsock&) = delete;
  Winsock& operator=(const Winsock&) = delete;
  ~Winsock() {
    if (error_ == 0) WSACleanup();
  }
  int error() const { return error_; }

 private:
  int error_ = 0;
};

class Socket {
 public:
  explicit Socket(SOCKET number = INVALID_SOCKET) : number_(number) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Socket() {
    if (number_ != INVALID_SOCKET) closesocket(number_);
  }
  SOCKET get() const { return number_; }
  explicit operator bool() const { return number_ != INVALID_SOCKET; }

 private:
  SOCKET number_;
};

struct Address {
  sockaddr_storage storage = {};
  int size = 0;
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

Error socket_error(std::string_view thing, int number) { return os_error(thing, static_cast<DWORD>(number)); }

/// One request on one connection; every wait ends at the same deadline.
class Exchange {
 public:
  Exchange(const HttpRequest& request, const std::atomic<bool>* stop) : request_(request), stop_(stop) {}

  Result<HttpReply> run() {
    if (winsock_.error() != 0) return socket_error("network", winsock_.error());
    const Result<std::string> text = format_http_request(request_);
    if (!text) return text.error();
    const Status connected = connect_to_server();
    if (!connected) return connected.error();
    const Status sent = send_all(*text);
    if (!sent) return sent.error();
    return receive();
  }

 private:
  /// `select`, since WSAPoll does not tell of a refused connection on older systems.
  Status wait_for(bool reading) {
    for (;;) {
      const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - SteadyClock::now()).count();
      if (stop_ != nullptr && stop_->load()) return Error{ErrorCode::timed_out, "stopped on request"};
      if (rest <= 0) return Error{ErrorCode::timed_out, "no answer within " + in_seconds(request_.timeout_ms)};
      fd_set ready, failed;
      FD_ZERO(&ready);
      FD_ZERO(&failed);
      FD_SET(socket_.get(), &ready);
      FD_SET(socket_.get(), &failed);
      timeval pause{0, static_cast<long>(std::min<std::int64_t>(rest, kPollMs)) * 1000};
      const int count = select(0, reading ? &ready : nullptr, reading ? nullptr : &ready, &failed, &pause);
      if (count > 0) return Done{};
      if (count < 0) return socket_error("waiting", WSAGetLastError());
    }
  }

  Status connect_to_server() {
    const auto address = parse_address(request_);
    if (!address) return Error{ErrorCode::unsupported, "not a literal IP address"};
    socket_ = Socket(socket(address->storage.ss_family, SOCK_STREAM, IPPROTO_TCP));
    if (!socket_) return socket_error("socket", WSAGetLastError());
    u_long nonblocking = 1;
    ioctlsocket(socket_.get(), static_cast<long>(FIONBIO), &nonblocking);
    if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address->storage), address->size) == 0) return Done{};
    if (WSAGetLastError() != WSAEWOULDBLOCK) return socket_error("no connection", WSAGetLastError());
    Status ready = wait_for(false);
    if (!ready) return ready;
    int failed = 0;
    int size = sizeof failed;
    getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&failed), &size);
    if (failed != 0) return socket_error("no connection", failed);
    return Done{};
  }

  Status send_all(std::string_view text) {
    while (!text.empty()) {
      const int size = send(socket_.get(), text.data(), static_cast<int>(text.size()), 0);
      if (size >= 0) {
        text.remove_prefix(static_cast<std::size_t>(size));
        continue;
      }
      if (WSAGetLastError() != WSAEWOULDBLOCK) return socket_error("sending", WSAGetLastError());
      Status ready = wait_for(false);
      if (!ready) return ready;
    }
    return Done{};
  }

  Result<HttpReply> receive() {
    HttpReplyReader reader(request_.max_bytes);
    std::array<char, 16 * 1024> buffer;
    for (;;) {
      const Status ready = wait_for(true);
      if (!ready) return ready.error();
      const int size = recv(socket_.get(), buffer.data(), static_cast<int>(buffer.size()), 0);
      if (size < 0 && WSAGetLastError() == WSAEWOULDBLOCK) continue;
      if (size < 0) return socket_error("receiving", WSAGetLastError());
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
  const Winsock winsock_;
  Socket socket_;
};

}  // namespace

Result<HttpReply> http_get(const HttpRequest& request, const std::atomic<bool>* stop) {
  Result<HttpReply> reply = Exchange(request, stop).run();
  if (!reply) return Error{reply.error().code, url_of(request) + ": " + reply.error().what};
  return reply;
}

}  // namespace vmtriage
