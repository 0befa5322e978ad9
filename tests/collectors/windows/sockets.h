#pragma once

#include <winsock2.h>
#include <ws2tcpip.h>

#include <string_view>

namespace vmtriage {

using Socket = SOCKET;
inline constexpr Socket kNoSocket = INVALID_SOCKET;

inline Socket new_socket(int family, int type, int protocol) {
  static const int started = [] {
    WSADATA ignored{};
    return WSAStartup(MAKEWORD(2, 2), &ignored);
  }();
  return started == 0 ? socket(family, type, protocol) : kNoSocket;
}
inline void close_socket(Socket socket) { closesocket(socket); }
/// Lets an accept() of another thread return.
inline void end_waiting(Socket listener) { closesocket(listener); }
inline long send_some(Socket socket, std::string_view text) { return send(socket, text.data(), static_cast<int>(text.size()), 0); }

}  // namespace vmtriage
