#pragma once

#include <string>
#include <vector>

#include "collectors/system_query.h"

namespace vmtriage {

// What Windows is asked through its functions, where a command is missing, translated or slow to start. Nothing here asks for a
// right to write, and a place that cannot be seen is a problem of the answer, not its end.

/// Keys with all below them; only a key's own values where it ends in `\.`: `HKLM\SOFTWARE\Microsoft\BcdrAgent`. One that is not there
/// is said to be missing.
void ask_registry(const std::vector<std::string>& keys, AnswerWriter& answer);

/// The named services with their settings, then the states of all others:
///
///     service VSS
///         display name: Volume Shadow Copy
///         state: stopped
///         start type: manual
///         account: LocalSystem
///         binary: C:\Windows\system32\vssvc.exe
///         binary found: yes
///         exit code: 0
///         service exit code: 0
void ask_services(const std::vector<std::string>& names, AnswerWriter& answer);

/// The volumes of this machine: what they are, what is free, on which disks. Drives of the network are named and not touched.
void ask_volumes(const std::vector<std::string>&, AnswerWriter& answer);

/// The disks of this machine, their address (LUN) and their partitions.
void ask_disks(const std::vector<std::string>&, AnswerWriter& answer);

/// The version in the resources of every file that the globs find: `/WindowsAzure/GuestAgent_*/WaAppAgent.exe`.
void ask_file_versions(const std::vector<std::string>& globs, AnswerWriter& answer);

/// Who may do what with folders, files and registry keys; as SDDL and for people:
///
///     C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys
///         sddl: O:SYG:SYD:PAI(A;;0x12019f;;;WD)(A;;FA;;;BA)
///         allow: Everyone (S-1-1-0): read write 0x0012019f
void ask_access_rights(const std::vector<std::string>& paths, AnswerWriter& answer);

}  // namespace vmtriage
