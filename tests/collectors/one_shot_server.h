#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "collectors/http.h"
#include "collectors/sockets.h"

namespace vmtriage {

/// What the client sent; 0 at the end.
inline char hear(const Socket& socket) {
  char c = 0;
  const Moved moved = receive_some(socket, std::span(&c, 1));
  return moved && *moved && **moved == 1 ? c : '\0';
}

/// False when nobody listens any more.
inline bool say(const Socket& socket, std::string_view text) {
  const Moved moved = send_some(socket, text);
  return moved && *moved;
}

/// Serves one connection on a random port of the loopback interface.
class OneShotServer {
 public:
  using Conversation = std::function<void(const Socket& socket)>;

  explicit OneShotServer(Conversation talk) : listener_(std::move(*listen_on_loopback())) {
    thread_ = std::thread([this, talk = std::move(talk)] {
      const Socket client = accept_one(listener_);
      if (!client) return;
      read_request(client);
      talk(client);
    });
  }
  ~OneShotServer() {
    end_waiting(listener_);
    thread_.join();
  }

  HttpRequest request() const {
    return {"127.0.0.1", listener_.port, "/metadata/instance?api-version=2021-02-01", {{"Metadata", "true"}}};
  }
  const std::string& received() const { return received_; }

 private:
  void read_request(const Socket& client) {
    while (!received_.ends_with("\r\n\r\n")) {
      const char c = hear(client);
      if (c == 0) return;
      received_ += c;
    }
  }

  Listener listener_;
  std::string received_;
  std::thread thread_;
};

}  // namespace vmtriage
