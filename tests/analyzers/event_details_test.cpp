#include "analyzers/event_details.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/text.h"
#include "analyzers/vss_writers.h"

namespace vmtriage {
namespace {

using Words = std::vector<std::string>;
using namespace std::string_literals;

constexpr std::string_view kSqlWriterId = "a65faa63-5ea8-4ebc-9dbd-a0c4db26912a";

TEST(EventDetailsTest, EnglishContextBlockIsRead) {
  const VssContext context = parse_vss_context(
      "\nOperation:\n   OnPostSnapshot event\n   PostSnapshot Event\n\nContext:\n   Execution Context: Shadow Copy "
      "Optimization "
      "Writer\n   Execution Context: Writer\n   Writer Class Id: {4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f}\n   Writer "
      "Name: Shadow "
      "Copy Optimization Writer\n   Writer Instance ID: {1B9B200B-A57B-4D65-9C29-FCCAE2B291A7}\n");
  EXPECT_EQ(context.operations, (Words{"OnPostSnapshot event", "PostSnapshot Event"}));
  EXPECT_EQ(context.execution_contexts, (Words{"Shadow Copy Optimization Writer", "Writer"}));
  EXPECT_EQ(context.writer_name, "Shadow Copy Optimization Writer");
  EXPECT_EQ(context.writer_class_id, "4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f");
  EXPECT_EQ(context.writer_instance_id, "1b9b200b-a57b-4d65-9c29-fccae2b291a7");
}

TEST(EventDetailsTest, JapaneseContextBlockIsRead) {
  const VssContext context = parse_vss_context(
      "操作:\n   解凍イベント\n\nコンテキスト:\n   実行コンテキスト: Writer\n   ライター クラス ID: "
      "{a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}\n   ライター名: SqlServerWriter\n");
  EXPECT_EQ(context.operations, (Words{"解凍イベント"}));
  EXPECT_EQ(context.execution_contexts, (Words{"Writer"}));
  EXPECT_EQ(context.writer_name, "SqlServerWriter");
  EXPECT_EQ(context.writer_class_id, kSqlWriterId);
}

TEST(EventDetailsTest, ContextIsReadWhereLineEndsWereLost) {
  const VssContext context = parse_vss_context(
      "Operation: Gathering Writer Data Context: Execution Context: Writer Writer Class Id: "
      "{e8132975-6f93-4464-a53e-1050253ae220} Writer Name: System Writer Writer Instance ID: "
      "{3dd28eb2-c214-4c18-97b7-47da7fe76649}");
  EXPECT_EQ(context.writer_name, "System Writer");
  EXPECT_EQ(context.execution_contexts, (Words{"Writer"}));
}

TEST(EventDetailsTest, KnownClassIdNamesTheWriterInAnyLanguage) {
  EXPECT_EQ(parse_vss_context("Идентификатор: {A65FAA63-5EA8-4EBC-9DBD-A0C4DB26912A}").writer_name, "SqlServerWriter");
}

TEST(EventDetailsTest, TextWithoutContextGivesNothing) {
  for (const std::string_view text :
       {"", "Operation", "Writer Name", "{", "}:", "Context: Context: Context:", "操作"}) {
    EXPECT_EQ(parse_vss_context(text).writer_name, "") << text;
  }
}

TEST(EventDetailsTest, VssBinaryIsText) {
  const auto binary = parse_vss_binary(
      "- Code: WRTWRTIC00000823- Call: WRTWRTIC00000774- PID:  00001528- TID:  00001580- CMD:  "
      "C:\\Windows\\system32\\vssvc.exe   - User: Name: NT AUTHORITY\\SYSTEM, SID:S-1-5-18 ");
  ASSERT_TRUE(binary);
  EXPECT_EQ(binary->code, "WRTWRTIC00000823");
  EXPECT_EQ(binary->process_id, 1528u);
  EXPECT_EQ(binary->thread_id, 1580u);
  EXPECT_EQ(binary->command_line, "C:\\Windows\\system32\\vssvc.exe");
  EXPECT_EQ(binary->user, "Name: NT AUTHORITY\\SYSTEM, SID:S-1-5-18");
  EXPECT_FALSE(parse_vss_binary("\x01\x02"));
}

TEST(EventDetailsTest, FinalStatusStandsAtOffset20OfAnErrorPacket) {
  const std::string packet = std::string(20, '\0') + "\xb5\x00\x00\xc0"s + std::string(16, '\0');
  EXPECT_EQ(final_status(packet), 0xC00000B5u);
  EXPECT_FALSE(final_status(packet.substr(0, 23)));
}

TEST(EventDetailsTest, ServiceStateIsKeyAndNumberInUtf16) {
  const auto state = parse_service_state(utf8_to_utf16("TrustedInstaller/1"));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->key, "TrustedInstaller");
  EXPECT_EQ(state->state, 1u);
  EXPECT_EQ(parse_service_state(utf8_to_utf16("VSS"))->state, std::nullopt);
  EXPECT_FALSE(parse_service_state("odd"));
  EXPECT_FALSE(parse_service_state(""));
}

TEST(EventDetailsTest, UnexpectedShutdownHasLocalTimeAndUtc) {
  const auto time = [](int hour) {
    std::string bytes;
    for (const int field : {2024, 5, 3, 1, hour, 2, 3, 0}) {
      bytes += static_cast<char>(field & 0xff);
      bytes += static_cast<char>(field >> 8);
    }
    return bytes;
  };
  const auto stopped = parse_unexpected_shutdown(time(12) + time(3));
  ASSERT_TRUE(stopped);
  EXPECT_EQ(format_time(stopped->local), "2024-05-01T12:02:03Z");
  EXPECT_EQ(format_time(stopped->utc), "2024-05-01T03:02:03Z");
  EXPECT_FALSE(parse_unexpected_shutdown(time(12)));
}

TEST(EventDetailsTest, HresultsAreEightDigitsBehind0x) {
  EXPECT_EQ(find_hresults("hr = 0x800423F4, again 0x800423f4; [0x80070005] 0x1234 0x123456789 0x"),
            (std::vector<std::uint32_t>{0x800423f4, 0x80070005}));
  EXPECT_EQ(format_hresult(0x42309), "0x00042309");
}

TEST(EventDetailsTest, ResultIsNoArgumentOfTheFailedCall) {
  constexpr std::uint32_t kIncorrectFunction = 0x80070001;
  Event pasted;
  pasted.message = "Unexpected error CreateFileW(x,0x80000000,0x00000003,...).  hr = 0x80070001, Incorrect function.";
  EXPECT_EQ(EventDetails(pasted).result(), kIncorrectFunction);
  Event logged;
  logged.data = {{"#1", "CreateFileW(x,0x80000000,0x00000003,...)"}, {"#2", "0x80070001, Incorrect function."}};
  EXPECT_EQ(EventDetails(logged).result(), kIncorrectFunction);
  Event other;
  other.message = "Operation failed [0x80070001]";
  EXPECT_EQ(EventDetails(other).result(), kIncorrectFunction);
  EXPECT_EQ(EventDetails(Event()).result(), std::nullopt);
}

TEST(EventDetailsTest, ServiceOfAnEventIsItsKeyName) {
  struct Case {
    std::string_view param1;
    std::string binary;
    std::string_view message;
    std::string_view key;
  };
  const Case cases[] = {
      {"Volume Shadow Copy", utf8_to_utf16("VSS"), "", "VSS"},
      {"Microsoft Software Shadow Copy Provider", "", "", "swprv"},
      {"Volumeschattenkopie", "", "", "VSS"},
      {"", "", "The SQL Server VSS Writer service terminated unexpectedly.", "SQLWriter"},
      {"", "", "Cryptographic Services サービスは予期せず終了しました。", "CryptSvc"},
      {"Contoso Agent", "", "", ""},
  };
  for (const Case& one : cases) {
    Event event;
    event.provider = "Service Control Manager";
    event.event_id = 7034;
    if (!one.param1.empty()) event.data.emplace_back("param1", one.param1);
    event.binary = one.binary;
    event.message = one.message;
    EXPECT_EQ(EventDetails(event).service(), one.key) << one.param1 << one.message;
  }
}

TEST(EventDetailsTest, WriterOfAVssEventNamesItsService) {
  Event event;
  event.provider = "VSS";
  event.event_id = 8229;
  event.data = {
      {"#1", "0x800423f4, The writer experienced a non-transient error."},
      {"#2",
       "\nContext:\n   Writer Class Id: {a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}\n   Writer Name: SqlServerWriter\n"}};
  const EventDetails details(event);
  EXPECT_EQ(details.service(), "SQLWriter");
  EXPECT_EQ(details.hresults(), (std::vector<std::uint32_t>{0x800423f4}));
  EXPECT_EQ(details.text(),
            "0x800423f4, The writer experienced a non-transient error.; Context: Writer Class Id: "
            "{a65faa63-5ea8-4ebc-9dbd-a0c4db26912a} Writer Name: SqlServerWriter");
}

TEST(VssWritersTest, WriterIsFoundByClassIdOrName) {
  ASSERT_NE(find_vss_writer("{A65FAA63-5EA8-4EBC-9DBD-A0C4DB26912A}"), nullptr);
  EXPECT_EQ(find_vss_writer("{A65FAA63-5EA8-4EBC-9DBD-A0C4DB26912A}")->service, "SQLWriter");
  EXPECT_EQ(find_vss_writer("wmi writer")->service, "Winmgmt");
  EXPECT_EQ(find_vss_writer("Oracle VSS Writer - ORCL"), nullptr);
  EXPECT_EQ(find_vss_writer(""), nullptr);
  EXPECT_EQ(find_vss_writer("{}"), nullptr);
}

TEST(VssWritersTest, LongestDisplayNameInAMessageWins) {
  ASSERT_NE(service_in("The Microsoft Software Shadow Copy Provider service entered"), nullptr);
  EXPECT_EQ(service_in("The Microsoft Software Shadow Copy Provider service entered")->key, "swprv");
  EXPECT_EQ(service_in("The Contoso service entered the stopped state."), nullptr);
}

}  // namespace
}  // namespace vmtriage
