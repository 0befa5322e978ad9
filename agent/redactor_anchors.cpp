#include "agent/redactor_anchors.h"

#include <array>
#include <vector>

#include "agent/base/gram_finder.h"

namespace vmtriage::redaction {
namespace {

/// A word, and the three letters of it, at `offset`, that are looked for first. Letters and buckets were chosen by counting
/// on logs of Linux and Windows VMs: a place in 2,000 bytes is looked at, and most of those are one of the words.
struct Row {
  Anchor anchor;
  std::string_view word;
  std::size_t offset;
  Gram gram;
};

const std::array kRows{
    Row{Anchor::at_sign, "@", 0, {"@..", 0}},
    Row{Anchor::password, "password", 2, {"ssw", 1}},
    Row{Anchor::password, "passwd", 2, {"ssw", 1}},
    Row{Anchor::cred_string, "credstring", 3, {"dst", 1}},
    Row{Anchor::hdbsql, "hdbsql", 2, {"bsq", 1}},
    Row{Anchor::hdbuserstore, "hdbuserstore", 6, {"rst", 1}},
    Row{Anchor::custom_data, "customdata", 5, {"mda", 2}},
    Row{Anchor::object_str, "objectstr", 1, {"bje", 2}},
    Row{Anchor::key, "key", 0, {"key", 3}},
    Row{Anchor::token, "token", 0, {"tok", 3}},
    Row{Anchor::der_blob, "mii", 0, {"mii", 3}},
    Row{Anchor::sig, "sig", 0, {"sig", 4}},
    Row{Anchor::jwt, "eyj", 0, {"eyj", 4}},
    Row{Anchor::authorization, "authorization", 5, {"riz", 5}},
    Row{Anchor::bearer, "bearer", 3, {"rer", 5}},
    Row{Anchor::protected_settings, "protectedsettings", 7, {"eds", 6}},
    Row{Anchor::secret, "secret", 1, {"ecr", 6}},
    Row{Anchor::pwd, "pwd", 0, {"pwd", 7}},
    Row{Anchor::user_data, "userdata", 2, {"erd", 7}},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool equals_folded(std::string_view text, std::size_t at, std::string_view word) {
  if (text.size() - at < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (lower(text[at + i]) != word[i]) return false;
  }
  return true;
}

/// The word whose letters stand at `gram_at`.
AnchorHit word_at(std::string_view text, std::size_t gram_at, std::size_t from) {
  for (const Row& row : kRows) {
    if (gram_at < row.offset) continue;
    const std::size_t begin = gram_at - row.offset;
    const std::size_t end = begin + row.word.size();
    if (end > from && equals_folded(text, begin, row.word)) return {begin, end, row.anchor};
  }
  return {};
}

GramFinder finder_of_rows() {
  std::vector<Gram> grams;
  for (const Row& row : kRows) grams.push_back(row.gram);
  return GramFinder(grams);
}

}  // namespace

AnchorHit find_anchor(std::string_view text, std::size_t from) {
  static const GramFinder finder = finder_of_rows();
  for (std::size_t at = from; (at = finder.find(text, at)) != std::string_view::npos; ++at) {
    const AnchorHit hit = word_at(text, at, from);
    if (hit.found()) return hit;
  }
  return {};
}

}  // namespace vmtriage::redaction
