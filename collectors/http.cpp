#include "collectors/http.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "collectors/http_message.h"
#include "collectors/sockets.h"

namespace vmtriage {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// How late a stop request may be noticed.
constexpr int kPollMs = 100;

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
  Status wait_for(Awaited awaited) {
    for (;;) {
      const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - SteadyClock::now()).count();
      if (stop_ != nullptr && stop_->load()) return Error{ErrorCode::timed_out, "stopped on request"};
      if (rest <= 0) return Error{ErrorCode::timed_out, "no answer within " + in_seconds(request_.timeout_ms)};
      const Result<bool> ready = wait_some(socket_, awaited, static_cast<int>(std::min<std::int64_t>(rest, kPollMs)));
      if (!ready) return ready.error();
      if (*ready) return Done{};
    }
  }

  Status connect_to_server() {
    Result<Socket> socket = start_connecting(request_.address, request_.port);
    if (!socket) return socket.error();
    socket_ = std::move(*socket);
    if (Status ready = wait_for(Awaited::output); !ready) return ready;
    return check_connection(socket_);
  }

  Status send_all(std::string_view text) {
    while (!text.empty()) {
      const Moved sent = send_some(socket_, text);
      if (!sent) return sent.error();
      if (*sent) {
        text.remove_prefix(**sent);
      } else if (Status ready = wait_for(Awaited::output); !ready) {
        return ready;
      }
    }
    return Done{};
  }

  Result<HttpReply> receive() {
    HttpReplyReader reader(request_.max_bytes);
    std::array<char, 16 * 1024> buffer;
    for (;;) {
      if (const Status ready = wait_for(Awaited::input); !ready) return ready.error();
      const Moved received = receive_some(socket_, buffer);
      if (!received) return received.error();
      if (!*received) continue;
      if (**received == 0) {
        const Status ended = reader.end();
        if (!ended) return ended.error();
        return std::move(reader.reply());
      }
      const Result<bool> complete = reader.add({buffer.data(), **received});
      if (!complete) return complete.error();
      if (*complete) return std::move(reader.reply());
    }
  }

  const HttpRequest& request_;
  const std::atomic<bool>* const stop_;
  const SteadyClock::time_point deadline_ = SteadyClock::now() + std::chrono::milliseconds(request_.timeout_ms);
  Socket socket_;
};

}  // namespace

Result<HttpReply> http_get(const HttpRequest& request, const std::atomic<bool>* stop) {
  Result<HttpReply> reply = Exchange(request, stop).run();
  if (!reply) return Error{reply.error().code, url_of(request) + ": " + reply.error().what};
  return reply;
}

}  // namespace vmtriage
