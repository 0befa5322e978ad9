#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/embedded.h"
#include "agent/base/finding.h"
#include "agent/base/result.h"
#include "agent/base/text.h"

namespace vmtriage {

/// A marker that makes a hit harmless.
struct Unless {
  enum class On {
    line,      ///< such a line is no hit
    after,     ///< a line like this behind the last hit, in the same file, takes the finding back (recovery)
    artifact,  ///< a line like this anywhere in the same file takes the finding back
  };
  On on = On::line;
  std::string pattern;
};

/// Something that must be so, or with `negated` must not be so, for an event to count:
///
///     <data name="#1" matches="^0x800423f4"/>   <data name="any" not="VSS\\Diag"/>
///     <hresult>0x800423f3 0x800423f4</hresult>   <writer not="SqlServerWriter|third-party"/>
struct EventTest {
  enum class On {
    data,      ///< a value: `#k` the k-th one, a name, `last`, `any`; in an export without values, the message
    hresult,   ///< a number anywhere in the event's texts
    writer,    ///< class id or name; `known`: in the table of writers, `third-party`: named but not in it, `none`
    process,   ///< the command line of the process that logged a VSS event
    ntstatus,  ///< the final status in a driver's error packet
    service,   ///< key name of the service a Service Control Manager event is about
  };
  On on = On::data;
  bool negated = false;
  std::string name;                 ///< of `data`
  std::string pattern;              ///< RE2, for `data` and `process`
  std::vector<std::string> values;  ///< lower case, for the others: one of them
};

/// A Windows event to look for: `<event provider="VSS" id="8229 12289-12291" level="error">` and its tests.
struct EventCondition {
  struct IdRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
  };
  std::vector<std::string> providers;  ///< lower case, without `Microsoft-Windows-`; may end in `*`
  std::vector<IdRange> ids;
  std::string channel;               ///< lower case; empty: any
  std::vector<std::uint8_t> levels;  ///< Event::level; empty: any
  /// What the finding is about: `writer`, `service`, `process`, `volume`, `hresult`, `#k` or the name of a value;
  /// empty: a capture named component, else the rule's `<component>`.
  std::string component;
  std::vector<EventTest> tests;  ///< all of them
};

/// What to look for and what to say about it; a `<rule>` of analyzers/rules/*.xml:
///
///     <rule id="linux.freeze.fifreeze-failed" severity="error" artifacts="linux.vmsnapshot.*" owner="customer">
///       <pattern>Failed to FIFREEZE: (?P<component>/\S*)</pattern>
///       <title>The file system {component} could not be frozen</title> …
///
/// A rule without a pattern carries the words of a finding that code makes (analyzers/checks): it names its `check`.
/// A rule with `<event>`s is about Windows events, in event logs and in texts that hold exported events; any of its
/// conditions makes a hit. Its `<pattern>`s tell the event by its wording where only the message was pasted.
struct Rule {
  std::string id;
  Severity severity = Severity::warning;
  std::vector<std::string> artifacts;  ///< ids, with a trailing `*`; a lone `*` is every text
  std::string owner;
  int rank =
      0;  ///< of findings equally severe, those of a smaller rank stand first: the cause before what follows from it
  std::string check;
  std::vector<std::string> patterns;  ///< RE2, each matched on one line
  std::vector<EventCondition> events;
  std::vector<std::string> wordings;  ///< the `<pattern>`s of a rule with events: RE2, each matched on one line
  /// Severity in a text that holds a few events only: somebody picked them out, so that even a usually harmless one is
  /// what they ask about. The threshold does not count then.
  std::optional<Severity> alone;
  std::string signal;   ///< the part its events play in a backup window: `writer`, `snapshot`, `io` … (Signal::Kind)
  bool silent = false;  ///< its events count for the backup window only; they are no finding
  bool fallback = false;  ///< counts an event only when no other rule does
  /// What makes a finding of this rule a matter of the past, as code finds it in the same file: `snapshot` (a later backup
  /// run went well) or `application-snapshot` (one whose pre and post scripts did).
  std::string until;
  /// The hit begins a record of several lines (a command and its output): the last words of that output are quoted too.
  bool record = false;
  std::string beside;     ///< reported only next to a finding of the same log whose rule id starts like this
  std::vector<Unless> unless;
  std::uint32_t threshold = 1;            ///< hits that make a finding
  std::optional<Ticks> threshold_within;  ///< … within this time of each other
  /// What is to be taken back by a later line is news (info) until the file goes on for this long: it may have been copied in between.
  std::optional<Ticks> settle;
  std::string component;                  ///< when no pattern captures one
  LocalText title;
  LocalText advice;
  std::vector<std::string> codes;
  std::string reference;
  std::vector<std::string> matches;  ///< texts that must hit: the rule's own tests
  std::vector<std::string> misses;   ///< texts that must not

  bool applies_to(std::string_view artifact_id) const;
};

/// `Ntfs` of `Microsoft-Windows-Ntfs`; other names as they are.
std::string_view without_provider_prefix(std::string_view name);
/// A provider's name as rules compare it: `Microsoft-Windows-Ntfs` and `Ntfs` are both `ntfs`.
std::string plain_provider(std::string_view name);

/// A finding of this rule, its texts filled in; `values` may hold `component`. Count, times and evidence are the
/// caller's.
Finding make_finding(const Rule& rule, Values values = {});

/// Turns a finding into a note on the past: what failed has worked since.
void mark_recovered(Finding& finding);

/// Every rule the program knows.
class RuleBase {
 public:
  /// Reads rule files. Errors (corrupt) name the file, the line and the reason: "my.xml:12: pattern: missing )".
  /// `try_patterns` compiles every pattern to see whether RE2 takes it: 25 µs each.
  static Result<RuleBase> parse(std::span<const EmbeddedFile> files, bool try_patterns = true);

  /// The rules that are compiled into the program (analyzers/rules/*.xml).
  static const RuleBase& built_in();

  /// A base of these rules.
  static RuleBase of(std::vector<Rule> rules);

  /// Adds the rules of another base; one with the id of a known rule takes its place.
  void merge(const RuleBase& other);

  const std::vector<Rule>& rules() const { return rules_; }
  const Rule* find(std::string_view id) const;
  /// The finding of a rule that code decides. An unknown id is a bug of this program: it aborts in tests by throwing.
  Finding finding(std::string_view id, Values values = {}) const;

 private:
  std::vector<Rule> rules_;
};

}  // namespace vmtriage
