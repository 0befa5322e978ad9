#include "collectors/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "collectors/linux/os_error.h"

namespace vmtriage {
namespace {

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

std::optional<Address> parse_address(const std::string& text, std::uint16_t port) {
  Address address;
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.size = sizeof v4;
    std::memcpy(&address.storage, &v4, sizeof v4);
    return address;
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  address.size = sizeof v6;
  std::memcpy(&address.storage, &v6, sizeof v6);
  return address;
}

int number_of(const Socket& socket) { return static_cast<int>(socket.get()); }

Socket new_socket(int family, int flags) { return Socket(socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, IPPROTO_TCP)); }

Moved moved(ssize_t size, std::string_view what) {
  if (size >= 0) return std::optional(static_cast<std::size_t>(size));
  if (errno == EAGAIN || errno == EINTR) return std::optional<std::size_t>();
  return os_error(what, errno);
}

}  // namespace

void SocketTraits::close(Value number) { ::close(static_cast<int>(number)); }

Result<Socket> start_connecting(const std::string& address, std::uint16_t port) {
  const auto parsed = parse_address(address, port);
  if (!parsed) return Error{ErrorCode::unsupported, "not a literal IP address"};
  Socket socket = new_socket(parsed->storage.ss_family, SOCK_NONBLOCK);
  if (!socket) return os_error("socket", errno);
  const int failed = connect(number_of(socket), reinterpret_cast<const sockaddr*>(&parsed->storage), parsed->size);
  if (failed != 0 && errno != EINPROGRESS) return os_error("no connection", errno);
  return socket;
}

Status check_connection(const Socket& socket) {
  int failed = 0;
  socklen_t size = sizeof failed;
  getsockopt(number_of(socket), SOL_SOCKET, SO_ERROR, &failed, &size);
  if (failed != 0) return os_error("no connection", failed);
  return Done{};
}

Result<bool> wait_some(const Socket& socket, Awaited awaited, int milliseconds) {
  pollfd waiting{number_of(socket), static_cast<short>(awaited == Awaited::input ? POLLIN : POLLOUT), 0};
  const int ready = poll(&waiting, 1, milliseconds);
  if (ready < 0 && errno != EINTR) return os_error("waiting", errno);
  return ready > 0;
}

Moved send_some(const Socket& socket, std::string_view bytes) {
  return moved(send(number_of(socket), bytes.data(), bytes.size(), MSG_NOSIGNAL), "sending");
}

Moved receive_some(const Socket& socket, std::span<char> target) {
  return moved(recv(number_of(socket), target.data(), target.size(), 0), "receiving");
}

Result<Listener> listen_on_loopback() {
  Listener listener{new_socket(AF_INET, 0), 0};
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const place = reinterpret_cast<sockaddr*>(&address);
  const int number = number_of(listener.socket);
  if (bind(number, place, size) != 0 || listen(number, 1) != 0 || getsockname(number, place, &size) != 0) {
    return os_error("listening", errno);
  }
  listener.port = ntohs(address.sin_port);
  return listener;
}

Socket accept_one(const Listener& listener) { return Socket(accept(number_of(listener.socket), nullptr, nullptr)); }

void end_waiting(Listener& listener) { shutdown(number_of(listener.socket), SHUT_RDWR); }

}  // namespace vmtriage
