#include "analyzers/matcher/matcher.h"

#include <re2/re2.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "analyzers/matcher/folded_text.h"
#include "analyzers/matcher/rarity.h"

namespace vmtriage {
namespace {

// What a table byte says of the window that hashes to it.
constexpr std::uint8_t kFirst = 1;   // the first of two windows in a row
constexpr std::uint8_t kSecond = 2;  // the second of them
constexpr std::uint8_t kAlone = 4;   // the only window of a short anchor at this alignment

constexpr std::size_t kWindowBytes = 4, kPairBytes = 8;

/// Selects, of eight bytes of text, the four that stand first.
constexpr std::uint64_t kFirstWindow =
    std::endian::native == std::endian::little ? 0xffffffffu : std::uint64_t{0xffffffffu} << 32;

std::uint32_t hash_key(std::uint64_t key, unsigned bits) { return static_cast<std::uint32_t>((key * 0x9E3779B97F4A7C15u) >> (64 - bits)); }

/// Eight bytes, folded as for the hash of a window.
std::uint64_t load_folded(const char* bytes) { return load(bytes) | 0x20 * kEachByte; }

/// The same where fewer may be left.
std::uint64_t load_folded(std::string_view text) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, text.data(), std::min(text.size(), sizeof bytes));
  return bytes | 0x20 * kEachByte;
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

Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;
Matcher::~Matcher() = default;

Matcher::Matcher(std::vector<const Pattern*> patterns) : patterns_(std::move(patterns)) {
  std::unordered_map<std::string_view, std::size_t> known;
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    if (patterns_[i]->anchors().empty()) unanchored_.push_back(i);
    for (const std::string& literal : patterns_[i]->anchors()) {
      const auto [at, is_new] = known.emplace(literal, anchors_.size());
      if (is_new) anchors_.push_back({literal, {}});
      anchors_[at->second].patterns.push_back(i);
    }
  }
  table_.assign(std::size_t{1} << kTableBits, 0);
  keys_.assign(std::size_t{1} << kKeyBits, false);
  for (std::uint32_t anchor = 0; anchor < anchors_.size(); ++anchor) add_windows(anchor);
  build_buckets();
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

/// The anchor may start at any byte: for each of the four alignments its rarest pair of windows is put into the table, or the one
/// window of a short anchor.
void Matcher::add_windows(std::uint32_t index) {
  const std::string_view text = anchors_[index].text;
  std::vector<int> rarities;
  for (std::size_t at = 0; at + kWindowBytes <= text.size(); ++at) rarities.push_back(window_rarity(text.substr(at, kWindowBytes)));
  for (std::size_t alignment = 0; alignment < kWindowBytes; ++alignment) {
    const bool pair = alignment + kPairBytes <= text.size();
    std::size_t best = alignment;
    int best_rarity = std::numeric_limits<int>::min();
    for (std::size_t at = alignment; at + (pair ? kPairBytes : kWindowBytes) <= text.size(); at += kWindowBytes) {
      const int here = rarities[at] + (pair ? rarities[at + kWindowBytes] : 0);
      if (here <= best_rarity) continue;
      best_rarity = here;
      best = at;
    }
    table_[hash_window(text.data() + best, kTableBits)] |= pair ? kFirst : kAlone;
    if (pair) table_[hash_window(text.data() + best + kWindowBytes, kTableBits)] |= kSecond;
    const std::uint64_t bytes = load_folded(text.substr(best)), key = pair ? bytes : bytes & kFirstWindow;
    keys_[hash_key(key, kKeyBits)] = true;
    const std::uint64_t end = load_folded(text.substr(std::max(text.size(), kPairBytes) - kPairBytes));
    windows_.push_back({key, end, index, static_cast<std::uint32_t>(best), static_cast<std::uint32_t>(text.size())});
  }
}

void Matcher::build_buckets() {
  const auto bucket = [](const Window& window) { return hash_key(window.key, kBucketBits); };
  std::stable_sort(windows_.begin(), windows_.end(), [&](const Window& a, const Window& b) { return bucket(a) < bucket(b); });
  bucket_begin_.assign((std::size_t{1} << kBucketBits) + 1, 0);
  for (const Window& window : windows_) ++bucket_begin_[bucket(window) + 1];
  std::partial_sum(bucket_begin_.begin(), bucket_begin_.end(), bucket_begin_.begin());
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
  drop_impossible(block, found);
}

/// The lowest bits of eight bytes, side by side.
inline std::uint32_t lowest_bits(std::uint64_t bytes) { return static_cast<std::uint32_t>(bytes * 0x0102'0408'1020'4080u >> 56); }

/// Eight windows in a step: what the table says of each is a byte of one number. Places that are worth a look are gathered over
/// four steps, since a loop over few of them ends in another way each time, which no processor foresees.
void Matcher::find_anchors(Search& search) const {
  constexpr std::size_t kWindows = 8, kStep = kWindowBytes * kWindows, kStride = 4 * kStep;
  const char* const text = search.block.data();
  const std::size_t size = search.block.size();
  const std::uint8_t* const table = table_.data();
  const auto look_up_window = [&](std::size_t at) { return std::uint64_t{table[hash_window(text + at, kTableBits)]}; };
  std::size_t at = 0;
  std::uint64_t ahead = size >= kWindowBytes ? look_up_window(0) : 0;
  const auto places_of_step = [&](std::size_t from) {
    std::uint64_t seen = ahead;
    for (std::size_t i = 1; i < kWindows; ++i) seen |= look_up_window(from + kWindowBytes * i) << (8 * i);
    ahead = look_up_window(from + kStep);
    // The first window of a pair counts where the next window is a second one.
    const std::uint64_t next = seen >> 8 | ahead << 56;
    return ((seen & (next >> 1)) | (seen >> 2)) & kEachByte;
  };
  for (; at + kStride + kWindowBytes <= size; at += kStride) {
    std::uint64_t steps = places_of_step(at);
    steps |= places_of_step(at + kStep) << 1;
    steps |= places_of_step(at + 2 * kStep) << 2;
    steps |= places_of_step(at + 3 * kStep) << 3;
    if (steps == 0) continue;
    std::uint32_t places = 0;
    for (unsigned step = 0; step < 4; ++step) places |= lowest_bits(steps >> step & kEachByte) << (kWindows * step);
    look_at(search, at, places);
  }
  for (; at + kWindowBytes <= size; at += kWindowBytes) {
    const std::uint64_t seen = look_up_window(at);
    if ((seen & (kFirst | kAlone)) == 0) continue;
    const std::uint64_t bytes = load_folded(search.block.substr(at));
    if (at + kPairBytes <= size) look_up(search, at, bytes);
    if ((seen & kAlone) != 0) look_up(search, at, bytes & kFirstWindow);
  }
}

/// Looks at those of 32 windows whose bits are set, the first at `at`. Not inlined: the loop that calls it needs the registers.
#ifdef __GNUC__
[[gnu::noinline]]
#endif
void Matcher::look_at(Search& search, std::size_t at, std::uint32_t places) const {
  for (; places != 0; places &= places - 1) {
    const std::size_t place = at + kWindowBytes * static_cast<std::size_t>(std::countr_zero(places));
    const char* const text = search.block.data() + place;
    const std::uint64_t bytes = load_folded(text);
    // The two windows of a pair may belong to two anchors, and the table has one byte for several windows: their bytes tell.
    look_up(search, place, bytes);
    if ((table_[hash_window(text, kTableBits)] & kAlone) != 0) look_up(search, place, bytes & kFirstWindow);
  }
}

/// Compares what stands around `at` with the anchors that have a window, or pair of them, of this key.
inline void Matcher::look_up(Search& search, std::size_t at, std::uint64_t key) const {
  if (!keys_[hash_key(key, kKeyBits)]) return;
  const std::uint32_t bucket = hash_key(key, kBucketBits);
  for (std::uint32_t i = bucket_begin_[bucket]; i < bucket_begin_[bucket + 1]; ++i) {
    const Window& window = windows_[i];
    if (window.key != key || window.offset > at || at - window.offset + window.size > search.block.size()) continue;
    const char* const begin = search.block.data() + at - window.offset;
    if (window.size >= kPairBytes && load_folded(begin + window.size - kPairBytes) != window.end) continue;
    const Anchor& anchor = anchors_[window.anchor];
    if (equals_folded(begin, anchor.text)) add_line(search, at - window.offset, anchor);
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

void Matcher::drop_impossible(std::string_view block, std::vector<Candidate>& found) const {
  std::erase_if(found, [&](const Candidate& candidate) {
    const std::string_view line = block.substr(candidate.line_begin, candidate.line_end - candidate.line_begin);
    return !patterns_[candidate.pattern]->may_match(line);
  });
}

}  // namespace vmtriage
