#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string_view>

namespace vmtriage {

using Socket = int;
inline constexpr Socket kNoSocket = -1;

inline Socket new_socket(int family, int type, int protocol) { return socket(family, type, protocol); }
inline void close_socket(Socket socket) { close(socket); }
/// Lets an accept() of another thread return.
inline void end_waiting(Socket listener) { shutdown(listener, SHUT_RDWR); }
inline long send_some(Socket socket, std::string_view text) { return send(socket, text.data(), text.size(), MSG_NOSIGNAL); }

}  // namespace vmtriage
