#include "analyzers/matcher/rarity.h"

#include <array>
#include <cstdint>
#include <vector>

#include "analyzers/matcher/folded_text.h"

namespace vmtriage {
namespace {

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

/// Letters that English prose is full of count little, digits and punctuation more.
constexpr auto kRank = [] {
  std::array<int, 256> rank{};
  rank.fill(18);
  constexpr std::string_view kByFrequency = " etaoinsrhldcumfpgwybvkxjqz";
  for (std::size_t i = 0; i < kByFrequency.size(); ++i) rank[static_cast<unsigned char>(kByFrequency[i])] = static_cast<int>(i);
  return rank;
}();

}  // namespace

/// A part of another word does not count: "backuperror" is rare, however common its halves are.
int rarity(std::string_view literal) {
  // A digit of a number that is looked for is as good as two letters.
  int score = static_cast<int>(literal.size());
  for (const char c : literal) score += c >= '0' && c <= '9' ? 1 : 0;
  for (std::string_view word : kCommonWords) {
    for (std::size_t at = literal.find(word); at != std::string_view::npos; at = literal.find(word, at + word.size())) {
      const std::size_t end = at + word.size();
      const bool begins = at == 0 || !is_word_character(literal[at]) || !is_word_character(literal[at - 1]);
      const bool ends = end == literal.size() || !is_word_character(literal[end - 1]) || !is_word_character(literal[end]);
      if (begins && ends) score -= static_cast<int>(word.size());
    }
  }
  return score;
}

int window_rarity(std::string_view window) {
  static const CommonWindows common;
  int score = common.contains(window) ? -60 : 0;
  for (const char c : window) score += byte_rarity(c);
  return score;
}

int byte_rarity(char c) { return kRank[static_cast<unsigned char>(lower(c))]; }

}  // namespace vmtriage
