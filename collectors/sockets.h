#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "collectors/owned.h"

namespace vmtriage {

/// A descriptor of Linux or a SOCKET of Windows.
struct SocketTraits {
  using Value = std::intptr_t;
  static constexpr Value none() { return -1; }
  static bool is_none(Value number) { return number == none(); }
  static void close(Value number);
};
using Socket = Owned<SocketTraits>;

/// Begins to connect and waits for nothing. Errors: unsupported ("not a literal IP address"), access_denied, io.
Result<Socket> start_connecting(const std::string& address, std::uint16_t port);
/// Whether the connection came about; asked when there is room for output. Errors: access_denied, io, timed_out.
Status check_connection(const Socket& socket);

enum class Awaited { input, output };
/// False: not within this time.
Result<bool> wait_some(const Socket& socket, Awaited awaited, int milliseconds);

/// How many bytes were taken; nothing where none could be without waiting. Received: 0 at the end.
using Moved = Result<std::optional<std::size_t>>;
Moved send_some(const Socket& socket, std::string_view bytes);
Moved receive_some(const Socket& socket, std::span<char> target);

/// The server's side, on a free port of the loopback interface. Its connections wait when they send and receive.
struct Listener {
  Socket socket;
  std::uint16_t port = 0;
};
Result<Listener> listen_on_loopback();
/// Waits for a client. None when the waiting was ended.
Socket accept_one(const Listener& listener);
/// Lets `accept_one` of another thread return.
void end_waiting(Listener& listener);

}  // namespace vmtriage
