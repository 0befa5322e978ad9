#include "collectors/sockets.h"

#include <winsock2.h>
#include <ws2tcpip.h>

#include <cstring>

#include "collectors/windows/native.h"

namespace vmtriage {
namespace {

struct Address {
  sockaddr_storage storage = {};
  int size = 0;
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

SOCKET number_of(const Socket& socket) { return static_cast<SOCKET>(socket.get()); }

Error last_error(std::string_view thing) { return os_error(thing, static_cast<DWORD>(WSAGetLastError())); }

/// Sockets work only after this call, until the process ends.
bool start_sockets() {
  static const int failed = [] {
    WSADATA ignored{};
    return WSAStartup(MAKEWORD(2, 2), &ignored);
  }();
  if (failed != 0) WSASetLastError(failed);
  return failed == 0;
}

Socket new_socket(int family) {
  return start_sockets() ? Socket(static_cast<std::intptr_t>(socket(family, SOCK_STREAM, IPPROTO_TCP))) : Socket();
}

bool stop_blocking(const Socket& socket) {
  u_long nonblocking = 1;
  return ioctlsocket(number_of(socket), static_cast<long>(FIONBIO), &nonblocking) == 0;
}

Moved moved(int size, std::string_view what) {
  if (size >= 0) return std::optional(static_cast<std::size_t>(size));
  if (WSAGetLastError() == WSAEWOULDBLOCK) return std::optional<std::size_t>();
  return last_error(what);
}

}  // namespace

void SocketTraits::close(Value number) { closesocket(static_cast<SOCKET>(number)); }

Result<Socket> start_connecting(const std::string& address, std::uint16_t port) {
  const auto parsed = parse_address(address, port);
  if (!parsed) return Error{ErrorCode::unsupported, "not a literal IP address"};
  Socket socket = new_socket(parsed->storage.ss_family);
  if (!socket || !stop_blocking(socket)) return last_error("socket");
  const int failed = connect(number_of(socket), reinterpret_cast<const sockaddr*>(&parsed->storage), parsed->size);
  if (failed != 0 && WSAGetLastError() != WSAEWOULDBLOCK) return last_error("no connection");
  return socket;
}

Status check_connection(const Socket& socket) {
  int failed = 0;
  int size = sizeof failed;
  getsockopt(number_of(socket), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&failed), &size);
  if (failed != 0) return os_error("no connection", static_cast<DWORD>(failed));
  return Done{};
}

// `select`, since WSAPoll does not tell of a refused connection on older systems.
Result<bool> wait_some(const Socket& socket, Awaited awaited, int milliseconds) {
  fd_set ready, failed;
  FD_ZERO(&ready);
  FD_ZERO(&failed);
  FD_SET(number_of(socket), &ready);
  FD_SET(number_of(socket), &failed);
  timeval pause{milliseconds / 1000, static_cast<long>(milliseconds % 1000) * 1000};
  const bool input = awaited == Awaited::input;
  const int count = select(0, input ? &ready : nullptr, input ? nullptr : &ready, &failed, &pause);
  if (count < 0) return last_error("waiting");
  return count > 0;
}

Moved send_some(const Socket& socket, std::string_view bytes) {
  return moved(send(number_of(socket), bytes.data(), static_cast<int>(bytes.size()), 0), "sending");
}

Moved receive_some(const Socket& socket, std::span<char> target) {
  return moved(recv(number_of(socket), target.data(), static_cast<int>(target.size()), 0), "receiving");
}

Result<Listener> listen_on_loopback() {
  Listener listener{new_socket(AF_INET), 0};
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int size = sizeof address;
  auto* const place = reinterpret_cast<sockaddr*>(&address);
  const SOCKET number = number_of(listener.socket);
  if (bind(number, place, size) != 0 || listen(number, 1) != 0 || getsockname(number, place, &size) != 0) {
    return last_error("listening");
  }
  listener.port = ntohs(address.sin_port);
  return listener;
}

Socket accept_one(const Listener& listener) {
  return Socket(static_cast<std::intptr_t>(accept(number_of(listener.socket), nullptr, nullptr)));
}

void end_waiting(Listener& listener) { listener.socket.close(); }

}  // namespace vmtriage
