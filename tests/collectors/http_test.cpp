#include "collectors/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "collectors/http_message.h"
#include "tests/collectors/one_shot_server.h"

namespace vmtriage {
namespace {

using testing::HasSubstr;

void wait_for_close(const Socket& socket) {
  while (hear(socket) != 0) {
  }
}

TEST(Http, ARequestSaysWhatItWantsAndGetsTheBody) {
  Result<HttpReply> reply = HttpReply{};
  std::string received;
  {
    OneShotServer server([](const Socket& s) { say(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"); });
    reply = http_get(server.request());
    received = server.received();
  }
  ASSERT_TRUE(reply.ok()) << reply.error().what;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "{}");
  EXPECT_THAT(received, HasSubstr("GET /metadata/instance?api-version=2021-02-01 HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(received, HasSubstr("\r\nMetadata: true\r\n\r\n"));
}

TEST(Http, HostileServersBecomeErrors) {
  struct Case {
    const char* name;
    OneShotServer::Conversation talk;
    ErrorCode code;
    const char* what;
    int timeout_ms = 60'000;
  };
  const std::vector<Case> cases = {
      {"silence", wait_for_close, ErrorCode::timed_out, "no answer within 150 ms", 150},
      {"closes at once", [](const Socket&) {}, ErrorCode::corrupt, "closed without an answer"},
      {"endless headers",
       [](const Socket& s) {
         bool heard = say(s, "HTTP/1.1 200 OK\r\n");
         while (heard) heard = say(s, "X-Header: " + std::string(1000, 'x') + "\r\n");
       },
       ErrorCode::too_large, "headers"},
      {"an endless line",
       [](const Socket& s) {
         while (say(s, std::string(1000, 'x'))) {
         }
       },
       ErrorCode::too_large, "8 KiB"},
      {"an endless body",
       [](const Socket& s) {
         bool heard = say(s, "HTTP/1.1 200 OK\r\n\r\n");
         while (heard) heard = say(s, std::string(4096, 'x'));
       },
       ErrorCode::too_large, "longer than"},
      {"slow drip",
       [](const Socket& s) {
         say(s, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
         while (say(s, "x")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
       },
       ErrorCode::timed_out, "no answer within 150 ms", 150},
      {"half a body", [](const Socket& s) { say(s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"); }, ErrorCode::corrupt,
       "in the middle"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    OneShotServer server(c.talk);
    HttpRequest request = server.request();
    request.timeout_ms = c.timeout_ms;
    const Result<HttpReply> reply = http_get(request);
    ASSERT_FALSE(reply.ok());
    EXPECT_EQ(reply.error().code, c.code) << reply.error().what;
    EXPECT_THAT(reply.error().what, HasSubstr(c.what));
    EXPECT_THAT(reply.error().what, HasSubstr("http://127.0.0.1:"));
  }
}

TEST(Http, AServerThatDoesNotAnswerTimesOut) {
  OneShotServer server(wait_for_close);
  HttpRequest request = server.request();
  request.timeout_ms = 1000;
  const Result<HttpReply> reply = http_get(request);
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::timed_out);
  EXPECT_THAT(reply.error().what, HasSubstr("/metadata/instance: no answer within 1 s"));
}

TEST(Http, AStopRequestEndsTheWait) {
  OneShotServer server(wait_for_close);
  const std::atomic<bool> stop{true};
  HttpRequest request = server.request();
  request.timeout_ms = 60'000;
  const Result<HttpReply> reply = http_get(request, &stop);
  ASSERT_FALSE(reply.ok());
  EXPECT_THAT(reply.error().what, HasSubstr("stopped"));
}

TEST(Http, ARefusedConnectionIsAnError) {
  std::uint16_t port = 0;
  {
    OneShotServer server([](const Socket&) {});
    port = server.request().port;
  }
  const Result<HttpReply> reply = http_get({"127.0.0.1", port});
  ASSERT_FALSE(reply.ok());
  EXPECT_THAT(reply.error().what, HasSubstr("no connection: Connection refused"));
}

TEST(Http, OnlyLiteralAddressesAndCleanRequestsAreAccepted) {
  struct Case {
    const char* name;
    HttpRequest request;
  };
  for (const Case& c : std::vector<Case>{{"a name", {"localhost", 80}},
                                         {"an old number form", {"127.1", 80}},
                                         {"empty", {"", 80}},
                                         {"line break in the path", {"127.0.0.1", 80, "/a\r\nX: y"}},
                                         {"blank in the path", {"127.0.0.1", 80, "/a HTTP/1.0"}},
                                         {"relative path", {"127.0.0.1", 80, "a"}},
                                         {"line break in a header", {"127.0.0.1", 80, "/", {{"A", "b\r\nC: d"}}}},
                                         {"colon in a header's name", {"127.0.0.1", 80, "/", {{"A: b", "c"}}}}}) {
    SCOPED_TRACE(c.name);
    const Result<HttpReply> reply = http_get(c.request);
    ASSERT_FALSE(reply.ok());
    EXPECT_EQ(reply.error().code, ErrorCode::unsupported) << reply.error().what;
  }
}

TEST(Http, AnIpv6AddressStandsInBrackets) {
  EXPECT_EQ(url_of({"fe80::1", 8080, "/a?secret=b"}), "http://[fe80::1]:8080/a");
  EXPECT_THAT(*format_http_request({"fe80::1", 8080, "/a"}), HasSubstr("Host: [fe80::1]:8080\r\n"));
}

struct ReplyCase {
  const char* name;
  std::string bytes;
  int status;
  std::string body;
};

std::vector<ReplyCase> whole_replies() {
  return {
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
      {"case and blanks", "HTTP/1.1 200 OK\r\ncontent-LENGTH:  5  \r\n\r\nhello", 200, "hello"},
      {"nothing behind the body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello more", 200, "hello"},
      {"empty", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, ""},
      {"no body by status", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
      {"no reason", "HTTP/1.1 500\r\nContent-Length: 1\r\n\r\nx", 500, "x"},
      {"until the end", "HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello"},
      {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", 200,
       "hello"},
      {"chunks and trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
       200, "hello"},
      {"upper-case chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
       200, "0123456789"},
  };
}

TEST(Http, RepliesAreReadWhateverPiecesTheyComeIn) {
  for (const ReplyCase& c : whole_replies()) {
    for (std::size_t piece = 1; piece <= c.bytes.size(); ++piece) {
      SCOPED_TRACE(c.name + std::string(" in pieces of ") + std::to_string(piece));
      HttpReplyReader reader(100);
      bool complete = false;
      for (std::size_t at = 0; at < c.bytes.size() && !complete; at += piece) {
        const Result<bool> added = reader.add(std::string_view(c.bytes).substr(at, piece));
        ASSERT_TRUE(added.ok()) << added.error().what;
        complete = *added;
      }
      ASSERT_TRUE(complete || reader.end().ok());
      EXPECT_EQ(reader.reply().status, c.status);
      EXPECT_EQ(reader.reply().body, c.body);
    }
  }
}

TEST(Http, DamagedRepliesAreErrors) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  struct Case {
    const char* name;
    std::string bytes;
    ErrorCode code;
  };
  for (const Case& c : std::vector<Case>{
           {"another protocol", "SSH-2.0-OpenSSH_8.9\r\n", ErrorCode::corrupt},
           {"no status", "HTTP/1.1 abc\r\n", ErrorCode::corrupt},
           {"a status out of range", "HTTP/1.1 099 X\r\n", ErrorCode::corrupt},
           {"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", ErrorCode::corrupt},
           {"a header without a name", head + ": x\r\n", ErrorCode::corrupt},
           {"a header without a colon", head + "nonsense\r\n", ErrorCode::corrupt},
           {"negative length", head + "Content-Length: -1\r\n", ErrorCode::corrupt},
           {"two lengths", head + "Content-Length: 1\r\nContent-Length: 2\r\n", ErrorCode::corrupt},
           {"length and chunks", head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", ErrorCode::corrupt},
           {"huge length", head + "Content-Length: 18446744073709551615\r\n\r\n", ErrorCode::too_large},
           {"a length beyond numbers", head + "Content-Length: 99999999999999999999999\r\n", ErrorCode::corrupt},
           {"one too many", head + "Content-Length: 101\r\n\r\n", ErrorCode::too_large},
           {"compressed", head + "Transfer-Encoding: gzip, chunked\r\n", ErrorCode::unsupported},
           {"a chunk too large", head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", ErrorCode::too_large},
           {"a chunk without a size", head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", ErrorCode::corrupt},
           {"a chunk longer than told", head + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", ErrorCode::corrupt},
           {"chunks that add up",
            head + "Transfer-Encoding: chunked\r\n\r\n40\r\n" + std::string(64, 'x') + "\r\n40\r\n",
            ErrorCode::too_large},
           {"endless trailers",
            [&] {
              std::string text = head + "Transfer-Encoding: chunked\r\n\r\n0\r\n";
              for (int i = 0; i < 1000; ++i) text += "A: " + std::string(100, 'b') + "\r\n";
              return text;
            }(),
            ErrorCode::too_large}}) {
    SCOPED_TRACE(c.name);
    const Result<bool> added = HttpReplyReader(100).add(c.bytes);
    ASSERT_FALSE(added.ok());
    EXPECT_EQ(added.error().code, c.code) << added.error().what;
  }
}

}  // namespace
}  // namespace vmtriage
