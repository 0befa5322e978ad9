#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vmtriage {

/// A line of vssadmin or diskshadow output: not blank, without indentation, marks of quoting (`> `) and blanks at its
/// end.
struct VssLine {
  std::string_view text;
  std::uint64_t number = 0;  ///< counted from 1, blank lines included
};

std::vector<VssLine> vss_lines(std::string_view text);

/// What stands behind the first colon, half or full width: `[1] 安定` of `状態: [1] 安定`. Nothing without a colon or a
/// label.
std::optional<std::string_view> after_label(std::string_view line);
/// What stands before that colon.
std::string_view label_of(std::string_view line);
/// The name in a line that is `<label>: '<name>'`, whatever the kind of quotes.
std::optional<std::string_view> quoted_value(std::string_view line);
/// The first `{…}` GUID of a line, lower case and without braces; empty without one.
std::string guid_in(std::string_view line);
/// The first failed HRESULT of a text: `0x800423f4`.
std::optional<std::uint32_t> hresult_in(std::string_view text);
std::string hresult_text(std::uint32_t code);
/// Whether a line is a prompt with a command (`C:\>vssadmin list writers`).
bool is_prompt(std::string_view line);

}  // namespace vmtriage
