#include "analyzers/checks/vss_writer_list.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "agent/base/text.h"
#include "analyzers/checks/vss_lines.h"

namespace vmtriage {
namespace {

/// A real VM has some twenty; more is no list of writers.
constexpr std::size_t kMaxWriters = 4096;
constexpr int kLastState = 15;
/// Lines between a name and its state that are neither, as where somebody blacked out the ids.
constexpr int kMaxStrangeLines = 2;

struct State {
  int number = 0;
  std::string_view text;
};

std::optional<int> leading_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() || number < 0 || number > kLastState) return std::nullopt;
  return number;
}

/// `State: [9] Failed`; `State: \[9\] Failed` where a web page escaped the brackets.
std::optional<State> vssadmin_state(std::string_view line) {
  auto value = after_label(line);
  if (value && value->starts_with("\\[")) value->remove_prefix(1);
  if (!value || !value->starts_with('[')) return std::nullopt;
  const std::size_t close = value->find(']');
  const auto number = leading_number(value->substr(1));
  if (!number || close == std::string_view::npos || close > 4) return std::nullopt;
  return State{*number, trim(value->substr(close + 1))};
}

/// `- Status: 9 (VSS_WS_FAILED_AT_FREEZE)`
std::optional<State> diskshadow_state(std::string_view line) {
  const std::size_t constant = line.find("VSS_WS_");
  const auto value = after_label(line);
  if (!value || constant == std::string_view::npos) return std::nullopt;
  const auto number = leading_number(*value);
  if (!number) return std::nullopt;
  const std::string_view name = line.substr(constant);
  return State{*number, name.substr(0, name.find(')'))};
}

/// The name in `* WRITER "System Writer"`, `* WRITER System Writer` or `ERROR: Selected writer 'X' is in failed
/// state!`.
std::optional<std::string_view> diskshadow_name(std::string_view line) {
  constexpr std::string_view kSelected = "selected writer '";
  if (const std::size_t at = find_no_case(line, kSelected); at != std::string_view::npos) {
    const std::string_view rest = line.substr(at + kSelected.size());
    const std::size_t end = rest.find('\'');
    return end == std::string_view::npos ? std::nullopt : std::optional(rest.substr(0, end));
  }
  if (!line.starts_with("* ") || line.find_first_of(":={") != std::string_view::npos) return std::nullopt;
  std::string_view name = trim(line.substr(2));
  const std::size_t word = name.find(' ');
  if (word == std::string_view::npos) return std::nullopt;
  name = trim(name.substr(word));
  if (name.size() > 2 && name.starts_with('"') && name.ends_with('"')) name = name.substr(1, name.size() - 2);
  return name;
}

/// The name in a line that opens a record of vssadmin. Web pages and tickets lose the quotes; then the label has to
/// tell.
std::optional<std::string_view> vssadmin_name(std::string_view line) {
  if (const auto quoted = quoted_value(line)) return quoted;
  const std::string_view label = label_of(line);
  const auto value = after_label(line);
  const bool known = equal_no_case(label, "Writer name") || label == "ライター名";
  if (!known || value->empty() || value->starts_with('[')) return std::nullopt;
  return value;
}

class WriterListParser {
 public:
  std::vector<WriterStatus> parse(std::string_view text) {
    for (const VssLine& line : vss_lines(text)) {
      if (writers_.size() == kMaxWriters) break;
      read(line);
    }
    close();
    return std::move(writers_);
  }

 private:
  enum class Dialect { vssadmin, diskshadow };

  void read(const VssLine& line) {
    if (const auto name = vssadmin_name(line.text)) {
      open(Dialect::vssadmin, *name, line);
    } else if (const auto other = diskshadow_name(line.text)) {
      open(Dialect::diskshadow, *other, line);
    } else if (open_) {
      read_field(line.text);
    }
  }

  void open(Dialect dialect, std::string_view name, const VssLine& line) {
    close();
    open_ = true;
    dialect_ = dialect;
    label_ = dialect == Dialect::vssadmin ? label_of(line.text) : std::string_view();
    strange_lines_ = 0;
    fields_ = 0;
    starts_with_id_ = false;
    writer_ = WriterStatus();
    writer_.name = name;
    writer_.line = line.number;
    writer_.excerpt = line.text;
  }

  void close() {
    if (!std::exchange(open_, false)) return;
    const bool like_the_others = fields_ == 0 && !label_.empty() && label_ == writer_label_;
    if (!writer_.state && !starts_with_id_ && !like_the_others) return;
    if (writer_.state) writer_label_ = label_;
    writers_.push_back(std::move(writer_));
  }

  void read_field(std::string_view line) {
    ++fields_;
    if (const std::string guid = guid_in(line); !guid.empty()) {
      read_id(guid);
    } else if (dialect_ == Dialect::vssadmin) {
      read_vssadmin_field(line);
    } else {
      read_diskshadow_field(line);
    }
  }

  void read_id(const std::string& guid) {
    if (fields_ == 1) starts_with_id_ = true;
    if (writer_.class_id.empty()) {
      writer_.class_id = guid;
    } else if (writer_.instance_id.empty()) {
      writer_.instance_id = guid;
    } else {
      close();
    }
  }

  void read_vssadmin_field(std::string_view line) {
    if (writer_.state) {
      // The line behind the state, or none: what follows later belongs to somebody else.
      const auto error = after_label(line);
      if (error && !is_prompt(line)) {
        writer_.last_error = *error;
        writer_.excerpt += " | " + std::string(line);
      }
      close();
    } else if (const auto state = vssadmin_state(line)) {
      set_state(*state, line);
    } else if (++strange_lines_ > kMaxStrangeLines) {
      close();
    }
  }

  void read_diskshadow_field(std::string_view line) {
    if (const auto state = diskshadow_state(line)) {
      if (!writer_.state) set_state(*state, line);
    } else if (writer_.state && !writer_.failure) {
      read_failure_code(line);
    }
  }

  void read_failure_code(std::string_view line) {
    const auto value = after_label(line);
    if (!value || !starts_with_no_case(*value, "0x")) return;
    writer_.failure = hresult_in(*value).value_or(0);
    writer_.last_error = *value;
    writer_.excerpt += " | " + std::string(line);
  }

  void set_state(const State& state, std::string_view line) {
    writer_.state = state.number;
    writer_.state_text = state.text;
    writer_.excerpt += " | " + std::string(line);
  }

  std::vector<WriterStatus> writers_;
  WriterStatus writer_;
  bool open_ = false;
  Dialect dialect_ = Dialect::vssadmin;
  std::string_view label_;         // of the line that opened the record
  std::string_view writer_label_;  // of a line that surely opened a writer
  int fields_ = 0;
  int strange_lines_ = 0;
  bool starts_with_id_ = false;
};

}  // namespace

std::vector<WriterStatus> parse_writer_list(std::string_view text) { return WriterListParser().parse(text); }

}  // namespace vmtriage
