#include "analyzers/event_quote.h"

#include "analyzers/analyzer.h"

namespace vmtriage {

/// `VSS 8229: 0x800423f4, The writer …; … Writer Name: SqlServerWriter`; what names the writer is kept when the rest is
/// cut.
Evidence QuotedLog::evidence(const Quote& quote, std::string_view about) const {
  constexpr std::size_t kTailBytes = 120, kHeadBytes = 160, kBeforeBytes = 120;
  const QuotedWords& words = *quote.words;
  std::string text = words.label.empty() ? words.text : words.label + ": " + words.text;
  text = printable(clean(std::move(text)));
  if (text.size() > kMaxExcerptBytes && !words.writer.empty()) {
    std::string head = shorten(text, kMaxExcerptBytes - kTailBytes);
    if (head.find(words.writer) == std::string::npos) {
      text = head + " Writer Name: " + clean(shorten(printable(words.writer), 80));
    }
  }
  if (const std::size_t at = about.empty() ? std::string::npos : text.find(about);
      at != std::string::npos && at + about.size() > kMaxExcerptBytes) {
    std::size_t from = at - kBeforeBytes;
    while ((static_cast<unsigned char>(text[from]) & 0xc0) == 0x80) ++from;
    text = shorten(text, kHeadBytes) + " " + text.substr(from);
  }
  Evidence evidence;
  evidence.artifact = artifact;
  evidence.origin = origin;
  evidence.line = quote.line;
  evidence.record_id = quote.record_id;
  evidence.time = quote.time;
  evidence.clock = quote.clock;
  evidence.excerpt = shorten(text, kMaxExcerptBytes);
  return evidence;
}

}  // namespace vmtriage
