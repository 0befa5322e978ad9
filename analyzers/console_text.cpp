#include "analyzers/console_text.h"

#include <algorithm>

#include "agent/base/text.h"
#include "analyzers/console_tables.h"

namespace vmtriage {
namespace {

constexpr char16_t kReplacement = 0xFFFD;

enum class CodePage { japanese, dos_latin, windows_latin };

unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

bool is_lead(unsigned char b) { return (b >= 0x81 && b <= 0x9F) || (b >= 0xE0 && b <= 0xFC); }
bool is_trail(unsigned char b) { return b >= 0x40 && b <= 0xFC && b != 0x7F; }
bool is_half_kana(unsigned char b) { return b >= 0xA1 && b <= 0xDF; }

/// The character of a double byte; U+FFFD when there is none.
char16_t jis_character(unsigned char lead, unsigned char trail) {
  const bool second = trail >= 0x9F;
  const std::size_t row = (lead - (lead < 0xA0 ? 0x81U : 0xC1U)) * 2 + (second ? 1 : 0);
  const std::size_t cell = trail - (second ? 0x9FU : trail >= 0x80 ? 0x41U : 0x40U);
  return row < kJisRowCount && cell < kJisRows[row].size() ? kJisRows[row][cell] : kReplacement;
}

struct Decoded {
  char16_t character = kReplacement;
  std::size_t bytes = 1;
};

Decoded decode_japanese(std::string_view text, std::size_t at) {
  constexpr char16_t kHalfKanaFromByte = 0xFF61 - 0xA1;
  const unsigned char first = byte_at(text, at);
  if (first < 0x80) return {static_cast<char16_t>(first), 1};
  if (is_half_kana(first)) return {static_cast<char16_t>(first + kHalfKanaFromByte), 1};
  if (!is_lead(first) || at + 1 == text.size() || !is_trail(byte_at(text, at + 1))) return {};
  return {jis_character(first, byte_at(text, at + 1)), 2};
}

Decoded decode(CodePage page, std::string_view text, std::size_t at) {
  if (page == CodePage::japanese) return decode_japanese(text, at);
  const unsigned char b = byte_at(text, at);
  if (b < 0x80) return {static_cast<char16_t>(b), 1};
  if (page == CodePage::dos_latin) return {kCodePage850[b - 0x80U], 1};
  return {b < 0xA0 ? kCodePage1252C1[b - 0x80U] : static_cast<char16_t>(b), 1};
}

/// How Japanese a text is when it is read as code page 932.
struct JapaneseCount {
  std::size_t kana = 0;       ///< full width
  std::size_t half_kana = 0;  ///< also what single accented letters look like
  std::size_t others = 0;     ///< kanji and signs
  std::size_t broken = 0;
  std::size_t longest_run = 0;  ///< double bytes in a row

  void add(std::string_view line) {
    std::size_t run = 0;
    for (std::size_t at = 0; at < line.size();) {
      const Decoded next = decode_japanese(line, at);
      run = next.bytes == 2 ? run + 1 : 0;
      longest_run = std::max(longest_run, run);
      count(next.character);
      at += next.bytes;
    }
  }

  bool is_japanese() const {
    const std::size_t all = kana + half_kana + others;
    return longest_run >= 3 && kana * 5 >= all && kana > half_kana && broken * 20 <= all;
  }

 private:
  void count(char16_t c) {
    if (c == kReplacement) {
      ++broken;
    } else if (c >= 0x3041 && c <= 0x30FE) {
      ++kana;
    } else if (c >= 0xFF61 && c <= 0xFF9F) {
      ++half_kana;
    } else if (c >= 0x80) {
      ++others;
    }
  }
};

template <typename Use>
void each_raw_line(std::string_view text, Use&& use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    use(text.substr(0, end));
    text.remove_prefix(end);
  }
}

CodePage guess_code_page(std::string_view text) {
  JapaneseCount japanese;
  std::size_t dos_letters = 0, windows_letters = 0;
  each_raw_line(text, [&](std::string_view line) {
    if (is_valid_utf8(line)) return;
    japanese.add(line);
    for (std::size_t at = 0; at < line.size(); ++at) {
      const unsigned char b = byte_at(line, at);
      if (b >= 0x80 && b <= 0xA5) ++dos_letters;
      if (b >= 0xC0) ++windows_letters;
    }
  });
  if (japanese.is_japanese()) return CodePage::japanese;
  return dos_letters > windows_letters ? CodePage::dos_latin : CodePage::windows_latin;
}

void append_utf8(char16_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

}  // namespace

std::string decode_console(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE") && bytes.find('\0') != std::string_view::npos)
    return utf16_to_utf8(bytes.substr(2));
  if (bytes.starts_with("\xFE\xFF") && bytes.find('\0') != std::string_view::npos)
    return utf16_to_utf8(bytes.substr(2), true);
  std::string text(bytes);
  std::erase(text, '\0');
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  if (is_valid_utf8(text)) return text;
  const CodePage page = guess_code_page(text);
  std::string out;
  each_raw_line(text, [&](std::string_view line) {
    if (is_valid_utf8(line)) {
      out += line;
      return;
    }
    for (std::size_t at = 0; at < line.size();) {
      const Decoded next = decode(page, line, at);
      append_utf8(next.character, out);
      at += next.bytes;
    }
  });
  return out;
}

}  // namespace vmtriage
