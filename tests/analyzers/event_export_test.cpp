#include "analyzers/event_export.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace vmtriage {
namespace {

bool is_known(std::string_view provider) {
  for (const std::string_view name : {"vss", "volsnap", ".net runtime", "service control manager"}) {
    if (provider == name) return true;
  }
  return false;
}

std::vector<ExportedEvent> read(std::string_view text, std::uint64_t message_line = 0) {
  std::vector<ExportedEvent> events;
  EventExportReader reader(is_known, [&](const ExportedEvent& event) { events.push_back(event); });
  each_line(Block{text, false}, 1, [&](const Line& line) {
    if (line.number == message_line) reader.start_message();
    reader.line(line);
  });
  reader.finish();
  return events;
}

struct Shape {
  std::string_view name;
  std::string_view text;
};

/// The same event as tools and people write it.
const Shape kShapes[] = {
    {"Event Viewer, copied",
     "Log Name:      Application\nSource:        VSS\nDate:          10/19/2010 6:17:16 AM\nEvent ID:      8194\nTask "
     "Category: "
     "None\nLevel:         Error\nKeywords:      Classic\nUser:          N/A\nComputer:      "
     "vm01\nDescription:\nUnexpected error.\n"
     "\nContext:\n   Writer Name: System Writer\n"},
    {"Event Viewer in Japanese",
     "ログの名前:         Application\nソース:           VSS\n日付:            2010/10/19 6:17:16\nイベント ID:       "
     "8194\n"
     "タスクのカテゴリ:      なし\nレベル:           エラー\nキーワード:         クラシック\nユーザー:          N/A\n"
     "コンピューター:       vm01\n説明:\nUnexpected error.\n"},
    {"Event Viewer in German",
     "Protokollname: Application\nQuelle:        VSS\nDatum:         19.10.2010 06:17:16\nEreignis-ID:   8194\n"
     "Aufgabenkategorie:Keine\nEbene:         Fehler\nBenutzer:      Nicht zutreffend\nComputer:      "
     "vm01\nBeschreibung:\n"
     "Unexpected error.\n"},
    {"Event Viewer in French",
     "Nom du journal :Application\nSource :       VSS\nDate :         19/10/2010 06:17:16\nID de l’événement :8194\n"
     "Niveau :       Erreur\nOrdinateur :   vm01\nDescription :\nUnexpected error.\n"},
    {"wevtutil /f:text",
     "Event[0]:\n  Log Name: Application\n  Source: VSS\n  Date: 2010-10-19T06:17:16.000\n  Event ID: 8194\n  Task: "
     "N/A\n  Level: "
     "Error\n  Opcode: N/A\n  Keyword: Classic\n  User: N/A\n  User Name: N/A\n  Computer: vm01\n  Description: "
     "\nUnexpected "
     "error.\n"},
    {"Get-WinEvent | fl",
     "\n\nTimeCreated  : 10/19/2010 6:17:16 AM\nProviderName : VSS\nId           : 8194\nLevelDisplayName : "
     "Error\nMessage      : "
     "Unexpected error.\n               Writer Name: System Writer\n"},
    {"Get-WinEvent | fl *",
     "Message              : Unexpected error.\nId                   : 8194\nVersion              :\nQualifiers        "
     "   : 0\n"
     "Level                : 2\nTask                 : 0\nProviderName         : VSS\nLogName              : "
     "Application\n"
     "MachineName          : vm01\nTimeCreated          : 10/19/2010 6:17:16 AM\n"},
    {"Get-EventLog | fl",
     "Index              : 4711\nEntryType          : Error\nInstanceId         : 8194\nMessage            : "
     "Unexpected error.\n"
     "Category           : (0)\nSource             : VSS\nTimeGenerated      : 10/19/2010 6:17:16 AM\n"},
    {"Get-EventLog as a table", "    4711 Oct 19 06:17  Error       VSS                    8194 Unexpected error.\n"},
    {"Get-WinEvent as a table",
     "   ProviderName: VSS\n\nTimeCreated                      Id LevelDisplayName Message\n-----------                "
     "      -- "
     "---------------- -------\n10/19/2010 6:17:16 AM          8194 Error            Unexpected error.\n"},
    {"old Windows",
     "Event Type:\tError\nEvent Source:\tVSS\nEvent Category:\tNone\nEvent "
     "ID:\t8194\nDate:\t\t10/19/2010\nTime:\t\t6:17:16 AM\n"
     "User:\t\tN/A\nComputer:\tvm01\nDescription:\nUnexpected error.\n"},
    {"equals signs", "Level = Error\nSource = VSS\nEvent ID = 8194\n\nUnexpected error.\n"},
    {"CSV",
     "Level,Date and Time,Source,Event ID,Task Category\nError,10/19/2010 6:17:16 AM,VSS,8194,None,\"Unexpected "
     "error.\n\nContext:\n"
     "   Writer Name: \"\"System Writer\"\"\"\n"},
    {"CSV in Japanese",
     "\xef\xbb\xbfレベル,日付と時刻,ソース,イベント ID,タスクのカテゴリ\nエラー,2010/10/19 "
     "6:17:16,VSS,8194,なし,\"Unexpected error.\"\n"},
    {"CSV in German",
     "Ebene;Datum und Uhrzeit;Quelle;Ereignis-ID;Aufgabenkategorie\nFehler;19.10.2010 "
     "06:17:16;VSS;8194;Keine;\"Unexpected "
     "error.\"\n"},
    {"tab separated",
     "Level\tDate and Time\tSource\tEvent ID\tTask Category\nError\t10/19/2010 6:17:16 AM\tVSS\t8194\tNone\t"
     "Unexpected error.\n"},
    {"XML",
     "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='VSS'/><EventID "
     "Qualifiers='0'>8194</EventID><Level>2</Level><TimeCreated SystemTime='2010-10-19T06:17:16.0000000Z'/>"
     "<Channel>Application</Channel><Computer>vm01</Computer></System>\n<EventData><Data>one</Data></EventData>"
     "<RenderingInfo Culture='en-US'><Message>Unexpected error.</Message></RenderingInfo></Event>\n"},
    {"a heading", "VSS - 8194\nUnexpected error.\n"},
    {"a list of fields", "Event ID: 8194, Source: VSS, Level: Error\nUnexpected error.\n"},
    {"source and id", "Source: VSS Event ID: 8194\nUnexpected error.\n"},
    {"all in one line", "VSS Error 10/19/2010 6:17:16 AM EventID: 8194 Unexpected error.\n"},
    {"the fields of old Windows in one line",
     "Event Type: Error Event Source: VSS Event Category: None Event ID: 8194 Description: Unexpected error.\n"},
    {"a row of Event Viewer's list", "Error    10/19/2010 6:17:16 AM    VSS    8194    None    Unexpected error.\n"},
    {"a row of Event Viewer's list above the message",
     "Error\t10/19/2010 6:17:16 AM\tVSS\t8194\tNone\nUnexpected error.\n"},
    {"the title of Event Viewer's pane", "Event 8194, VSS\nUnexpected error.\n"},
    {"id before source", "Event ID: 8194 VSS Error\nUnexpected error.\n"},
};

TEST(EventExportTest, EveryShapeOfAnExportIsRead) {
  for (const Shape& shape : kShapes) {
    const auto events = read(shape.text);
    ASSERT_EQ(events.size(), 1u) << shape.name;
    const ExportedEvent& event = events.front();
    EXPECT_EQ(event.provider, "VSS") << shape.name;
    EXPECT_EQ(event.id, 8194u) << shape.name;
    EXPECT_NE(event.message.find("Unexpected error."), std::string::npos) << shape.name << ": " << event.message;
    EXPECT_EQ(format_time(event.time.value_or(*make_time(2010, 10, 19, 6, 17, 16))), "2010-10-19T06:17:16Z")
        << shape.name;
    EXPECT_TRUE(event.level == 2 || event.level == Event::kNoLevel) << shape.name;
  }
}

TEST(EventExportTest, EventsFollowEachOtherWithoutEmptyLines) {
  const auto events = read(
      "Log Name: Application\nSource: VSS\nEvent ID: 12292\nDescription:\nfirst\nContext:\n   Provider ID: {1}\n"
      "Log Name: Application\nSource: VSS\nEvent ID: 11\nDescription:\nsecond\n");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].message, "first\nContext:\n   Provider ID: {1}");
  EXPECT_EQ(events[1].id, 11u);
  EXPECT_EQ(events[1].line, 8u);
}

TEST(EventExportTest, ProviderWithBlanksIsReadOutOfOneLine) {
  for (const std::string_view text :
       {"Event 7031, Service Control Manager\nx\n", "Event ID: 7031 Source: Service Control Manager\nx\n",
        "Error 10/19/2010 6:17:16 AM Service Control Manager 7031 None\nx\n"}) {
    const auto events = read(text);
    ASSERT_EQ(events.size(), 1u) << text;
    EXPECT_EQ(events[0].provider, "Service Control Manager") << text;
    EXPECT_EQ(events[0].id, 7031u) << text;
  }
}

TEST(EventExportTest, DatabaseDriverInAMessageIsNoNewEvent) {
  const auto events = read(
      "Log Name: Application\nSource: SQLWRITER\nEvent ID: 24583\nDescription:\nError state: 1, Severity: 16\n"
      "Source: Microsoft SQL Server Native Client 10.0\nError message: Database 'a' cannot be opened.\n"
      "Log Name: Application\nSource: VSS\nEvent ID: 8229\nDescription:\nnext\n");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_TRUE(events[0].message.ends_with("Database 'a' cannot be opened.")) << events[0].message;
  EXPECT_EQ(events[1].id, 8229u);
}

TEST(EventExportTest, LineWithSeveralFieldsIsKeptWhole) {
  constexpr std::string_view kLine = "Event ID: 8194 Source: VSS Description: Unexpected error.";
  EXPECT_EQ(read(kLine).at(0).message, kLine);
}

TEST(EventExportTest, BinaryDumpBecomesBytes) {
  const auto words =
      read("Event Source: volsnap\nEvent ID: 25\nDescription: text\nData:\n0000: 00000000 00580002\n0008: c0060019\n");
  ASSERT_EQ(words.size(), 1u);
  EXPECT_EQ(words[0].binary, std::string("\0\0\0\0\x02\0\x58\0\x19\0\x06\xc0", 12));
  const auto bytes =
      read("Event Source: VSS\nEvent ID: 8193\nDescription: text\nData:\n0000: 2d 20 43 6f 64 65 3a 20   - Code: \n");
  ASSERT_EQ(bytes.size(), 1u);
  EXPECT_EQ(bytes[0].binary, "- Code: ");
}

TEST(EventExportTest, MessageWithoutHeadStartsWhereItIsSaid) {
  const auto events = read("some words\nVolume Shadow Copy Service error: x.\n\nContext:\n   Writer Name: W\n", 2);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_FALSE(events[0].id);
  EXPECT_EQ(events[0].line, 2u);
  EXPECT_NE(events[0].message.find("Writer Name: W"), std::string::npos);
}

TEST(EventExportTest, LevelIsReadInEveryLanguage) {
  for (const Shape& shape : kShapes) {
    if (shape.text.find("Level") == 0 || shape.text.find("レベル") != std::string_view::npos ||
        shape.text.find("Ebene") != std::string_view::npos || shape.text.find("Niveau") != std::string_view::npos) {
      EXPECT_EQ(read(shape.text).front().level, 2) << shape.name;
    }
  }
}

TEST(EventExportTest, OrdinaryTextHoldsNoEvent) {
  for (const std::string_view text :
       {"2024-05-01 02:03:04 INFO started\n", "Source: Internet\n", "Date: today\n", "id,name\n1,x\n", "", "<Event>\n",
        "<Event xmlns=''><System/></Event>\n", "Event[0]:\n", "a - 1\n", "Level: high\nUser: me\n", "5 Error 6\n",
        "Error VSS 8193 happened\n", "Event 5, somebody\n", "Error 3:15 nothing 4\n"}) {
    EXPECT_TRUE(read(text).empty()) << text;
  }
}

TEST(EventExportTest, TimesOfSeveralCulturesAreRead) {
  struct Case {
    std::string_view text;
    std::string_view utc;
    Clock clock;
  };
  const Case cases[] = {
      {"2021-03-05T10:11:12.1234567Z", "2021-03-05T10:11:12Z", Clock::utc},
      {"2021/03/05 10:11:12", "2021-03-05T10:11:12Z", Clock::local},
      {"2021/03/05 午後 1:02:03", "2021-03-05T13:02:03Z", Clock::local},
      {"05.03.2021 10:11:12", "2021-03-05T10:11:12Z", Clock::local},
      {"19/03/2021 10:11:12", "2021-03-19T10:11:12Z", Clock::local},
      {"3/5/2021 12:11:12 AM", "2021-03-05T00:11:12Z", Clock::assumed},
  };
  for (const Case& one : cases) {
    const auto time = parse_event_time(one.text);
    ASSERT_TRUE(time) << one.text;
    EXPECT_EQ(format_time(time->time), one.utc) << one.text;
    EXPECT_EQ(time->clock, one.clock) << one.text;
  }
  for (const std::string_view text : {"", "N/A", "\\<DateTime>", "99/99/9999 1:2:3", "12:13:14"}) {
    EXPECT_FALSE(parse_event_time(text)) << text;
  }
}

TEST(EventExportTest, LabelBeforeAMessageIsKeptAsItWasWritten) {
  const auto events = read(
      "Event Type: Error\nEvent Source: VSS\nEvent ID: 8193\nDescription: Unexpected error.\n\n"
      "ProviderName : VSS\nId           : 8194\nMessage      : Access is denied.\n\n"
      "Source: VSS\nEvent ID: 8195\nDescription:\nUnexpected error.\n");
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].label, "Description:");
  EXPECT_EQ(events[0].message.substr(0, 17), "Unexpected error.");
  EXPECT_EQ(events[1].label, "Message      :");
  EXPECT_EQ(events[2].label, "") << "the message stands in lines of its own";
}

TEST(EventExportTest, ValueMayStandBelowItsLabel) {
  const auto events = read("Source:\nVSS\nEvent ID:\n8193\nLevel:\nError\nMessage:\nUnexpected error.\n");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].provider, "VSS");
  EXPECT_EQ(events[0].id, 8193u);
  EXPECT_EQ(events[0].level, 2);
  EXPECT_EQ(events[0].message.substr(0, 17), "Unexpected error.");
  const auto other = read("Event ID: 8193\nSource:\nUnexpected error.\n");
  ASSERT_EQ(other.size(), 1u);
  EXPECT_EQ(other[0].provider, "") << "a sentence is no value";
}

TEST(EventExportTest, XmlThatIsNoEventIsAnError) {
  EXPECT_FALSE(parse_event_xml("<Event"));
  EXPECT_FALSE(parse_event_xml("<Other/>"));
  EXPECT_EQ(parse_event_xml("").error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace vmtriage
