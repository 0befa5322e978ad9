#include "collectors/http.h"

#include <cstdlib>

#include "tests/collectors/one_shot_server.h"

namespace vmtriage {
namespace {

TEST(Http, ProxySettingsAreIgnored) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  OneShotServer server([](const Socket& s) { say(s, "HTTP/1.1 204 No Content\r\n\r\n"); });
  const Result<HttpReply> reply = http_get(server.request());
  unsetenv("http_proxy");
  ASSERT_TRUE(reply.ok()) << reply.error().what;
  EXPECT_EQ(reply->status, 204);
}

}  // namespace
}  // namespace vmtriage
