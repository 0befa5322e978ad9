#include "analyzers/text_rules.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <random>

namespace vmtriage {
namespace {

using Random = std::mt19937;

/// What a rule found in one file: how many lines, and those of them that a finding keeps.
struct Hits {
  std::uint64_t count = 0;
  std::vector<std::uint64_t> lines;  ///< the first two and the last three

  bool operator==(const Hits&) const = default;
  friend void PrintTo(const Hits& hits, std::ostream* out) {
    *out << hits.count << " lines: " << ::testing::PrintToString(hits.lines);
  }
};
using HitsByRule = std::map<std::string, Hits>;

/// A regular expression and a text that it was made to match.
struct Sample {
  std::string pattern, text;
};

/// Parts of patterns and texts: long and short ones, with letters whose upper case has other bytes, or another number
/// of them, than their lower case, and with letters that have no case.
constexpr std::string_view kFragments[] = {"Failed to FIFREEZE",
                                           "0x800423f4",
                                           "No space left on device",
                                           "exit code: ",
                                           "snapshot",
                                           "error",
                                           "x",
                                           "a",
                                           "Kask",
                                           " ",
                                           "ÉCHEC critique",
                                           "échec critique",
                                           "Ошибка записи",
                                           "ошибка записи",
                                           "スナップショットに失敗",
                                           "失敗",
                                           "straße",
                                           "ＶＳＳ ｗｒｉｔｅｒ",
                                           "İstanbul disk",
                                           "K\u017felvin"};

template <typename Table>
const auto& any_of(Random& random, const Table& table) {
  return table[random() % std::size(table)];
}

bool once_in(Random& random, unsigned times) { return random() % times == 0; }

std::string with_other_case(std::string text, Random& random) {
  for (char& c : text) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0 && once_in(random, 2)) c = static_cast<char>(c ^ 0x20);
  }
  return text;
}

/// One part of an expression, without case folding.
Sample random_part(Random& random) {
  const std::string text(any_of(random, kFragments));
  const std::string literal = re2::RE2::QuoteMeta(text), other(any_of(random, kFragments));
  switch (random() % 12) {
    case 0:
      return {R"(\d+)", std::to_string(random() % 1000)};
    case 1:
      return {R"(\S*)", once_in(random, 2) ? "/data/vg1" : ""};
    case 2:
      return {R"([a-f0-9]{2,8})", "c0ffee"};
    case 3:
      return {".*", " some words "};
    case 4:
      return {"(?:" + literal + "|" + re2::RE2::QuoteMeta(other) + ")", once_in(random, 2) ? text : other};
    case 5:
      return {"(?:" + literal + ")?", once_in(random, 2) ? text : ""};
    case 6:
      return {R"(\s+)", " \t"};
    default:
      return {literal, text};
  }
}

Sample random_sample(Random& random) {
  Sample sample;
  for (std::size_t parts = 1 + random() % 4; parts > 0; --parts) {
    const Sample part = random_part(random);
    sample.pattern += part.pattern;
    sample.text += part.text;
  }
  switch (random() % 8) {
    case 0:
      sample.pattern = "^" + sample.pattern;
      break;
    case 1:
      sample.pattern += "$";
      break;
    case 2:
      sample.pattern = R"(\b)" + sample.pattern;
      break;
    case 3:
    case 4:
      return {"(?i)" + sample.pattern, with_other_case(sample.text, random)};
    default:
      break;
  }
  return sample;
}

Rule rule_of(std::string id, std::vector<std::string> patterns) {
  Rule rule;
  rule.id = std::move(id);
  rule.artifacts = {"*"};
  rule.patterns = std::move(patterns);
  return rule;
}

/// Rules with one or two patterns; `samples` are texts that hit them.
std::vector<Rule> random_rules(Random& random, std::vector<std::string>& samples) {
  std::vector<Rule> rules;
  for (std::size_t i = 0; i < 16; ++i) {
    std::vector<std::string> patterns;
    for (std::size_t n = once_in(random, 4) ? 2 : 1; n > 0; --n) {
      Sample sample = random_sample(random);
      patterns.push_back(std::move(sample.pattern));
      samples.push_back(std::move(sample.text));
    }
    rules.push_back(rule_of("rule-" + std::to_string(i), std::move(patterns)));
  }
  return rules;
}

std::string random_line(Random& random, const std::vector<std::string>& samples) {
  constexpr std::string_view kBetween[] = {"", " ", " ", "-", "\t", "\r", "日", "\xff\xc3"};
  std::string line;
  for (std::size_t parts = random() % 5; parts > 0; --parts) {
    const std::string text(once_in(random, 2) ? any_of(random, samples) : std::string(any_of(random, kFragments)));
    line += once_in(random, 3) ? with_other_case(text, random) : text;
    line += any_of(random, kBetween);
    if (once_in(random, 20)) line.append(3, '\0');
    if (once_in(random, 200)) line.append(50'000, 'y');
  }
  return line;
}

std::string random_text(Random& random, const std::vector<std::string>& samples) {
  const std::string_view line_end = once_in(random, 3) ? "\r\n" : "\n";
  std::string text;
  for (std::size_t lines = random() % 60; lines > 0; --lines)
    text.append(random_line(random, samples)).append(line_end);
  // Without a line end at the end of the file.
  if (once_in(random, 2)) text += random_line(random, samples);
  return text;
}

std::size_t longest_line(std::string_view text) {
  std::size_t longest = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    longest = std::max(longest, end - begin);
    begin = end + 1;
  }
  return longest;
}

/// The product's way: a file in blocks, read in pieces of any size.
HitsByRule found_by_rules(const RuleBase& rules, std::string_view text, std::size_t block_bytes, Random& random) {
  const TextRules analyzer(rules, [](std::string_view line) { return std::string(line); });
  Artifact artifact;
  artifact.id = "text.unknown";
  const auto scan = analyzer.scan(artifact);
  BlockReader reader(
      [&, at = std::size_t{0}](std::span<char> target) mutable -> Result<std::size_t> {
        const std::size_t wanted = once_in(random, 2) ? target.size() : 1 + random() % target.size();
        const std::size_t given = text.copy(target.data(), wanted, at);
        at += given;
        return given;
      },
      block_bytes);
  std::uint64_t line = 1;
  for (auto block = reader.next(); block && !block->text.empty(); block = reader.next()) {
    scan->block(*block, line);
    line += count_lines(block->text);
  }
  Insights insights;
  scan->finish(insights);
  HitsByRule found;
  for (const Finding& finding : insights.findings) {
    Hits& hits = found[finding.rule_id];
    hits.count = finding.count;
    for (const Evidence& evidence : finding.evidence) hits.lines.push_back(evidence.line.value_or(0));
  }
  return found;
}

/// Every pattern on every line.
HitsByRule found_line_by_line(const RuleBase& rules, std::string_view text) {
  HitsByRule found;
  for (const Rule& rule : rules.rules()) {
    std::vector<std::unique_ptr<re2::RE2>> patterns;
    for (const std::string& pattern : rule.patterns) patterns.push_back(std::make_unique<re2::RE2>(pattern));
    std::vector<std::uint64_t> lines;
    std::uint64_t number = 1;
    for (std::size_t begin = 0; begin < text.size(); ++number) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      std::string_view line = text.substr(begin, end - begin);
      if (line.ends_with('\r')) line.remove_suffix(1);
      const auto matches = [&](const auto& pattern) {
        return re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *pattern);
      };
      if (std::any_of(patterns.begin(), patterns.end(), matches)) lines.push_back(number);
      begin = end + 1;
    }
    if (lines.empty()) continue;
    Hits& hits = found[rule.id];
    hits.count = lines.size();
    if (lines.size() > kMaxExcerpts) lines.erase(lines.begin() + 2, lines.end() - (kMaxExcerpts - 2));
    hits.lines = std::move(lines);
  }
  return found;
}

std::string described(const RuleBase& rules) {
  std::string text;
  for (const Rule& rule : rules.rules()) text += rule.id + ": " + ::testing::PrintToString(rule.patterns) + "\n";
  return text;
}

TEST(TextRulesTest, FindWhatEveryPatternOnEveryLineFindsInRandomTexts) {
  Random random(20261120);
  std::size_t rules_that_hit = 0;
  for (int round = 0; round < 120; ++round) {
    std::vector<std::string> samples;
    const RuleBase rules = RuleBase::of(random_rules(random, samples));
    for (int file = 0; file < 6; ++file) {
      const std::string text = random_text(random, samples);
      // The smaller the blocks, the more lines stand across their borders.
      const std::size_t block_bytes = longest_line(text) + 1 + random() % (once_in(random, 2) ? 8 : 100'000);
      const HitsByRule wanted = found_line_by_line(rules, text);
      rules_that_hit += wanted.size();
      ASSERT_EQ(found_by_rules(rules, text, block_bytes, random), wanted)
          << "round " << round << ", file " << file << ", blocks of " << block_bytes << "\n"
          << described(rules) << text;
    }
  }
  EXPECT_GT(rules_that_hit, 3000u) << "the samples hit hardly any rule";
}

TEST(TextRulesTest, FindAWordInALineLongerThanABlockAndKnowItsNumber) {
  const RuleBase rules =
      RuleBase::of({rule_of("word", {"0x800423f4"}), rule_of("letter", {"x"}), rule_of("none", {"absent"})});
  Random random(7);
  for (std::size_t offset = 0; offset < 300; ++offset) {
    const std::string line = std::string(offset, '-') + " 0x800423f4 " + std::string(700, '-');
    const std::string text = "first\n" + line + "\nlast\n";
    const HitsByRule found = found_by_rules(rules, text, 128, random);
    EXPECT_EQ(found, (HitsByRule{{"word", {1, {2}}}, {"letter", {1, {2}}}})) << offset;
  }
}

}  // namespace
}  // namespace vmtriage
