#include "analyzers/matcher.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace vmtriage {
namespace {

// What a table byte says of the window that hashes to it.
constexpr std::uint8_t kFirst = 1;   // the first of two windows in a row
constexpr std::uint8_t kSecond = 2;  // the second of them
constexpr std::uint8_t kAlone = 4;   // the only window of a short anchor

constexpr std::size_t kPairBytes = 11;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::uint32_t hash_window(const char* bytes, unsigned bits) {
  std::uint32_t window;
  std::memcpy(&window, bytes, sizeof window);
  // Sets bit 5 of every byte: folds ASCII case, and a few more characters, which the comparison sorts out.
  return ((window | 0x20202020u) * 0x9E3779B1u) >> (32 - bits);
}

/// Words that healthy logs of an Azure VM are full of: an anchor made of them would make every line a candidate.
constexpr std::string_view kCommonWords[] = {
    "microsoft", "azure",  "recoveryservices", "vmsnapshotlinux", "extension", "exthandler", "snapshot", "backup",  "failed",
    "error",     "info",   "warning",          "waagent",         "daemon",    "/var/lib",   "/var/log", "message", "status",
    "started",   "service", "completed",       "http://",         "https://",  "168.63.129", "agent",    "with",    "from",
    "the ",      "goal",   "state",            "handler",         "linux",     "event: name=", "duration=", "command",
    "version",   "not ",   "could",            "unable",          "exception", "python",     "systemd",  "kernel:", "2024",
    "winevt",    "windows", "plugins",         "enable",          "install",   "settings",   "volume",   "device",  ".log"};

/// How rare an anchor is in healthy logs: its bytes less those that belong to common words.
int rarity(std::string_view anchor) {
  int score = static_cast<int>(anchor.size());
  for (std::string_view word : kCommonWords) {
    for (std::size_t at = anchor.find(word); at != std::string_view::npos; at = anchor.find(word, at + word.size())) {
      score -= static_cast<int>(word.size());
    }
  }
  return score;
}

/// How rare four bytes are: letters that English prose is full of count little, digits and punctuation more.
int window_rarity(std::string_view window) {
  constexpr std::string_view kByFrequency = " etaoinsrhldcumfpgwybvkxjqz";
  int score = 0;
  for (const char c : window) {
    const std::size_t rank = kByFrequency.find(lower(c));
    score += rank == std::string_view::npos ? 18 : static_cast<int>(rank);
  }
  for (std::string_view word : kCommonWords) {
    if (word.find(window) != std::string_view::npos) score -= 60;
  }
  return score;
}

/// The literals of which every match of the pattern holds at least one; empty when there are none long enough.
std::vector<std::string> necessary_literals(const std::string& pattern, const re2::RE2::Options& options) {
  re2::FilteredRE2 filter(static_cast<int>(Matcher::kMinAnchorBytes));
  int id = 0;
  std::vector<std::string> atoms;
  if (filter.Add(pattern, options, &id) != re2::RE2::NoError) return {};
  filter.Compile(&atoms);
  const auto is_necessary = [&](const std::vector<bool>& chosen) {
    std::vector<int> others, potential;
    for (std::size_t i = 0; i < atoms.size(); ++i) {
      if (!chosen[i]) others.push_back(static_cast<int>(i));
    }
    filter.AllPotentials(others, &potential);
    return potential.empty();
  };
  std::vector<bool> chosen(atoms.size(), true);
  if (atoms.empty() || !is_necessary(chosen)) return {};
  std::vector<std::size_t> order(atoms.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rarity(atoms[a]) < rarity(atoms[b]); });
  for (const std::size_t commonest : order) {
    chosen[commonest] = false;
    if (!is_necessary(chosen)) chosen[commonest] = true;
  }
  std::vector<std::string> literals;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    if (chosen[i]) literals.push_back(atoms[i]);
  }
  return literals;
}

bool equals_folded(const char* text, std::string_view lower_case) {
  for (std::size_t i = 0; i < lower_case.size(); ++i) {
    if (lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}

}  // namespace

Matcher::Matcher() = default;
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;
Matcher::~Matcher() = default;

Result<Matcher> Matcher::compile(std::span<const std::string> patterns) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  Matcher matcher;
  for (const std::string& text : patterns) {
    auto compiled = std::make_unique<re2::RE2>(text, options);
    if (!compiled->ok()) return Error{ErrorCode::corrupt, text + ": " + compiled->error()};
    const std::size_t index = matcher.patterns_.size();
    matcher.patterns_.push_back(std::move(compiled));
    auto literals = necessary_literals(text, options);
    if (literals.empty()) matcher.unanchored_.push_back(index);
    for (std::string& literal : literals) matcher.add_anchor(std::move(literal), index);
  }
  matcher.build_table();
  return matcher;
}

void Matcher::add_anchor(std::string text, std::size_t pattern) {
  for (Anchor& anchor : anchors_) {
    if (anchor.text == text) {
      anchor.patterns.push_back(pattern);
      return;
    }
  }
  anchors_.push_back({std::move(text), {pattern}});
}

std::vector<std::string> Matcher::anchors(std::size_t pattern) const {
  std::vector<std::string> texts;
  for (const Anchor& anchor : anchors_) {
    if (std::find(anchor.patterns.begin(), anchor.patterns.end(), pattern) != anchor.patterns.end()) texts.push_back(anchor.text);
  }
  return texts;
}

void Matcher::build_table() {
  table_.assign(kTableSize, 0);
  windows_.clear();
  for (std::uint32_t anchor = 0; anchor < anchors_.size(); ++anchor) add_windows(anchor);
  const auto hash_of = [&](const Window& window) {
    return hash_window(anchors_[window.anchor].text.data() + window.offset, kTableBits);
  };
  std::sort(windows_.begin(), windows_.end(), [&](const Window& a, const Window& b) { return hash_of(a) < hash_of(b); });
  bucket_begin_.assign(kTableSize + 1, 0);
  for (const Window& window : windows_) ++bucket_begin_[hash_of(window) + 1];
  for (std::size_t i = 0; i < kTableSize; ++i) bucket_begin_[i + 1] += bucket_begin_[i];
}

void Matcher::add_windows(std::uint32_t index) {
  const std::string_view text = anchors_[index].text;
  const bool pair = text.size() >= kPairBytes;
  const std::size_t needed = pair ? 8 : 4;
  // The anchor may start at any byte: for each of the four alignments the rarest window is put into the table.
  for (std::size_t alignment = 0; alignment < 4; ++alignment) {
    std::size_t best = 0;
    int best_score = std::numeric_limits<int>::min();
    for (std::size_t at = alignment; at + needed <= text.size(); at += 4) {
      int score = window_rarity(text.substr(at, 4));
      if (pair) score += window_rarity(text.substr(at + 4, 4));
      if (score > best_score) {
        best_score = score;
        best = at;
      }
    }
    table_[hash_window(text.data() + best, kTableBits)] |= pair ? kFirst : kAlone;
    if (pair) table_[hash_window(text.data() + best + 4, kTableBits)] |= kSecond;
    windows_.push_back({index, static_cast<std::uint32_t>(best)});
  }
}

void Matcher::find(std::string_view block, std::vector<Candidate>& found) const {
  found.clear();
  const char* const bytes = block.data();
  const std::uint8_t* const table = table_.data();
  // A byte of the table is read for eight windows at once; the ninth tells whether the eighth has a second one.
  constexpr std::size_t kStride = 32;
  const auto interesting = [](std::uint8_t here, std::uint8_t next) {
    return static_cast<unsigned>(here & kAlone) | (static_cast<unsigned>(here) & (static_cast<unsigned>(next) >> 1) & kFirst);
  };
  std::size_t at = 0;
  if (!anchors_.empty()) {
    for (; at + kStride + 4 <= block.size(); at += kStride) {
      std::uint8_t seen[9];
      for (std::size_t i = 0; i < 9; ++i) seen[i] = table[hash_window(bytes + at + 4 * i, kTableBits)];
      unsigned any = 0;
      for (std::size_t i = 0; i < 8; ++i) any |= interesting(seen[i], seen[i + 1]);
      if (any == 0) continue;
      for (std::size_t i = 0; i < 8; ++i) {
        if (interesting(seen[i], seen[i + 1]) != 0) verify(block, at + 4 * i, found);
      }
    }
    for (; at + 4 <= block.size(); at += 4) verify(block, at, found);
  }
  if (!unanchored_.empty()) add_unanchored(block, found);
}

void Matcher::verify(std::string_view block, std::size_t at, std::vector<Candidate>& found) const {
  const std::uint32_t hash = hash_window(block.data() + at, kTableBits);
  for (std::uint32_t i = bucket_begin_[hash]; i < bucket_begin_[hash + 1]; ++i) {
    const Anchor& anchor = anchors_[windows_[i].anchor];
    const std::size_t offset = windows_[i].offset;
    if (offset > at || at - offset + anchor.text.size() > block.size()) continue;
    if (equals_folded(block.data() + at - offset, anchor.text)) add_line(block, at - offset, anchor, found);
  }
}

void Matcher::add_line(std::string_view block, std::size_t at, const Anchor& anchor, std::vector<Candidate>& found) const {
  Candidate candidate;
  if (!found.empty() && at < found.back().line_end) {
    candidate = found.back();  // the same line again: a line of a million hits must not be measured a million times
  } else {
    const std::size_t before = at == 0 ? std::string_view::npos : block.rfind('\n', at - 1);
    candidate.line_begin = before == std::string_view::npos ? 0 : before + 1;
    candidate.line_end = std::min(block.find('\n', at), block.size());
  }
  for (const std::size_t pattern : anchor.patterns) {
    candidate.pattern = pattern;
    // Lines come in order, so the line's other candidates are the last ones.
    bool known = false;
    for (auto i = found.rbegin(); i != found.rend() && i->line_begin == candidate.line_begin; ++i) {
      known = known || i->pattern == pattern;
    }
    if (!known) found.push_back(candidate);
  }
}

void Matcher::add_unanchored(std::string_view block, std::vector<Candidate>& found) const {
  for (std::size_t begin = 0; begin < block.size();) {
    const std::size_t end = std::min(block.find('\n', begin), block.size());
    for (const std::size_t pattern : unanchored_) found.push_back({pattern, begin, end});
    begin = end + 1;
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Candidate& a, const Candidate& b) { return a.line_begin < b.line_begin; });
}

}  // namespace vmtriage
