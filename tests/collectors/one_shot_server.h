#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "collectors/http.h"

namespace vmtriage {

/// Serves one connection on a random port of the loopback interface.
class OneShotServer {
 public:
  using Conversation = std::function<void(int socket)>;

  explicit OneShotServer(Conversation talk) : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, talk = std::move(talk)] {
      const int client = accept(listener_, nullptr, nullptr);
      if (client < 0) return;
      read_request(client);
      talk(client);
      close(client);
    });
  }
  ~OneShotServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  HttpRequest request() const {
    return {"127.0.0.1", port_, "/metadata/instance?api-version=2021-02-01", {{"Metadata", "true"}}};
  }
  const std::string& received() const { return received_; }

 private:
  void read_request(int client) {
    char c = 0;
    while (!received_.ends_with("\r\n\r\n") && recv(client, &c, 1, 0) == 1) received_ += c;
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::string received_;
  std::thread thread_;
};

inline bool say(int socket, std::string_view text) { return send(socket, text.data(), text.size(), MSG_NOSIGNAL) > 0; }

}  // namespace vmtriage
