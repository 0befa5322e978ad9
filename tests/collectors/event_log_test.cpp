#include "collectors/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>

#include "collectors/live_source.h"
#include "tests/collectors/plan_fixture.h"

namespace vmtriage {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::string kLogs = "/Windows/System32/winevt/Logs/";

TEST(EventLogs, AFileNamesItsChannel) {
  struct Case {
    const char* path;
    std::optional<std::string> channel;
  };
  for (const Case& c : {
           Case{"/Windows/System32/winevt/Logs/System.evtx", "System"},
           Case{"/Windows/System32/winevt/Logs/Windows Azure.evtx", "Windows Azure"},
           Case{"/Windows/System32/winevt/Logs/Microsoft-Windows-CAPI2%4Operational.evtx", "Microsoft-Windows-CAPI2/Operational"},
           Case{"/windows/system32/WINEVT/logs/application.EVTX", "application"},
           Case{"/Windows/System32/winevt/Logs/Archive-System-2024-05-01-10-20-30-123.evtx", std::nullopt},
           Case{"/Windows/System32/winevt/Logs/deeper/System.evtx", std::nullopt},
           Case{"/Windows/System32/winevt/Logs/.evtx", std::nullopt},
           Case{"/Windows/System32/winevt/Logs/System.evt", std::nullopt},
           Case{"/Temp/System.evtx", std::nullopt},
       }) {
    EXPECT_EQ(channel_of(c.path), c.channel) << c.path;
  }
}

TEST(EventLogs, AreAskedForFromATimeOn) {
  EXPECT_EQ(query_since(std::nullopt), "*");
  EXPECT_EQ(query_since(*parse_user_time("2024-05-01T02:03:04Z", Time{})),
            "*[System[TimeCreated[@SystemTime>='2024-05-01T02:03:04.000Z']]]");
}

/// A Windows in a folder whose event log service is ours.
class ExportedLogs : public Plans {
 protected:
  ExportedLogs() {
    options_.os = "windows";
    exports_.folder = output_.path();
    exports_.service = [](const std::string& channel, const std::string&, const std::string& target) -> Status {
      write_bytes(target, "exported " + channel);
      return Done{};
    };
    file(kLogs + "System.evtx", "on the disk");
  }

  /// What a run reads of every file: by origin, the bytes and how they were got.
  struct Got {
    std::string text, obtained;
    std::vector<Error> problems;
  };
  std::map<std::string, Result<Got>> collect() {
    std::map<std::string, Result<Got>> all;
    options_.event_logs_exported = true;
    LiveSource source(plan(), options_.root, stop_, std::make_shared<EventLogExporter>(exports_));
    for (auto item = source.next(); item && *item; item = source.next()) {
      if ((*item)->artifact.bundle_path.starts_with("files/")) all.emplace((*item)->artifact.origin, read(**item));
    }
    return all;
  }
  static Result<Got> read(const Item& item) {
    auto opened = item.open();
    if (!opened) return opened.error();
    std::string buffer(1000, '\0');
    const auto got = opened->read(buffer);
    if (!got) return got.error();
    return Got{buffer.substr(0, *got), opened->obtained, opened->problems};
  }
  std::vector<std::string> left_behind() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(output_.path())) names.push_back(entry.path().string());
    return names;
  }

  const ScratchFolder output_;
  EventLogOptions exports_;
  const std::atomic<bool>* stop_ = nullptr;
};

TEST_F(ExportedLogs, AreReadLikeTheFileAndLeaveNothingBehind) {
  file(kLogs + "Microsoft-Windows-CAPI2%4Operational.evtx");
  exports_.since = parse_user_time("2024-05-01T00:00:00Z", Time{});
  const auto all = collect();
  const auto& system = all.at("C:\\Windows\\System32\\winevt\\Logs\\System.evtx");
  ASSERT_TRUE(system) << system.error().what;
  EXPECT_EQ(system->text, "exported System");
  EXPECT_EQ(system->obtained, "exported by the event log service, from 2024-05-01T00:00:00Z");
  EXPECT_EQ(all.at("C:\\Windows\\System32\\winevt\\Logs\\Microsoft-Windows-CAPI2%4Operational.evtx")->text,
            "exported Microsoft-Windows-CAPI2/Operational");
  EXPECT_THAT(left_behind(), IsEmpty());
}

TEST_F(ExportedLogs, AnArchivedLogIsCopied) {
  file(kLogs + "Archive-System-2024-05-01-10-20-30-123.evtx", "archived");
  const auto got = collect().at("C:\\Windows\\System32\\winevt\\Logs\\Archive-System-2024-05-01-10-20-30-123.evtx");
  EXPECT_EQ(got->text, "archived");
  EXPECT_EQ(got->obtained, "");
}

TEST_F(ExportedLogs, WhatTheServiceRefusesIsCopiedAndTheNextOneIsAskedFor) {
  file(kLogs + "Application.evtx", "application on the disk");
  int asked = 0;
  exports_.service = [&](const std::string&, const std::string&, const std::string& target) -> Status {
    ++asked;
    write_bytes(target, "half");
    return Error{ErrorCode::access_denied, "event log service: access denied"};
  };
  const auto all = collect();
  const auto& system = all.at("C:\\Windows\\System32\\winevt\\Logs\\System.evtx");
  EXPECT_EQ(system->text, "on the disk");
  EXPECT_EQ(system->obtained, "copied from the disk: event log service: access denied");
  EXPECT_THAT(system->problems, IsEmpty());
  EXPECT_EQ(asked, 2);
  EXPECT_THAT(left_behind(), IsEmpty());
}

TEST_F(ExportedLogs, AServiceThatIsNotThereIsAskedOnce) {
  file(kLogs + "Application.evtx");
  int asked = 0;
  exports_.service = [&](const std::string&, const std::string&, const std::string&) -> Status {
    ++asked;
    return Error{ErrorCode::unsupported, "event log service: not there"};
  };
  EXPECT_EQ(collect().size(), 2u);
  EXPECT_EQ(asked, 1);
}

/// Answers only when it goes, as a service does that is stuck.
class SilentService {
 public:
  ExportChannel channel() {
    return [state = state_](const std::string&, const std::string&, const std::string& target) -> Status {
      std::unique_lock lock(state->mutex);
      ++state->asked;
      state->changed.wait(lock, [&] { return state->over; });
      write_bytes(target, "late");
      return Done{};
    };
  }
  int asked() const {
    const std::lock_guard lock(state_->mutex);
    return state_->asked;
  }
  ~SilentService() {
    const std::lock_guard lock(state_->mutex);
    state_->over = true;
    state_->changed.notify_all();
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool over = false;
    int asked = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

TEST_F(ExportedLogs, AServiceThatDoesNotAnswerIsGivenUpToldOnceAndNotAskedAgain) {
  file(kLogs + "Application.evtx", "application on the disk");
  SilentService service;
  exports_.service = service.channel();
  exports_.patience = std::chrono::milliseconds(50);
  const auto all = collect();
  std::vector<Error> problems;
  for (const auto& [origin, got] : all) {
    EXPECT_THAT(got->text, HasSubstr("on the disk")) << origin;
    EXPECT_THAT(got->obtained, StartsWith("copied from the disk: event log service: no answer within 50 ms"));
    problems.insert(problems.end(), got->problems.begin(), got->problems.end());
  }
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].code, ErrorCode::timed_out);
  EXPECT_THAT(problems[0].what, HasSubstr("event logs were copied from the disk"));
  EXPECT_LE(service.asked(), 1);
}

TEST_F(ExportedLogs, AStopRequestEndsTheWaitForTheService) {
  SilentService service;
  exports_.service = service.channel();
  const std::atomic<bool> stop{true};
  EventLogExporter exporter(exports_);
  const auto got = exporter.open("System", &stop);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().what, "stopped on request");
}

TEST_F(ExportedLogs, AFolderThatCannotBeWrittenLeavesTheCopy) {
  exports_.folder = output_.file("none");
  const auto got = collect().at("C:\\Windows\\System32\\winevt\\Logs\\System.evtx");
  EXPECT_EQ(got->text, "on the disk");
  EXPECT_THAT(got->obtained, StartsWith("copied from the disk: "));
}

TEST_F(ExportedLogs, ALogThatIsTooLargeIsTakenWhenTheTimeMakesItShorter) {
  options_.max_file_size = 20;
  exports_.max_bytes = 20;
  file(kLogs + "System.evtx", std::string(1000, 'x'));
  EXPECT_THAT(collect(), IsEmpty());
  options_.since = now();
  EXPECT_EQ(collect().at("C:\\Windows\\System32\\winevt\\Logs\\System.evtx")->text, "exported System");
  exports_.service = [](const std::string&, const std::string&, const std::string&) -> Status {
    return Error{ErrorCode::unsupported, "event log service: not there"};
  };
  const auto got = collect().at("C:\\Windows\\System32\\winevt\\Logs\\System.evtx");
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace vmtriage
