#include "analyzers/matcher.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace vmtriage {
namespace {

// What a table byte says of the window that hashes to it.
constexpr std::uint8_t kFirst = 1;   // the first of two windows in a row
constexpr std::uint8_t kSecond = 2;  // the second of them
constexpr std::uint8_t kAlone = 4;   // the only window of a short anchor

constexpr std::size_t kPairBytes = 11;
constexpr unsigned kPairTableBits = 16;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::uint32_t hash_window(const char* bytes, unsigned bits) {
  std::uint32_t window;
  std::memcpy(&window, bytes, sizeof window);
  // Sets bit 5 of every byte: folds ASCII case, and a few more characters, which the comparison sorts out.
  return ((window | 0x20202020u) * 0x9E3779B1u) >> (32 - bits);
}

std::uint32_t hash_pair(std::uint64_t folded) {
  return static_cast<std::uint32_t>((folded * 0x9E3779B97F4A7C15u) >> (64 - kPairTableBits));
}

/// The first eight bytes of a text, as many as it has, folded as for the hash.
std::uint64_t load_folded(std::string_view text) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, text.data(), std::min(text.size(), sizeof bytes));
  return bytes | 0x2020202020202020u;
}

/// Selects the four bytes that stand first in memory.
constexpr std::uint64_t low_half() {
  return std::endian::native == std::endian::little ? 0xffffffffu : std::uint64_t{0xffffffffu} << 32;
}

/// Words that healthy logs of an Azure VM are full of: an anchor made of them would make every line a candidate.
constexpr std::string_view kCommonWords[] = {
    "microsoft", "azure",  "recoveryservices", "vmsnapshotlinux", "extension", "exthandler", "snapshot", "backup",  "failed", "walinuxagent",
    "error",     "info",   "warning",          "waagent",         "daemon",    "/var/lib",   "/var/log", "message", "status",
    "started",   "service", "completed",       "http://",         "https://",  "168.63.129", "agent",    "with",    "from",
    "the ",      "goal",   "state",            "handler",         "linux",     "event: name=", "duration=", "command",
    "version",   "not ",   "could",            "unable",          "exception", "python",     "systemd",  "kernel:", "2024",
    "process",   "heartbeat", "/var/lib/waagent/", "failed to ", "state of service: ",
    "winevt",    "windows", "plugins",         "enable",          "install",   "settings",   "volume",   "device",  ".log"};

bool is_word_character(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

/// How rare an anchor is in healthy logs: its bytes less those of common words in it. A part of another word does not count:
/// "backuperror" is rare, however common its halves are.
int rarity(std::string_view anchor) {
  int score = static_cast<int>(anchor.size());
  for (std::string_view word : kCommonWords) {
    for (std::size_t at = anchor.find(word); at != std::string_view::npos; at = anchor.find(word, at + word.size())) {
      const std::size_t end = at + word.size();
      const bool begins = at == 0 || !is_word_character(anchor[at]) || !is_word_character(anchor[at - 1]);
      const bool ends = end == anchor.size() || !is_word_character(anchor[end - 1]) || !is_word_character(anchor[end]);
      if (begins && ends) score -= static_cast<int>(word.size());
    }
  }
  return score;
}

/// More that logs are full of, with the blanks around: windows are taken across them too.
constexpr std::string_view kCommonText =
    " is not on the of a an to in for and by with from at as be was has been this that it are or will all no new old one two "
    " started starting stopped stopping finished succeeded successfully deactivated activating activated loaded unit target "
    " session opened closed user root uid= gid= pid= auth login logged request requested response reply received sending sent "
    " connection connected connect connecting disconnected server client socket port address network interface link up down "
    " return returned returns code: exit status=0 status: result: reason: value: name: type: size: bytes written write read reading "
    " file folder directory path mount mounted mounting disk partition device volume snapshot backup restore recovery point log logs "
    " process processing processed task job run running run-parts daily cron command commands script scripts executing executed "
    " report reported reports reporting unable cannot can't could not found exists missing created create deleted removed updating "
    " updated update version installed package packages kernel memory time times timeout timer timedate seconds ms duration date "
    " apparmor= audit: type= profile= operation= lookup source destination query cached complete completed completes configuration "
    " config settings setting service services enabled disabled active inactive failed failure error errors warning info debug "
    " 200 bytes 0.0.0.0 127.0.0.1 usr/sbin/ usr/bin/ usr/lib/ etc/ var/run/ systemd[1]: (root) cmd ( ]: start ]: stop ]: serv ";

/// Tells whether four bytes stand in the texts above; asked a hundred thousand times while matchers are built.
class CommonWindows {
 public:
  CommonWindows() : known_(kSize, false) {
    add(kCommonText);
    for (std::string_view word : kCommonWords) add(word);
  }
  bool contains(std::string_view window) const { return known_[hash_window(window.data(), kBits)]; }

 private:
  static constexpr unsigned kBits = 17;
  static constexpr std::size_t kSize = std::size_t{1} << kBits;

  void add(std::string_view text) {
    for (std::size_t at = 0; at + 4 <= text.size(); ++at) known_[hash_window(text.data() + at, kBits)] = true;
  }

  std::vector<bool> known_;
};

/// How rare four bytes are: letters that English prose is full of count little, digits and punctuation more.
int window_rarity(std::string_view window) {
  static const CommonWindows common;
  static constexpr auto kRank = [] {
    std::array<int, 256> rank{};
    rank.fill(18);
    constexpr std::string_view kByFrequency = " etaoinsrhldcumfpgwybvkxjqz";
    for (std::size_t i = 0; i < kByFrequency.size(); ++i) rank[static_cast<unsigned char>(kByFrequency[i])] = static_cast<int>(i);
    return rank;
  }();
  int score = common.contains(window) ? -60 : 0;
  for (const char c : window) score += kRank[static_cast<unsigned char>(lower(c))];
  return score;
}

/// Whether a character of a literal is the same bytes in every text that matches. RE2 gives literals in lower case, and only
/// ASCII is compared without regard to case: of the others, those of East Asia are kept, which have no case.
bool stays_the_same(std::string_view character) {
  if (character.size() == 1) return true;
  if (character.size() != 3) return false;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(character[i])); };
  const unsigned code = (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
  return (code >= 0x2e80 && code < 0xa4d0) || (code >= 0xac00 && code < 0xd7b0);
}

/// The rarest part of a literal, of at least kMinAnchorBytes, that can be looked for byte by byte; empty when there is none.
/// `also_cut_at` are ASCII letters that stand for characters with other bytes.
std::string comparable_part(std::string_view literal, std::string_view also_cut_at) {
  std::string_view best;
  for (std::size_t begin = 0, end = 0; begin < literal.size(); begin = end) {
    for (std::size_t size = 1; end < literal.size(); end += size) {
      const auto first = static_cast<unsigned char>(literal[end]);
      size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
      if (stays_the_same(literal.substr(end, size)) && also_cut_at.find(literal[end]) == std::string_view::npos) continue;
      break;
    }
    const std::string_view part = literal.substr(begin, end - begin);
    if (part.size() >= Matcher::kMinAnchorBytes && (best.empty() || rarity(part) > rarity(best))) best = part;
    if (end < literal.size()) ++end;
    while (end < literal.size() && (static_cast<unsigned char>(literal[end]) & 0xc0) == 0x80) ++end;
  }
  return std::string(best);
}

/// The ASCII letters that RE2 may have made of characters of the pattern that are none: dotted I, Kelvin sign, long s.
std::string_view letters_of_others(std::string_view pattern) {
  constexpr std::string_view kOthers[] = {"\u0130", "\u212a", "\u017f"};
  const auto stands_in_it = [&](std::string_view other) { return pattern.find(other) != std::string_view::npos; };
  return std::any_of(std::begin(kOthers), std::end(kOthers), stands_in_it) ? "iks" : "";
}

/// The literals of which every match of the filter's one pattern holds at least one; empty when there are none long enough.
std::vector<std::string> necessary_literals(re2::FilteredRE2& filter, std::string_view pattern) {
  std::vector<std::string> atoms;
  filter.Compile(&atoms);
  const auto is_necessary = [&](const std::vector<bool>& chosen) {
    std::vector<int> others, potential;
    for (std::size_t i = 0; i < atoms.size(); ++i) {
      if (!chosen[i]) others.push_back(static_cast<int>(i));
    }
    filter.AllPotentials(others, &potential);
    return potential.empty();
  };
  std::vector<std::string> literals;
  std::vector<bool> chosen;
  for (const std::string& atom : atoms) {
    literals.push_back(comparable_part(atom, letters_of_others(pattern)));
    chosen.push_back(!literals.back().empty());
  }
  if (atoms.empty() || !is_necessary(chosen)) return {};
  std::vector<std::size_t> order(atoms.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rarity(literals[a]) < rarity(literals[b]); });
  for (const std::size_t commonest : order) {
    if (!chosen[commonest]) continue;
    chosen[commonest] = false;
    if (!is_necessary(chosen)) chosen[commonest] = true;
  }
  std::vector<std::string> necessary;
  for (std::size_t i = 0; i < literals.size(); ++i) {
    if (chosen[i] && std::find(necessary.begin(), necessary.end(), literals[i]) == necessary.end()) necessary.push_back(literals[i]);
  }
  return necessary;
}

constexpr std::uint64_t kEachByte = 0x0101010101010101u, kHighBits = 0x80 * kEachByte;

std::uint64_t load(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// Eight bytes with ASCII capitals in lower case: the high bit of a sum tells whether a byte is as large as A, or larger than Z.
std::uint64_t lower(std::uint64_t word) {
  const std::uint64_t low = word & ~kHighBits;
  const std::uint64_t from_a = low + (0x80 - 'A') * kEachByte, behind_z = low + (0x7f - 'Z') * kEachByte;
  return word | ((from_a ^ behind_z) & ~word & kHighBits) >> 2;
}

/// Hostile text comes here at every word.
bool equals_folded(const char* text, std::string_view lower_case) {
  const auto same = [&](std::size_t at) { return lower(load(text + at)) == load(lower_case.data() + at); };
  std::size_t at = 0;
  for (; at + 8 <= lower_case.size(); at += 8) {
    if (!same(at)) return false;
  }
  // The last bytes, some of them for the second time.
  if (at > 0) return at == lower_case.size() || same(lower_case.size() - 8);
  return std::equal(lower_case.begin(), lower_case.end(), text, [](char wanted, char c) { return wanted == lower(c); });
}

/// Where the line begins that has a byte at `at`; std::string_view looks back one byte at a time.
std::size_t line_begin(std::string_view block, std::size_t at) {
  for (; at >= 8; at -= 8) {
    const std::uint64_t word = load(block.data() + at - 8) ^ ('\n' * kEachByte);
    if (((word - kEachByte) & ~word & kHighBits) != 0) break;
  }
  while (at > 0 && block[at - 1] != '\n') --at;
  return at;
}

}  // namespace

Pattern::Pattern() = default;
Pattern::~Pattern() = default;

Result<std::unique_ptr<Pattern>> Pattern::compile(const std::string& text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  std::unique_ptr<Pattern> pattern(new Pattern);
  pattern->filter_ = std::make_unique<re2::FilteredRE2>(static_cast<int>(Matcher::kMinAnchorBytes));
  int id = 0;
  if (pattern->filter_->Add(text, options, &id) != re2::RE2::NoError) {
    return Error{ErrorCode::corrupt, text + ": " + re2::RE2(text, options).error()};
  }
  pattern->anchors_ = necessary_literals(*pattern->filter_, text);
  pattern->regex_ = &pattern->filter_->GetRE2(id);
  return pattern;
}

Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;
Matcher::~Matcher() = default;

Matcher::Matcher(std::vector<const Pattern*> patterns) : patterns_(std::move(patterns)) {
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    if (patterns_[i]->anchors().empty()) unanchored_.push_back(i);
    for (const std::string& literal : patterns_[i]->anchors()) add_anchor(literal, i);
  }
  build_table();
}

Result<Matcher> Matcher::compile(std::span<const std::string> patterns) {
  std::vector<std::unique_ptr<Pattern>> owned;
  std::vector<const Pattern*> pointers;
  for (const std::string& text : patterns) {
    auto pattern = Pattern::compile(text);
    if (!pattern) return pattern.error();
    pointers.push_back(pattern->get());
    owned.push_back(std::move(*pattern));
  }
  Matcher matcher(std::move(pointers));
  matcher.owned_ = std::move(owned);
  return matcher;
}

void Matcher::add_anchor(const std::string& text, std::size_t pattern) {
  for (Anchor& anchor : anchors_) {
    if (anchor.text == text) {
      anchor.patterns.push_back(pattern);
      return;
    }
  }
  anchors_.push_back({text, {pattern}});
}

void Matcher::build_table() {
  table_.assign(kTableSize, 0);
  pairs_.assign(std::size_t{1} << kPairTableBits, false);
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
    const std::uint64_t mask = pair ? ~std::uint64_t{0} : low_half();
    if (pair) pairs_[hash_pair(load_folded(text.substr(best)))] = true;
    windows_.push_back({load_folded(text.substr(best)) & mask, mask, index, static_cast<std::uint32_t>(best)});
  }
}

/// One call of find.
struct Matcher::Search {
  std::string_view block;
  std::vector<Candidate>& found;
  const std::vector<bool>* wanted;

  bool wants(std::size_t pattern) const { return wanted == nullptr || (*wanted)[pattern]; }
};

void Matcher::find(std::string_view block, std::vector<Candidate>& found, const std::vector<bool>* wanted) const {
  found.clear();
  Search search{block, found, wanted};
  if (!anchors_.empty()) find_anchors(search);
  if (!unanchored_.empty()) add_unanchored(block, found);
}

/// Eight windows at once: what the table says of each is a byte of one number.
void Matcher::find_anchors(Search& search) const {
  constexpr std::size_t kWindows = 8, kStride = 4 * kWindows;
  const std::string_view block = search.block;
  const std::uint8_t* const table = table_.data();
  const auto look_up = [&](std::size_t at) { return std::uint64_t{table[hash_window(block.data() + at, kTableBits)]}; };
  std::size_t at = 0;
  std::uint64_t ahead = block.size() >= 4 ? look_up(0) : 0;
  for (; at + kStride + 4 <= block.size(); at += kStride) {
    std::uint64_t seen = ahead;
    for (std::size_t i = 1; i < kWindows; ++i) seen |= look_up(at + 4 * i) << (8 * i);
    ahead = look_up(at + kStride);
    // The first window of a pair counts where the next window is a second one.
    const std::uint64_t next = seen >> 8 | ahead << 56;
    std::uint64_t places = ((seen & (next >> 1)) | (seen >> 2)) & kEachByte;
    for (; places != 0; places &= places - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(places)) / 8;
      // The two windows of a pair may belong to two anchors: their eight bytes together tell.
      const bool alone = (seen >> (8 * i) & kAlone) != 0;
      if (alone || pairs_[hash_pair(load_folded(block.substr(at + 4 * i, 8)))]) verify(search, at + 4 * i);
    }
  }
  for (; at + 4 <= block.size(); at += 4) verify(search, at);
}

void Matcher::verify(Search& search, std::size_t at) const {
  const std::string_view block = search.block;
  const std::uint32_t hash = hash_window(block.data() + at, kTableBits);
  const std::uint64_t here = load_folded(block.substr(at));
  for (std::uint32_t i = bucket_begin_[hash]; i < bucket_begin_[hash + 1]; ++i) {
    if ((here & windows_[i].mask) != windows_[i].bytes) continue;
    const Anchor& anchor = anchors_[windows_[i].anchor];
    const std::size_t offset = windows_[i].offset;
    if (offset > at || at - offset + anchor.text.size() > block.size()) continue;
    if (equals_folded(block.data() + at - offset, anchor.text)) add_line(search, at - offset, anchor);
  }
}

void Matcher::add_line(Search& search, std::size_t at, const Anchor& anchor) const {
  if (std::none_of(anchor.patterns.begin(), anchor.patterns.end(), [&](std::size_t pattern) { return search.wants(pattern); })) return;
  const std::string_view block = search.block;
  std::vector<Candidate>& found = search.found;
  Candidate candidate;
  if (!found.empty() && at < found.back().line_end) {
    candidate = found.back();  // the same line again: a line of a million hits must not be measured a million times
  } else {
    candidate.line_begin = line_begin(block, at);
    candidate.line_end = std::min(block.find('\n', at), block.size());
  }
  for (const std::size_t pattern : anchor.patterns) {
    if (!search.wants(pattern)) continue;
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
