#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/text.h"

namespace vmtriage {

/// Where a code leaves a trace: in the guest's files, only partly there, in the portal (the job) alone, or as a Windows
/// event.
enum class CodeTrace { guest, partial, portal, event };

std::string_view name_of(CodeTrace trace);

/// Words that the portal, a job or a log shows for a code.
struct CodeMessage {
  Language language = Language::en;
  std::string text;
};

/// What one error code means, where it shows and what to do:
///
///     <code name="FailedRetryableFsFreezeFailed" number="121" where="guest" owner="customer">
///       <alias>201</alias>
///       <message>freeze failed for some mount</message>
///       <meaning>…</meaning> <meaning xml:lang="ja">…</meaning>
///       <shows>…</shows> <shows xml:lang="ja">…</shows>
///       <action>…</action> <action xml:lang="ja">…</action>
///       <reference>https://…</reference>
///     </code>
struct Code {
  std::string name;    ///< stable: the code itself, or a slug where the source gave only a sentence
  std::string number;  ///< as its source writes it (`121`, `0x800423f4`, `-1`); empty when it has none
  LocalText family;
  CodeTrace where = CodeTrace::guest;
  std::string owner;  ///< who can solve it; the words of Finding::owner
  std::vector<std::string> aliases;
  std::vector<CodeMessage> messages;
  LocalText meaning;
  LocalText shows;
  LocalText action;
  std::vector<std::string> references;
};

/// The knowledge of `analyzers/codes/*.xml`, found by code, by words and by likeness.
///
/// Pointers that its functions return live as long as the Codes.
class Codes {
 public:
  /// Errors: corrupt, with the file's position in `xml_files` counted from 1 and the byte offset.
  static Result<Codes> parse(std::span<const std::string_view> xml_files);

  std::span<const Code> all() const& { return codes_; }
  std::span<const Code> all() && = delete;

  /// Every entry that is named by `text`: a name, number or alias in any case and with the decoration of a log or
  /// portal (`StatusCode.X,`, `"X"`, `error code: 121`), a 32-bit number in any spelling (`0x800423F4`, `800423f4`,
  /// `-2147212300`), or else a pasted line that holds such a name. Own names and numbers come before aliases.
  std::vector<const Code*> lookup(std::string_view text) const;

  /// Up to 5 entries that share most of the words with `words`, best first; English and Japanese.
  std::vector<const Code*> search(std::string_view words) const;

  /// Up to 5 names that are spelled like `query`, nearest first; empty when nothing comes near.
  std::vector<std::string> nearest(std::string_view query) const;

 private:
  /// What `search` looks into, in lower case.
  struct Searchable {
    std::string labels;  ///< name, aliases and messages
    std::string meaning;
  };

  void build_indexes();
  void index_spelling(std::string_view spelling, std::size_t code);
  void append_matches(std::string_view query, std::vector<const Code*>& found) const;

  std::vector<Code> codes_;
  std::vector<Searchable> searchable_;                           // one for each of codes_
  std::multimap<std::string, std::size_t, std::less<>> by_key_;  // key of a name, number or alias → index in codes_
};

}  // namespace vmtriage
