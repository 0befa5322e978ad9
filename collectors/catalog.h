#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/artifact.h"
#include "agent/base/embedded.h"
#include "agent/base/result.h"
#include "agent/base/text.h"
#include "collectors/glob_list.h"

namespace vmtriage {

/// A command whose output is evidence, or a `<query>`: a question that this program asks the system itself (ask_system).
struct CommandSpec {
  std::vector<std::string>
      argv;  ///< [0] is a program's name, looked up in the system folders; `{glob:/path/*}` becomes the files
  std::string input = {};  ///< what the program reads as its standard input
  bool is_query = false;   ///< `argv` is the question and its words
  int timeout_ms = 10'000;
  bool only_without_syslog = false;  ///< run only where no syslog file was found
};

/// As reports name it: `vssadmin list writers`, `diskshadow: list writers status; exit`, `query: services VSS swprv`.
std::string shown_command(const CommandSpec& command, const std::vector<std::string>& argv);

/// What can be collected and how it is recognised; an `<artifact>` of collectors/catalog/*.xml:
///
///     <artifact id="linux.waagent.log" priority="10" profiles="vm-backup minimal" request="waagent-log">
///       <doc>Log of the Azure Linux agent</doc> …
///       <glob>/var/log/waagent*.log*</glob>
///     </artifact>
struct ArtifactSpec {
  std::string id;
  std::string os;  ///< linux | windows
  LocalText doc;
  Format format = Format::text;
  int priority = 100;  ///< smaller is collected first: what names the failure stands before what explains it
  std::vector<std::string> profiles;
  std::vector<std::string>
      globs;  ///< absolute, with `*`, `?`, `[…]` and `**`; of Windows, whatever the case of letters
  std::vector<std::string> excepts;  ///< what the globs must not take
  std::optional<CommandSpec> command;
  bool personal = false;  ///< only with --include-personal: sign-ins and the like
  bool search = false;    ///< the globs are looked for on all local file systems when the other artifacts of this
                          ///< `request` are empty
  std::string request;    ///< the item of the support request that this answers
  std::size_t max_files = 10'000;

  bool in_profile(std::string_view profile) const;
};

/// An item that a support request asks for.
struct RequestItem {
  std::string id;
  std::vector<std::string> profiles;
  LocalText text;
};

/// Everything the program knows to collect.
class Catalog {
 public:
  /// Errors (corrupt): "linux.xml:12: reason".
  static Result<Catalog> parse(std::span<const EmbeddedFile> files);
  static const Catalog& built_in();

  const std::vector<ArtifactSpec>& specs() const { return specs_; }
  const std::vector<RequestItem>& request_items() const { return request_items_; }
  std::vector<std::string> profiles() const;

  /// The artifact whose glob matches the end of a path, whatever stands before it: `disk/var/log/waagent.log.1.gz` is
  /// `linux.waagent.log`. The first in the order of the catalogue files wins; null when there is none. Paths use `/`.
  /// As on Windows itself, `WINDOWSAZURE/logs/WaAppAgent.LOG` is `windows.agent.waappagent-log`.
  const ArtifactSpec* recognise(std::string_view path) const;
  /// The same where it is an artifact with personal data, else null: of nearly every path this is known at once.
  const ArtifactSpec* recognise_personal(std::string_view path) const;
  const ArtifactSpec* find(std::string_view id) const;

  /// Whether a path (as it is on the VM, links resolved) must never be collected: keys, secret stores, password files. With
  /// `any_case`, as on Windows, `SAM` and `sam` are one name.
  bool is_denied(std::string_view path, bool any_case) const;

 private:
  /// What a spec's paths are compared with; in lower case where the system does not tell case apart.
  struct Globs {
    bool any_case = false;
    GlobList wanted, excepts;
    std::string output;  ///< of a command: the end of its file's path in a bundle
    bool match(std::string_view path, std::string_view lower_path) const;
  };

  std::vector<ArtifactSpec> specs_;
  std::vector<Globs> globs_;  ///< of `specs_`, in their order
  std::vector<RequestItem> request_items_;
  GlobList deny_;
  GlobList deny_lower_;  ///< the same in lower case
};

/// `mounts` of `linux.command.mounts`: the name of its file under commands/.
std::string command_file_name(std::string_view artifact_id);

}  // namespace vmtriage
