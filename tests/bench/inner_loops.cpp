// Runs one of the loops that see every byte, over a file, for instructions.py:
//
//     inner_loops matcher|redactor|deflater FILE
//
// What is counted is counted_loop and what it calls; reading and setting up are not.

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/blocks.h"
#include "agent/deflate/deflater.h"
#include "agent/redactor.h"
#include "analyzers/matcher/matcher.h"
#include "analyzers/rules.h"

namespace vmtriage {
namespace {

using Blocks = std::vector<std::string>;
/// Does its work on every block; what it returns depends on all of it.
using Loop = std::function<std::size_t(const Blocks&)>;

Blocks read_blocks(const char* path) {
  std::ifstream file(path, std::ios::binary);
  BlockReader reader([&file](std::span<char> target) -> Result<std::size_t> {
    file.read(target.data(), static_cast<std::streamsize>(target.size()));
    return static_cast<std::size_t>(file.gcount());
  });
  Blocks blocks;
  for (auto block = reader.next(); block && !block->text.empty(); block = reader.next())
    blocks.emplace_back(block->text);
  return blocks;
}

/// All rules for Linux together, which no log has to bear.
Loop matcher_loop() {
  std::vector<std::string> patterns;
  for (const Rule& rule : RuleBase::built_in().rules()) {
    if (!rule.id.starts_with("windows.")) patterns.insert(patterns.end(), rule.patterns.begin(), rule.patterns.end());
  }
  auto matcher = std::make_shared<Matcher>(std::move(*Matcher::compile(patterns)));
  return [matcher](const Blocks& blocks) {
    std::vector<Candidate> candidates;
    std::size_t found = 0;
    for (const std::string& block : blocks) {
      matcher->find(block, candidates);
      found += candidates.size();
    }
    return found;
  };
}

Loop redactor_loop() {
  return [redactor = Redactor(Redactor::Key{})](const Blocks& blocks) {
    auto stream = redactor.stream();
    std::string storage;
    std::size_t bytes = 0;
    for (const std::string& block : blocks) bytes += stream.apply(block, false, storage).size();
    return bytes;
  };
}

Loop deflater_loop() {
  return [](const Blocks& blocks) {
    const auto deflater = new_deflater(Compression::normal);
    std::string out, text;
    std::size_t bytes = 0;
    for (const std::string& block : blocks) {
      const std::size_t before = std::min(text.size(), Deflater::kWindowBytes);
      text.erase(0, text.size() - before);
      text += block;
      deflater->add(text, before, &block == &blocks.back(), out);
      bytes += out.size();
      out.clear();
    }
    return bytes;
  };
}

const std::map<std::string_view, Loop (*)()> kLoops = {
    {"matcher", matcher_loop}, {"redactor", redactor_loop}, {"deflater", deflater_loop}};

}  // namespace
}  // namespace vmtriage

/// A name that callgrind can be told.
extern "C" [[gnu::noinline]] std::size_t counted_loop(const vmtriage::Loop& loop, const vmtriage::Blocks& blocks) {
  return loop(blocks);
}

int main(int argc, char** argv) {
  const auto loop = argc == 3 ? vmtriage::kLoops.find(argv[1]) : vmtriage::kLoops.end();
  const vmtriage::Blocks blocks = argc == 3 ? vmtriage::read_blocks(argv[2]) : vmtriage::Blocks();
  if (loop == vmtriage::kLoops.end() || blocks.empty()) {
    std::fputs("usage: inner_loops matcher|redactor|deflater FILE\n", stderr);
    return 64;
  }
  std::printf("%zu\n", counted_loop(loop->second(), blocks));
  return 0;
}
