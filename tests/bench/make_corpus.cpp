// Writes a folder of invented logs in the shape of an Azure Linux VM, for `./dev bench`:
//
//     make_corpus DIR SIZE [--shape tree|small|single] [--hostile] [--seed N] [--files N]
//
// The same arguments give the same bytes. One line in 20,000 is one that a rule names; deflate makes the whole about
// five times smaller, as it does with the logs of real VMs: time stamps, agents and services that say the same again
// and again with other numbers, and GUIDs, which do not shrink.
//
// tree: syslog and messages with their generations 64 %, waagent.log 12 %, extension.log 5 % (whole backup runs), HANA
// backup.log and backint.log 11 %, logs of other extensions of 50 KiB each 7 %, status files. small: files of 1 KiB, a
// thousand to a folder. single: one file, messages.
//
// --hostile: every line of syslog, messages, waagent.log and the other extensions holds several texts that rules look
// for, whole ones whose surroundings do not fit and ones that end or differ in their last letter, so that each line is
// worth a second look, and none is a finding but the one in 20,000.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/text.h"

namespace vmtriage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kLinesPerFailure = 20'000;

/// splitmix64: fast, and the same on every standard library, which the distributions of <random> are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t limit) { return bits() % limit; }

 private:
  std::uint64_t state_;
};

void append_digits(std::string& out, std::uint64_t value, int width) {
  std::array<char, 20> digits;
  for (int i = width - 1; i >= 0; --i, value /= 10)
    digits[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
  out.append(digits.data(), static_cast<std::size_t>(width));
}

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_hex(std::string& out, std::uint64_t value, int width) {
  for (int shift = 4 * (width - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15];
}

/// The clock of one log, which goes forward from line to line.
class LogClock {
 public:
  explicit LogClock(std::uint64_t seconds) : micros_(seconds * 1'000'000) { turn_day(); }

  void advance(std::uint64_t micros) {
    micros_ += micros;
    if (micros_ / kDay != day_) turn_day();
  }

  /// `2026-11-16T22:30:09`, with the two separators asked for.
  void append_iso(std::string& out, char date_separator, char between) const {
    append_number(out, year_);
    out += date_separator;
    append_digits(out, month_, 2);
    out += date_separator;
    append_digits(out, day_of_month_, 2);
    out += between;
    append_time(out, hour());
  }
  void append_micros(std::string& out) const { append_digits(out, micros_ % 1'000'000, 6); }
  void append_millis(std::string& out) const { append_digits(out, micros_ / 1000 % 1000, 3); }
  void append_month_name(std::string& out) const {
    out += std::string_view(&"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * (month_ - 1)], 3);
  }

  /// `Nov 16 22:30:09`
  void append_syslog(std::string& out) const {
    append_month_name(out);
    out += day_of_month_ < 10 ? "  " : " ";
    append_number(out, day_of_month_);
    out += ' ';
    append_time(out, hour());
  }
  /// `Mon Nov 16 10:30:09 PM UTC 2026`
  void append_date_command(std::string& out) const {
    out += std::string_view(&"ThuFriSatSunMonTueWed"[3 * (day_ % 7)], 3);
    out += ' ';
    append_month_name(out);
    out += ' ';
    append_digits(out, day_of_month_, 2);
    out += ' ';
    append_time(out, hour() % 12 == 0 ? 12 : hour() % 12);
    out += hour() < 12 ? " AM UTC " : " PM UTC ";
    append_number(out, year_);
  }
  std::uint64_t millis() const { return micros_ / 1000; }

 private:
  static constexpr std::uint64_t kDay = 86'400'000'000;

  void turn_day() {
    day_ = micros_ / kDay;
    const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day_))};
    year_ = static_cast<std::uint64_t>(static_cast<int>(date.year()));
    month_ = static_cast<unsigned>(date.month());
    day_of_month_ = static_cast<unsigned>(date.day());
  }
  std::uint64_t hour() const { return micros_ / 3'600'000'000 % 24; }
  void append_time(std::string& out, std::uint64_t hour) const {
    append_digits(out, hour, 2);
    out += ':';
    append_digits(out, micros_ / 60'000'000 % 60, 2);
    out += ':';
    append_digits(out, micros_ / 1'000'000 % 60, 2);
  }

  std::uint64_t micros_;
  std::uint64_t day_ = 0;
  std::uint64_t year_ = 0;
  unsigned month_ = 1;
  unsigned day_of_month_ = 1;
};

/// What stands in braces in a line's pattern.
enum class Field {
  literal,
  iso,        ///< 2026-11-16T22:30:09.402118Z
  offset,     ///< 2026-11-16T22:30:09+00:00
  dashed,     ///< 2026-11-16 22:30:09.402118
  slashed,    ///< 2026/11/16 22:30:09.402118
  comma,      ///< 2026-11-16 22:30:09,402
  backint,    ///< 2026-11-16 22:30:09.402
  sys,        ///< Nov 16 22:30:09
  date,       ///< Mon Nov 16 10:30:09 PM UTC 2026
  backup_id,  ///< milliseconds since 1970 in hexadecimal
  guid,
  hex,
  ip,
  pid,  ///< one of a few that live long
  n1,
  n2,
  n3,
  n4,
  n6,
  n9,
  word,
  path,
  near,  ///< almost what a rule looks for
};

struct FieldName {
  std::string_view name;
  Field field;
};

constexpr FieldName kFieldNames[] = {
    {"iso", Field::iso},      {"offset", Field::offset},   {"dashed", Field::dashed}, {"slashed", Field::slashed},
    {"comma", Field::comma},  {"backint", Field::backint}, {"sys", Field::sys},       {"date", Field::date},
    {"id", Field::backup_id}, {"guid", Field::guid},       {"hex", Field::hex},       {"ip", Field::ip},
    {"pid", Field::pid},      {"n1", Field::n1},           {"n2", Field::n2},         {"n3", Field::n3},
    {"n4", Field::n4},        {"n6", Field::n6},           {"n9", Field::n9},         {"word", Field::word},
    {"path", Field::path},    {"near", Field::near},
};

constexpr std::string_view kWords[] = {"orders", "billing", "catalog", "search",  "gateway", "worker",
                                       "cache",  "queue",   "mailer",  "reports", "ledger",  "archive"};
/// Almost what rules look for: cut off, or right but for what has to follow.
constexpr std::string_view kNearMisses[] = {
    "Failed to FIFREEZE: none",
    "Failed to FIFREEZ of 0 mounts",
    "fsfreeze hung for 0 s",
    "No space left on devic",
    "[Errno 28] is not set",
    "0x800423f",
    "0x8004231",
    "StatusCode.Faile",
    "UserError FsFreezeFailed",
    "Non-zero exit code: none",
    "ExtensionOperationErro",
    "BackupLogErr",
    "SAVE DATA finished with erro",
    "[110507] Backint exited with exit code 0",
    "python version known",
    "Device or resource bus",
    "EXT4-fs error count 0",
    "I/O error count 0, dev sd",
    "Remounting filesystem read-write",
    "snapshot creation failed 0 times",
    "Connection refuse",
    "Temporary failure in name resolutio",
    "certificate verify faile",
    "Permission denie",
    "AccessDenied=0",
    "Cannot allocate memor",
    "Out of memory: Killed 0",
    "timed out after 0 s",
    "PluginHostService error: 0",
    "failed with error message: 0",
};
constexpr std::string_view kPaths[] = {"/usr/lib/systemd/system", "/var/lib/app/data", "/opt/app/current/conf",
                                       "/srv/share/export",       "/var/cache/app",    "/etc/app/conf.d"};

/// A pattern, cut into its parts once.
class LinePattern {
 public:
  explicit LinePattern(std::string_view text) {
    while (!text.empty()) text.remove_prefix(take_part(text));
    lines_ = 1;
    for (const Part& part : parts_)
      lines_ += static_cast<std::uint64_t>(std::count(part.text.begin(), part.text.end(), '\n'));
  }

  std::uint64_t lines() const { return lines_; }

  /// Writes one record; `clock` goes on a little before each line of it that has a time stamp of its own.
  void append(std::string& out, Random& random, LogClock& clock) const {
    for (const Part& part : parts_) {
      if (part.text.ends_with('\n')) clock.advance(random.below(40'000));
      append_part(out, part, random, clock);
    }
    out += '\n';
  }

 private:
  struct Part {
    Field field;
    std::string_view text;
  };

  std::size_t take_part(std::string_view text) {
    for (const FieldName& known : kFieldNames) {
      const std::size_t size = known.name.size() + 2;
      if (text.size() < size || text[0] != '{' || text[size - 1] != '}' || text.substr(1, size - 2) != known.name)
        continue;
      parts_.push_back({known.field, {}});
      return size;
    }
    const std::size_t end = std::min(text.find('{', 1), text.size());
    parts_.push_back({Field::literal, text.substr(0, end)});
    return end;
  }

  static void append_part(std::string& out, const Part& part, Random& random, const LogClock& clock) {
    switch (part.field) {
      case Field::literal:
        out += part.text;
        break;
      case Field::guid:
        append_guid(out, random);
        break;
      case Field::hex:
        append_hex(out, random.bits(), 8);
        break;
      case Field::ip:
        append_ip(out, random);
        break;
      case Field::pid:
        append_number(out, 700 + 37 * random.below(40));
        break;
      case Field::n1:
        append_number(out, random.below(10));
        break;
      case Field::n2:
        append_number(out, random.below(100));
        break;
      case Field::n3:
        append_number(out, random.below(1000));
        break;
      case Field::n4:
        append_number(out, random.below(10'000));
        break;
      case Field::n6:
        append_number(out, random.below(1'000'000));
        break;
      case Field::n9:
        append_number(out, random.below(1'000'000'000));
        break;
      case Field::word:
        out += kWords[random.below(std::size(kWords))];
        break;
      case Field::near:
        out += kNearMisses[random.below(std::size(kNearMisses))];
        break;
      case Field::path:
        out += kPaths[random.below(std::size(kPaths))];
        break;
      default:
        append_stamp(out, part.field, clock);
        break;
    }
  }

  static void append_stamp(std::string& out, Field field, const LogClock& clock) {
    switch (field) {
      case Field::sys:
        return clock.append_syslog(out);
      case Field::date:
        return clock.append_date_command(out);
      case Field::backup_id:
        return append_hex(out, clock.millis(), 11);
      default:
        break;
    }
    const bool has_t = field == Field::iso || field == Field::offset;
    clock.append_iso(out, field == Field::slashed ? '/' : '-', has_t ? 'T' : ' ');
    if (field == Field::offset) {
      out += "+00:00";
      return;
    }
    out += field == Field::comma ? ',' : '.';
    field == Field::comma || field == Field::backint ? clock.append_millis(out) : clock.append_micros(out);
    if (field == Field::iso) out += 'Z';
  }

  static void append_guid(std::string& out, Random& random) {
    const std::uint64_t high = random.bits();
    append_hex(out, high >> 32, 8);
    out += '-';
    append_hex(out, high >> 16, 4);
    out += "-4";
    append_hex(out, high, 3);
    out += "-a";
    const std::uint64_t low = random.bits();
    append_hex(out, low >> 48, 3);
    out += '-';
    append_hex(out, low, 12);
  }

  static void append_ip(std::string& out, Random& random) {
    out += "10.20.";
    append_number(out, random.below(4));
    out += '.';
    append_number(out, 4 + random.below(60));
  }

  std::vector<Part> parts_;
  std::uint64_t lines_ = 0;
};

/// A sort of log. Patterns are equally frequent: one that is common on a VM stands here more than once.
struct LogKind {
  std::uint64_t micros_per_record;  ///< mean distance
  std::vector<LinePattern> healthy;
  std::vector<LinePattern> failures;

  LogKind(std::uint64_t micros, std::span<const std::string_view> normal, std::span<const std::string_view> failed)
      : micros_per_record(micros), healthy(normal.begin(), normal.end()), failures(failed.begin(), failed.end()) {}
};

#define VMSNAPSHOT "Microsoft.Azure.RecoveryServices.VMSnapshotLinux"
constexpr std::string_view kSyslog[] = {
    "{sys} app-vm01 systemd[1]: Started Session {n4} of User azureuser.",
    "{sys} app-vm01 systemd[1]: session-{n4}.scope: Deactivated successfully.",
    "{sys} app-vm01 CRON[{pid}]: (root) CMD (cd / && run-parts --report /etc/cron.hourly)",
    "{sys} app-vm01 app-{word}[{pid}]: INFO request {guid} GET /api/v2/{word}/{n6} from {ip} status=200 bytes={n6} "
    "time={n3}ms",
    "{sys} app-vm01 app-{word}[{pid}]: INFO request {guid} GET /api/v2/{word}/{n6}/items?page={n2} from {ip} "
    "status=200 "
    "bytes={n6} time={n3}ms",
    "{sys} app-vm01 app-{word}[{pid}]: INFO request {guid} POST /api/v2/{word} from {ip} status=201 bytes={n4} "
    "time={n3}ms",
    "{sys} app-vm01 app-{word}[{pid}]: DEBUG cache lookup key={word}:{n6} shard={n2} hit=true age={n4}s etag={hex}",
    "{sys} app-vm01 app-{word}[{pid}]: DEBUG span {hex}{hex} parent {hex}{hex} service={word} duration={n6}us",
    "{sys} app-vm01 app-{word}[{pid}]: INFO job {n9} for {word} completed in {n3} ms, {n4} rows written to "
    "{path}/{word}-{n2}.csv",
    "{sys} app-vm01 app-{word}[{pid}]: WARNING slow query on {word}: {n4} ms, plan id {hex}, rows {n6}, connection "
    "{n3}",
    "{sys} app-vm01 kernel: [{n6}.{n6}] audit: type=1400 audit({n9}.{n3}:{n4}): apparmor=\"ALLOWED\" "
    "operation=\"open\" "
    "profile=\"/usr/sbin/app-{word}\" name=\"{path}/{word}.conf\" pid={n4} comm=\"app-{word}\" requested_mask=\"r\"",
    "{sys} app-vm01 systemd-resolved[{pid}]: Server returned cached answer for {word}{n3}.internal.example.com, type "
    "A, {ip}",
    "{sys} app-vm01 chronyd[{pid}]: Source PHC0 offset {n3} ns, delay {n3} ns, stratum {n1}",
    "{sys} app-vm01 dbus-daemon[{pid}]: [system] Activating via systemd: service name='org.freedesktop.timedate1' "
    "unit='dbus-org.freedesktop.timedate1.service' requested by ':1.{n4}' (uid=0 pid={n4} comm=\"timedatectl\")",
    "{sys} app-vm01 python3[{pid}]: {iso} INFO ExtHandler ExtHandler Agent status report {n6} sent, {n2} extensions "
    "ready",
};
constexpr std::string_view kSyslogFailures[] = {
    "{sys} app-vm01 kernel: [{n6}.{n6}] EXT4-fs error (device sdc1): ext4_find_entry:1682: inode #{n6}: comm app: "
    "reading "
    "directory lblock 0",
    "{sys} app-vm01 python3[{pid}]: OSError: [Errno 28] No space left on device: '/var/lib/waagent/history/{n4}'",
};
constexpr std::string_view kWaagent[] = {
    "{iso} INFO ExtHandler ExtHandler [HEARTBEAT] Agent WALinuxAgent-2.13.1.1 is running as the goal state agent "
    "[DEBUG "
    "HeartbeatCounter: {n4};HeartbeatId: {guid};UpdateGSErrors: 0;AutoUpdate: 1;UpdateMode: SelfUpdate;]",
    "{iso} INFO ExtHandler ExtHandler ProcessExtensionsGoalState started [Incarnation: {n3}; Activity Id: {guid}; "
    "Correlation "
    "Id: {guid}; GS Creation Time: {iso}]",
    "{iso} INFO ExtHandler ExtHandler ProcessExtensionsGoalState completed [Incarnation: {n3}; {n4} ms; Activity Id: "
    "{guid}]",
    "{iso} INFO ExtHandler [" VMSNAPSHOT "-1.0.9225.0] Target handler state: enabled [incarnation {n3}]",
    "{iso} INFO ExtHandler [" VMSNAPSHOT "-1.0.9225.0] [Enable] current handler state is: enabled",
    "{iso} INFO ExtHandler [" VMSNAPSHOT "-1.0.9225.0] Update settings file: {n3}.settings",
    "{iso} INFO ExtHandler [" VMSNAPSHOT "-1.0.9225.0] Executing command: /var/lib/waagent/" VMSNAPSHOT
    "-1.0.9225.0/main/handle.sh enable with environment variables: {\"AZURE_GUEST_AGENT_EXTENSION_VERSION\": "
    "\"1.0.9225.0\", "
    "\"AZURE_GUEST_AGENT_WIRE_PROTOCOL_ADDRESS\": \"168.63.129.16\", \"ConfigSequenceNumber\": \"{n3}\"}",
    "{iso} INFO ExtHandler [Microsoft.Azure.Monitor.AzureMonitorLinuxAgent-1.33.2] Target handler state: enabled "
    "[incarnation "
    "{n3}]",
    "{iso} INFO CollectLogsHandler ExtHandler Successfully collected logs. Archive size: {n6} b, elapsed time: {n4} ms",
    "{iso} INFO EnvHandler ExtHandler Routing table from /proc/net/route checked, {n2} entries, {n6} us",
    "{iso} INFO MonitorHandler ExtHandler Event: name=WALinuxAgent, op=HeartBeat, message=, duration={n3}",
    "{iso} INFO SendTelemetryHandler ExtHandler Sent {n2} events in {n3} ms, provider {guid}",
};
constexpr std::string_view kWaagentFailures[] = {
    "{iso} ERROR ExtHandler ExtHandler Event: name=" VMSNAPSHOT
    ", op=Enable, message=[ExtensionOperationError] Non-zero exit code: 127, /var/lib/waagent/" VMSNAPSHOT
    "-1.0.9225.0/main/handle.sh enable, duration={n4}",
    "{iso} WARNING ExtHandler ExtHandler Agent WALinuxAgent-2.13.1.1 failed with exception: [Errno 28] No space left "
    "on "
    "device: '/var/lib/waagent/events'",
};
#define PREFIX "{dashed} [" VMSNAPSHOT "-1.0]"
#define FROZEN "{slashed}  Info  "
// One record is one good run, since the order of its lines has a meaning.
constexpr std::string_view kExtensionLog[] = {
    PREFIX "starting enable\n" PREFIX "TaskId is {guid}\n" PREFIX
           "Enable,success,4,Transitioning state in extension,False\n" PREFIX "starting daemon initially\n" PREFIX
           "starting daemon for freezing the file system\n" PREFIX
           "customSettings : isManagedVm=True, backupTaskId {guid}, sequence {n9}\n" PREFIX
           "takeSnapshotFrom : firstHostThenGuest\n" PREFIX "PreSnapshot: Status Code: 200\n" PREFIX
           "T:S freeze, timeout value 60\n" PREFIX "fsfreeze mount :{path}/{word}\n" PREFIX "fsfreeze mount :/\n" PREFIX
           "skip freeze is : False\n" PREFIX
           "proceeded for accepting signals\n"
           "================== Logs during Freeze Start ==============\n" FROZEN
           "****** 1. Starting Freeze Binary \n" FROZEN "****** 2. Binary Freeze Started\n" FROZEN
           "****** 3. Binary Freeze Completed\n" FROZEN "****** 4. Freeze Completed (Signal=1 received)\n" FROZEN
           "****** 5. Snaphotting (Host) Started\n" FROZEN
           "dosnapshot responseBody: StatusCode:200, requestId {guid}, bhsVersion:3.0.62.0, {n4} ms\n" FROZEN
           "****** 6. Snaphotting (Host) Completed\n" FROZEN "****** 7. Sending Thaw Signal to Binary\n" FROZEN
           "****** 8. Binary Thaw Signal Received\n" FROZEN
           "****** 9. Binary Process completed (Signal=2 received)\n"
           "================== Logs during Freeze End ==============\n" PREFIX "T:S snapshotall ends...\n" PREFIX
           "From Host- IsSuccessful:True, SnapshotUri:, ErrorMessage:, StatusCode:200, disk {guid}, size {n9}\n" PREFIX
           "From Host- IsSuccessful:True, SnapshotUri:, ErrorMessage:, StatusCode:200, disk {guid}, size {n9}\n" PREFIX
           "doFreezeSnapshot : run_result - 1, run_status - success, {n6} us\n" PREFIX
           "Enable,success,1,Enable Succeeded,False",
};
constexpr std::string_view kExtensionLogFailures[] = {
    "{slashed}  Info  Failed to FIFREEZE: /data/{word} with error message: Device or resource busy",
    PREFIX "T:S Enable failed with error: freeze failed for some mount StatusCode.FailedRetryableFsFreezeFailed,",
    PREFIX
    "T:S ###### Enable failed with error: freeze took longer than timeout StatusCode.FailedRetryableFsFreezeTimeout,",
};
constexpr std::string_view kShellLog[] = {
    "{date}- The command is enable, exiting without conf file copy",
    "{date}- ConfigSequenceNumber from environment variable seqNo:{n3}",
    "{date}- python3.8 path exists",
    "{date}- 0 returned from handle.py",
};
constexpr std::string_view kHanaBackup[] = {
    "{offset}  P{n6}      {id} INFO    LOGBCKUP state of service: indexserver, app-vm01:30003, volume: {n1}, "
    "BackupLogStarted",
    "{offset}  P{n6}      {id} INFO    LOGBCKUP to backint: /usr/sap/HDB/SYS/global/hdb/backint/DB_HDB/"
    "log_backup_{n1}_0_{n9}_{n9}",
    "{offset}  P{n6}      {id} INFO    LOGBCKUP start of progress monitoring, volumes: 1, bytes: {n9}",
    "{offset}  P{n6}      {id} INFO    LOGBCKUP progress of service: indexserver, app-vm01:30003, volume: {n1}, 100% "
    "{n6}/{n6}",
    "{offset}  P{n6}      {id} INFO    LOGBCKUP state of service: indexserver, app-vm01:30003, volume: {n1}, "
    "BackupLogSuccess",
    "{offset}  P{n6}      {id} INFO    BACKUP   SAVE DATA finished successfully",
};
constexpr std::string_view kHanaBackupFailures[] = {
    "{offset}  P{n6}      {id} INFO    LOGBCKUP state of service: nameserver, app-vm01:30001, volume: 1, "
    "BackupLogError",
    "{offset}  P{n6}      {id} ERROR   BACKUP   SAVE DATA finished with error: [447] backup could not be completed, "
    "[110507] "
    "Backint exited with exit code 1 instead of 0. console output: time-out",
};
constexpr std::string_view kBackint[] = {
    "{backint} backint started:\n"
    "  command: /usr/sap/HDB/SYS/global/hdb/opt/hdbbackint -f backup -p /usr/sap/HDB/SYS/global/hdb/opt/hdbbackint.cfg "
    "-i "
    "/var/tmp/hdbbackint_HDB.{hex} -o /var/tmp/hdbbackint_HDB.{hex} -u HDB -s {n9} -c 1 -l LOG\n"
    "  pid: 4242\n  input:\n  #SOFTWAREID \"backint 1.04\" \"HANA HDB server 2.00.071.00.1687900751\"\n"
    "  #PIPE \"/usr/sap/HDB/SYS/global/hdb/backint/DB_HDB/log_backup_{n1}_0_{n9}_{n9}\"\n"
    "{backint} backint terminated:\n  pid: 4242\n  exit code: 0\n  output:\n  #SOFTWAREID \"backint 1.04\" \"workload "
    "{n6}\"\n"
    "  #SAVED \"{guid}\" \"/usr/sap/HDB/SYS/global/hdb/backint/DB_HDB/log_backup\" \"{n9}\"\n  exception:\n",
};
constexpr std::string_view kOtherExtension[] = {
    "{comma} INFO [{pid}] configuration refreshed, etag {guid}, {n3} data sources for {word}",
    "{comma} INFO [{pid}] uploaded {n6} bytes in {n3} ms to ingestion endpoint of workspace {guid}",
    "{comma} DEBUG [{pid}] {word}: queue depth {n2}, oldest record {n4} ms, {n6} records since start",
    "{comma} INFO [{pid}] patch assessment of package {word}-{n1}.{n2}.{n2} finished, classification Other, {n4} ms",
    "{comma} INFO [{pid}] heartbeat {n6}, memory {n6} kB, handles {n3}, threads {n2}",
};
constexpr std::string_view kOtherExtensionFailures[] = {
    "{comma} ERROR [{pid}] OSError: [Errno 28] No space left on device: '/var/log/azure/{word}.log'",
};
constexpr std::string_view kStatus[] = {
    "[{\"version\":\"1.0\",\"timestampUTC\":\"{iso}\",\"status\":{\"name\":\"" VMSNAPSHOT
    "\",\"operation\":\"Enable\",\"status\":\"success\",\"code\":1,\"taskId\":\"{guid}\",\"formattedMessage\":{"
    "\"lang\":"
    "\"en-US\",\"message\":\"Enable Succeeded\"},\"substatus\":[],\"storageDetails\":{\"partitionCount\":{n1},"
    "\"totalUsedSizeInBytes\":{n9},\"isStoragespacePresent\":false,\"isSizeComputationFailed\":false},"
    "\"telemetryData\":["
    "{\"Key\":\"extErrorCode\",\"Value\":\"success\"},{\"Key\":\"FreezeTime\",\"Value\":\"0:00:00.{n6}\"},{\"Key\":"
    "\"kernelVersion\",\"Value\":\"6.8.0-1031-azure\"},{\"Key\":\"extensionVersion\",\"Value\":\"1.0.9225.0\"}],"
    "\"uniqueMachineId\":\"{guid}\",\"snapshotInfo\":[{\"isSuccessful\":true,\"snapshotUri\":null,\"errorMessage\":"
    "\"\"}],"
    "\"vmHealthInfo\":{\"vmHealthState\":0,\"vmHealthStatusCode\":1}}}]",
};
constexpr std::string_view kHostile[] = {
    "{sys} app-vm01 app-{word}[{pid}]: {near}, {near}, {near}: request {guid} took {n3} ms",
    "{iso} ERROR ExtHandler [" VMSNAPSHOT "-1.0.9225.0] {near}; {near}; {near}; {near}, duration={n4}",
    "{slashed}  Info  {near} {path}/{word} {near} [{n4}] {near}",
    "{comma} WARNING [{pid}] {near} {near} {near} {near} {near} ({n6})",
};
#undef FROZEN
#undef PREFIX

struct LogFile {
  std::string path;
  const LogKind* kind = nullptr;
  std::uint64_t bytes = 0;  ///< it ends with the record that reaches this
};

enum class Shape { tree, small, single };

struct Settings {
  fs::path folder;
  std::uint64_t bytes = 0;
  Shape shape = Shape::tree;
  bool hostile = false;
  std::uint64_t seed = 1;
  std::uint64_t small_files = 0;  ///< 0: as many as 50 KiB go into their share
};

/// Which files there are and how large: the layout of a VM.
class Layout {
 public:
  explicit Layout(const Settings& settings) : settings_(settings) {}

  std::vector<LogFile> files() {
    switch (settings_.shape) {
      case Shape::tree:
        tree();
        break;
      case Shape::small:
        kibibytes();
        break;
      case Shape::single:
        one("var/log/messages", syslog_, settings_.bytes);
        break;
    }
    return std::move(files_);
  }

 private:
  void tree() {
    const std::string azure = "var/log/azure/";
    const std::string trace = "hana/shared/HDB/HDB00/app-vm01/trace/";
    generations("var/log/syslog", ".", syslog_, share(40));
    generations("var/log/messages", "-2026101", syslog_, share(24));
    generations("var/log/waagent.log", ".", waagent_, share(12));
    generations(azure + VMSNAPSHOT "/extension.log", ".", extension_, share(5));
    one(azure + VMSNAPSHOT "/shell.log", shell_, share(1));
    one(trace + "backup.log", hana_backup_, share(3));
    one(trace + "DB_HDB/backup.log", hana_backup_, share(5));
    one(trace + "DB_HDB/backint.log", backint_, share(3));
    small_files(azure, share(7));
  }

  /// Files of a KiB and a little more, since they end with the record that reaches it.
  void kibibytes() {
    constexpr std::uint64_t kFilesPerFolder = 1000;
    for (std::uint64_t i = 0; i < settings_.bytes / kKiB; ++i) {
      one("var/log/azure/Microsoft.CPlat.Core.LinuxPatchExtension/" + std::to_string(i / kFilesPerFolder) + "/agent-" +
              std::to_string(i) + ".log",
          other_, kKiB - 100);
    }
  }

  std::uint64_t share(std::uint64_t percent) const { return settings_.bytes / 100 * percent; }

  void one(std::string path, const LogKind& kind, std::uint64_t bytes) {
    files_.push_back({std::move(path), &kind, bytes});
  }

  /// `syslog`, `syslog.1`, `syslog.2` …: a few large ones, the current one smaller.
  void generations(const std::string& path, const std::string& separator, const LogKind& kind, std::uint64_t bytes) {
    const std::uint64_t largest = std::max(100 * kMiB, settings_.bytes / 20);
    std::uint64_t current = std::min(bytes, largest / 4);
    one(path, kind, current);
    for (std::uint64_t left = bytes - current, number = 1; left > 0; ++number) {
      const std::uint64_t size = std::min(left, largest);
      one(path + separator + std::to_string(number), kind, size);
      left -= size;
    }
  }

  /// Logs of the other extensions, 50 KiB each, and a status file for every tenth of them.
  void small_files(const std::string& azure, std::uint64_t bytes) {
    constexpr std::string_view kExtensions[] = {"Microsoft.Azure.Monitor.AzureMonitorLinuxAgent",
                                                "Microsoft.CPlat.Core.LinuxPatchExtension",
                                                "Microsoft.Azure.Security.Monitoring.AzureSecurityLinuxAgent",
                                                "Microsoft.GuestConfiguration.ConfigurationforLinux"};
    const std::uint64_t count =
        settings_.small_files != 0 ? settings_.small_files : std::max<std::uint64_t>(1, bytes / (50 * kKiB));
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string extension(kExtensions[i % std::size(kExtensions)]);
      one(azure + extension + "/agent-" + std::to_string(i) + ".log", other_, bytes / count);
      if (i % 10 != 0) continue;
      one("var/lib/waagent/" VMSNAPSHOT "-1.0.9225.0/status/" + std::to_string(i) + ".status", status_, 1);
    }
  }

  std::span<const std::string_view> lines(std::span<const std::string_view> healthy) const {
    return settings_.hostile ? std::span<const std::string_view>(kHostile) : healthy;
  }

  const Settings& settings_;
  LogKind syslog_{400'000, lines(kSyslog), kSyslogFailures};
  LogKind waagent_{3'000'000, lines(kWaagent), kWaagentFailures};
  LogKind extension_{300'000'000, kExtensionLog, kExtensionLogFailures};
  LogKind shell_{9'000'000, kShellLog, {}};
  LogKind hana_backup_{2'000'000, kHanaBackup, kHanaBackupFailures};
  LogKind backint_{60'000'000, kBackint, {}};
  LogKind other_{5'000'000, lines(kOtherExtension), kOtherExtensionFailures};
  LogKind status_{1'000'000, kStatus, {}};
  std::vector<LogFile> files_;
};

class CorpusWriter {
 public:
  explicit CorpusWriter(const Settings& settings) : settings_(settings), random_(settings.seed) {}

  Status write(const LogFile& file) {
    const fs::path path = settings_.folder / file.path;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) return Error{ErrorCode::io, path.parent_path().string() + ": " + error.message()};
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    write_records(file, out);
    out.close();
    if (!out) return Error{ErrorCode::io, path.string() + ": cannot be written"};
    return Done{};
  }

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t lines() const { return lines_; }
  std::uint64_t failures() const { return failures_; }

 private:
  void write_records(const LogFile& file, std::ofstream& out) {
    constexpr std::uint64_t kNovember1st2026 = 1'793'491'200;
    LogClock clock(kNovember1st2026);
    std::uint64_t written = 0;
    while (written < file.bytes && out) {
      buffer_.clear();
      while (buffer_.size() < kMiB && written + buffer_.size() < file.bytes) append_record(*file.kind, clock);
      out.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
      written += buffer_.size();
    }
    bytes_ += written;
  }

  void append_record(const LogKind& kind, LogClock& clock) {
    clock.advance(random_.below(2 * kind.micros_per_record));
    const bool fails = lines_ >= next_failure_ && !kind.failures.empty();
    const auto& patterns = fails ? kind.failures : kind.healthy;
    const LinePattern& pattern = patterns[random_.below(patterns.size())];
    pattern.append(buffer_, random_, clock);
    lines_ += pattern.lines();
    if (!fails) return;
    ++failures_;
    next_failure_ += kLinesPerFailure;
  }

  const Settings& settings_;
  Random random_;
  std::string buffer_;
  std::uint64_t bytes_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t next_failure_ = kLinesPerFailure / 2;
};

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Shape> parse_shape(std::string_view text) {
  if (text == "tree") return Shape::tree;
  if (text == "small") return Shape::small;
  if (text == "single") return Shape::single;
  return std::nullopt;
}

/// One `--name value`; false when it is none.
bool parse_option(std::string_view name, std::string_view value, Settings& settings) {
  if (name == "--shape") {
    const auto shape = parse_shape(value);
    settings.shape = shape.value_or(Shape::tree);
    return shape.has_value();
  }
  const auto number = parse_number(value);
  if (!number || (name != "--seed" && name != "--files")) return false;
  (name == "--seed" ? settings.seed : settings.small_files) = *number;
  return true;
}

std::optional<Settings> parse_arguments(std::span<char*> arguments) {
  if (arguments.size() < 2) return std::nullopt;
  Settings settings;
  settings.folder = arguments[0];
  const auto bytes = parse_size(arguments[1]);
  if (!bytes) return std::nullopt;
  settings.bytes = *bytes;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--hostile") {
      settings.hostile = true;
    } else if (++i == arguments.size() || !parse_option(name, arguments[i], settings)) {
      return std::nullopt;
    }
  }
  return settings;
}

int run(std::span<char*> arguments) {
  const auto settings = parse_arguments(arguments);
  if (!settings) {
    std::fputs(
        "usage: make_corpus DIR SIZE [--shape tree|small|single] [--hostile] [--seed N] [--files N]"
        "   SIZE: 500000, 64M, 10G\n",
        stderr);
    return 64;
  }
  Layout layout(*settings);
  CorpusWriter writer(*settings);
  const auto files = layout.files();
  for (const LogFile& file : files) {
    if (const auto written = writer.write(file); !written) {
      std::fprintf(stderr, "make_corpus: %s\n", written.error().what.c_str());
      return 74;
    }
  }
  std::printf("%zu files, %s, %llu lines, %llu failure lines\n", files.size(), format_size(writer.bytes()).c_str(),
              static_cast<unsigned long long>(writer.lines()), static_cast<unsigned long long>(writer.failures()));
  return 0;
}

}  // namespace
}  // namespace vmtriage

int main(int argc, char** argv) { return vmtriage::run(std::span(argv, static_cast<std::size_t>(argc)).subspan(1)); }
