#include "collectors/system_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "collectors/reachability.h"
#include "tests/collectors/one_shot_server.h"

namespace vmtriage {
namespace {

constexpr int kLongMs = 60'000;

TEST(SystemQuery, BlocksStandApartAndForeignTextStaysInItsLine) {
  const SystemAnswer answer = ask_for("X", kLongMs, nullptr, [](AnswerWriter& writer) {
    writer.heading("service VSS");
    writer.field("display name", "Volume\nShadow Copy");
    writer.heading("service \x80");
    writer.field("state", "stopped");
  });
  EXPECT_EQ(answer.text, "service VSS\n    display name: Volume\\nShadow Copy\n\nservice \\x80\n    state: stopped\n");
  EXPECT_TRUE(answer.problems.empty());
}

TEST(SystemQuery, WhatStandsWhenTheTimeIsOverIsKeptAndTheSilentOneIsNamed) {
  const auto released = std::make_shared<std::promise<void>>();
  const auto gone = std::make_shared<std::promise<void>>();
  const SystemAnswer answer = ask_for("X", 1, nullptr, [future = released->get_future().share(), gone](AnswerWriter& writer) {
    writer.heading("volume A");
    writer.asking("volume B");
    future.wait();
    writer.heading("too late");
    gone->set_value();
  });
  released->set_value();
  gone->get_future().wait();
  EXPECT_THAT(answer.text, testing::Not(testing::HasSubstr("too late")));
  ASSERT_EQ(answer.problems.size(), 1u);
  EXPECT_EQ(answer.problems[0].code, ErrorCode::timed_out);
  EXPECT_THAT(answer.problems[0].what, testing::AnyOf(testing::StartsWith("volume B: "), testing::StartsWith("X: ")));
}

TEST(SystemQuery, AStopRequestEndsTheWaiting) {
  const auto released = std::make_shared<std::promise<void>>();
  const std::atomic<bool> stop = true;
  const SystemAnswer answer =
      ask_for("X", kLongMs, &stop, [future = released->get_future().share()](AnswerWriter&) { future.wait(); });
  released->set_value();
  ASSERT_EQ(answer.problems.size(), 1u);
  EXPECT_THAT(answer.problems[0].what, testing::HasSubstr("the run was stopped"));
}

TEST(SystemQuery, AnAnswerWithoutEndIsCut) {
  const SystemAnswer answer = ask_for("X", kLongMs, nullptr, [](AnswerWriter& writer) {
    writer.asking("HKEY_LOCAL_MACHINE\\X");
    const std::string line(1000, 'x');
    while (writer.is_wanted()) writer.line(line);
  });
  EXPECT_LE(answer.text.size(), AnswerWriter::kMaxBytes);
  ASSERT_EQ(answer.problems.size(), 1u);
  EXPECT_EQ(answer.problems[0].code, ErrorCode::too_large);
  EXPECT_THAT(answer.problems[0].what, testing::StartsWith("HKEY_LOCAL_MACHINE\\X: "));
}

TEST(SystemQuery, AQuestionThatBreaksIsAProblemOfItsAnswer) {
  const SystemAnswer answer = ask_for("X", kLongMs, nullptr, [](AnswerWriter& writer) {
    writer.heading("before");
    throw std::runtime_error("out of luck");
  });
  EXPECT_EQ(answer.text, "before\n");
  ASSERT_EQ(answer.problems.size(), 1u);
  EXPECT_THAT(answer.problems[0].what, testing::HasSubstr("out of luck"));
}

TEST(SystemQuery, UnknownQuestionsAreRefused) {
  EXPECT_EQ(ask_system({"weather", "tomorrow"}, kLongMs, nullptr).error().code, ErrorCode::unsupported);
  EXPECT_EQ(ask_system({}, kLongMs, nullptr).error().code, ErrorCode::unsupported);
}

TEST(SystemQuery, ServicesOfThePlatformAreReadOffTheCatalogue) {
  const auto service = parse_platform_service("wire-server=168.63.129.16:80/?comp=versions");
  ASSERT_TRUE(service);
  EXPECT_EQ(service->name, "wire-server");
  EXPECT_EQ(service->request.address, "168.63.129.16");
  EXPECT_EQ(service->request.port, 80);
  EXPECT_EQ(service->request.path, "/?comp=versions");
  for (const std::string_view wrong : {"", "x", "x=", "x=1.2.3.4/", "x=1.2.3.4:/", "x=1.2.3.4:80", "x=1.2.3.4:99999/"}) {
    EXPECT_FALSE(parse_platform_service(wrong)) << wrong;
  }
}

TEST(SystemQuery, AnyHttpAnswerMeansThatAServiceIsReachable) {
  const OneShotServer server([](const Socket& socket) { say(socket, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"); });
  const std::string port = std::to_string(server.request().port);
  const auto answer = ask_system({"reachability", "wire-server=127.0.0.1:" + port + "/?comp=versions", "nonsense"}, kLongMs, nullptr);
  ASSERT_TRUE(answer.ok()) << answer.error().what;
  EXPECT_EQ(answer->text, "wire-server\n    url: http://127.0.0.1:" + port + "/\n    answer: HTTP 404\n");
  ASSERT_EQ(answer->problems.size(), 1u);
}

TEST(SystemQuery, AClosedPortIsNoAnswer) {
  const auto answer = ask_system({"reachability", "host-plugin=127.0.0.1:1/versions"}, kLongMs, nullptr);
  ASSERT_TRUE(answer.ok()) << answer.error().what;
  EXPECT_THAT(answer->text, testing::HasSubstr("    no answer: "));
  EXPECT_TRUE(answer->problems.empty());
}

}  // namespace
}  // namespace vmtriage
