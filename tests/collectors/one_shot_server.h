#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "collectors/http.h"
#include PLATFORM_SOCKETS_H  // tests/collectors/linux/sockets.h or that of windows

namespace vmtriage {

/// Serves one connection on a random port of the loopback interface.
class OneShotServer {
 public:
  using Conversation = std::function<void(Socket socket)>;

  explicit OneShotServer(Conversation talk) : listener_(new_socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, talk = std::move(talk)] {
      const Socket client = accept(listener_, nullptr, nullptr);
      if (client == kNoSocket) return;
      read_request(client);
      talk(client);
      close_socket(client);
    });
  }
  ~OneShotServer() {
    end_waiting(listener_);
    thread_.join();
    close_socket(listener_);
  }

  HttpRequest request() const {
    return {"127.0.0.1", port_, "/metadata/instance?api-version=2021-02-01", {{"Metadata", "true"}}};
  }
  const std::string& received() const { return received_; }

 private:
  void read_request(Socket client) {
    char c = 0;
    while (!received_.ends_with("\r\n\r\n") && recv(client, &c, 1, 0) == 1) received_ += c;
  }

  Socket listener_;
  std::uint16_t port_ = 0;
  std::string received_;
  std::thread thread_;
};

inline bool say(Socket socket, std::string_view text) { return send_some(socket, text) > 0; }

}  // namespace vmtriage
