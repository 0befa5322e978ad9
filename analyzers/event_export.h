#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/event.h"
#include "agent/base/result.h"
#include "agent/base/time.h"
#include "analyzers/analyzer.h"

namespace vmtriage {

/// An event out of a text. What the text did not tell is empty.
struct ExportedEvent {
  std::string channel;
  std::string provider;
  std::optional<std::uint32_t> id;
  std::uint8_t level = Event::kNoLevel;
  std::optional<Time> time;
  Clock clock = Clock::local;
  std::string computer;
  std::uint64_t record_id = 0;
  std::string message;
  std::string label;  ///< `Description:`, where the text has it before the message in the same line
  std::string binary;
  std::vector<std::pair<std::string, std::string>> data;
  std::uint64_t line = 0;  ///< where it starts, counted from 1

  /// A view on it, valid as long as it lives.
  Event view() const;
};

/// Reads events out of texts that people and tools make of event logs, in any mixture:
///
///     Log Name:      Application          Event Viewer's "Copy", and `Event[0]:` of wevtutil /f:text; Japanese,
///     Source:        VSS                  German and French labels, too; `Event Type:` / `Event Source:` of
///     Event ID:      8194                 older Windows
///     Description: …
///
///     TimeCreated  : 2021/03/05 10:11:12  Get-WinEvent or Get-EventLog | Format-List
///     ProviderName : VSS
///     Id           : 8194
///
///     Level,Date and Time,Source,Event ID,Task Category     CSV and tab separated lists
///     <Event xmlns=…><System>…                              XML
///     .NET Runtime - 1026                                   headings people write; `Event 8193, VSS`
///     Error 12/6/2010 3:39:15 AM SQLVDI 1 None SQLVDI: …    rows of Event Viewer's list
///
/// A text without any of this gives nothing, unless `start_message` says that a message begins here.
class EventExportReader {
 public:
  using Take = std::function<void(const ExportedEvent&)>;
  /// Asks whether a provider is one that rules know, by its name as in `plain_provider`.
  using Knows = std::function<bool(std::string_view)>;

  EventExportReader(Knows knows, Take take);

  void line(const Line& line);
  /// The line that is handed over next starts a message without a head; ignored inside an event that has one.
  void start_message();
  void finish();
  /// Events in XML that could not be read.
  struct Broken {
    std::uint64_t count = 0;
    std::uint64_t line = 0;  ///< of the first of them
  };
  const std::optional<Broken>& broken() const { return broken_; }
  /// Whether lines without any mark are read as part of something.
  bool is_inside() const { return mode_ != Mode::outside; }

 private:
  enum class Mode { outside, head, message, bare, xml, csv };
  enum class Field { channel, provider, date, time, id, level, computer, record, message, other };
  struct HeadLine {
    Field field = Field::other;
    std::string_view value;
    std::string_view label;  ///< with its colon
    bool starts = false;     ///< a label that stands first in its format
    bool aligned = false;    ///< `Id           : 8194`, as PowerShell writes
  };
  /// Columns of a list with separators, or of a table of PowerShell.
  struct Columns {
    char separator = ',';
    std::vector<Field> fields;
  };

  static std::optional<Field> field_of(std::string_view label);
  static bool is_start(std::string_view label);
  static std::optional<HeadLine> head_line(std::string_view text);
  static bool is_crowded(const HeadLine& head);
  bool is_database_driver(const HeadLine& head) const;
  std::string_view leading_provider(std::string_view text) const;
  bool try_other_shapes(const Line& line);
  bool try_csv_header(std::string_view text);
  bool try_inline(const Line& line);
  bool try_table_row(const Line& line);
  void take_head(const HeadLine& head, const Line& line);
  void take_message_line(std::string_view text);
  bool take_value_below(std::string_view line);
  void take_xml(const Line& line);
  void take_csv(const Line& line);
  void take_csv_record(std::string_view record, std::uint64_t line);
  void set(ExportedEvent& event, Field field, std::string_view value);
  bool has(Field field) const;
  void begin(std::uint64_t line);
  void end();
  void drop_held();

  Knows knows_;
  Take take_;
  Mode mode_ = Mode::outside;
  ExportedEvent event_;
  std::string date_;
  std::string time_;
  bool aligned_ = false;
  std::vector<Field> seen_;
  std::size_t head_lines_ = 0;
  std::size_t message_lines_ = 0;
  bool message_next_ = false;
  std::optional<Field> value_below_;  ///< of a label that stands alone in the line above
  std::string held_;                  ///< XML or a CSV record that is not complete
  std::uint64_t held_line_ = 0;
  std::optional<Broken> broken_;
  Columns columns_;
  std::string table_provider_;  ///< of a table of Get-WinEvent
};

/// Reads one event in the XML that Event Viewer and wevtutil show.
/// Errors: corrupt, when it is none.
Result<ExportedEvent> parse_event_xml(std::string_view xml);

/// A moment as event exports write it: ISO 8601, `10/19/2010 6:17:16 AM`, `2021/03/05 10:11:12`, `05.03.2021 10:11:12`,
/// `2021/03/05 午後 1:02:03`. UTC only where the text says so.
struct ExportedTime {
  Time time;
  Clock clock = Clock::local;
};
std::optional<ExportedTime> parse_event_time(std::string_view text);

}  // namespace vmtriage
