#include "agent/scan.h"

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "agent/base/read_buffer.h"
#include "analyzers/text_rules.h"
#include "collectors/plan.h"

namespace vmtriage {
namespace {

constexpr std::size_t kHeadBytes = 8 << 10;
constexpr const char* kNotReached = "the run was ended before it was read";

/// A reader whose first bytes were looked at and are given again.
struct Peeked {
  std::string head;
  ReadBytes read;
  std::optional<Error> failed;  ///< even the first bytes could not be read

  static Peeked at(ReadBytes source) {
    Peeked peeked;
    peeked.head.resize(kHeadBytes);
    std::size_t held = 0;
    while (held < kHeadBytes) {
      const auto got = source(std::span(peeked.head.data() + held, kHeadBytes - held));
      if (!got) peeked.failed = got.error();
      if (!got || *got == 0) break;
      held += *got;
    }
    peeked.head.resize(held);
    peeked.read = [head = peeked.head, failed = peeked.failed, given = std::size_t{0},
                   source = std::move(source)](std::span<char> target) mutable -> Result<std::size_t> {
      if (given == head.size()) return failed ? Result<std::size_t>(*failed) : source(target);
      const std::size_t count = head.copy(target.data(), target.size(), given);
      given += count;
      return count;
    };
    return peeked;
  }
};

/// UTF-16 bytes as UTF-8; the byte order mark stays as a character, so that the way back gives the same bytes.
ReadBytes utf16_reader(ReadBytes read, bool big_endian) {
  return [read = std::move(read), big_endian, raw = std::string(32 << 10, '\0'), held = std::size_t{0}, text = std::string(),
          given = std::size_t{0}](std::span<char> target) mutable -> Result<std::size_t> {
    while (given == text.size()) {
      const auto got = read(std::span(raw.data() + held, raw.size() - held));
      if (!got) return got;
      if (*got == 0) return std::size_t{0};
      held += *got;
      // A code unit and a surrogate pair stay whole.
      std::size_t whole = held & ~std::size_t{1};
      if (whole >= 2) {
        const auto high = static_cast<unsigned char>(raw[whole - (big_endian ? 2 : 1)]);
        if (high >= 0xd8 && high < 0xdc && whole > 2) whole -= 2;
      }
      text = utf16_to_utf8(std::string_view(raw).substr(0, whole), big_endian);
      given = 0;
      raw.copy(raw.data(), held - whole, whole);
      held -= whole;
    }
    const std::size_t count = text.copy(target.data(), target.size(), given);
    given += count;
    return count;
  };
}

/// The first `limit` bytes; `*cut` tells afterwards whether there was more.
ReadBytes up_to(ReadBytes read, std::uint64_t limit, std::shared_ptr<bool> cut) {
  return [read = std::move(read), left = limit, cut = std::move(cut)](std::span<char> target) mutable -> Result<std::size_t> {
    const auto got = read(target);
    if (!got || *got <= left) {
      left -= got ? *got : 0;
      return got;
    }
    *cut = true;
    return static_cast<std::size_t>(std::exchange(left, 0));
  };
}

Encoding encoding_of(std::string_view head) {
  // A mark to which a console appended its own bytes; UTF-16 has at least line ends, and those have a zero byte.
  constexpr std::size_t kEnoughToTell = 64;
  if (head.size() > kEnoughToTell && head.find('\0') == std::string_view::npos) return Encoding::utf8;
  if (head.starts_with("\xff\xfe")) return Encoding::utf16le;
  if (head.starts_with("\xfe\xff")) return Encoding::utf16be;
  return Encoding::utf8;
}

/// `x.log.2.gz` is stored unpacked as `x.log.2`.
std::string without_compression(std::string path) {
  const std::size_t dot = path.rfind('.');
  return is_compressed_name(path) && dot != std::string::npos ? path.substr(0, dot) : path;
}

/// What the threads of a scan share.
class Scanner {
 public:
  Scanner(Source& source, const std::vector<std::unique_ptr<Analyzer>>& analyzers, const Redactor& redactor, Bundle* bundle,
          const ScanOptions& options, const std::atomic<bool>* stop, Report& report)
      : source_(source), analyzers_(analyzers), redactor_(redactor), bundle_(bundle), options_(options), stop_(stop),
        report_(report), slots_(std::max(1u, options.threads), std::max(1u, options.threads) - workers()) {}

  Status run() {
    std::vector<std::thread> others;
    others.reserve(workers());
    try {
      while (others.size() + 1 < workers()) others.emplace_back([this] { work_or_fail(); });
    } catch (const std::system_error&) {  // the system has no more threads: it goes without
    } catch (const std::bad_alloc&) {
    }
    work_or_fail();
    for (std::thread& other : others) other.join();
    if (failure_) std::rethrow_exception(failure_);
    if (is_stopped()) name_what_was_not_reached();
    for (const LeftOut& entry : source_.left_out().entries()) report_.left_out.add(entry);
    report_.partial = report_.partial || is_stopped();
    finish_findings();
    if (output_error_) return *output_error_;
    return Done{};
  }

 private:
  /// The threads that take one artifact after the other.
  unsigned workers() const { return source_.is_sequential() ? 1 : std::max(1u, options_.threads); }

  bool is_stopped() const { return stop_ != nullptr && stop_->load(std::memory_order_relaxed); }

  /// A source that has a plan still gives its items; the others end when they are stopped.
  void name_what_was_not_reached() {
    for (auto item = source_.next(); item && *item; item = source_.next()) {
      report_.left_out.add((*item)->artifact.id, (*item)->artifact.origin, kNotReached);
    }
  }

  struct Numbered {
    Item item;
    std::uint64_t number;  ///< its place among all
  };

  /// What is thrown where memory runs out must not end the program before it has said so.
  void work_or_fail() {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  void work() {
    for (std::vector<Numbered> some = next(); !some.empty(); some = next()) {
      for (Numbered& one : some) {
        if (is_stopped()) {
          name_unreached(one.item);
        } else {
          process(one.item, one.number);
        }
      }
    }
    slots_.give();
  }

  /// One large item, or as many small ones as are worth a lock.
  std::vector<Numbered> next() {
    constexpr std::size_t kMost = 32;
    constexpr std::uint64_t kManyBytes = 256 << 10;
    std::vector<Numbered> some;
    const std::lock_guard lock(mutex_);
    const std::size_t most = source_.is_sequential() ? 1 : kMost;
    for (std::uint64_t bytes = 0; some.size() < most && bytes < kManyBytes && !is_stopped() && !output_error_ && !failure_;) {
      auto item = next_item();
      if (!item) break;
      bytes += item->artifact.size.value_or(kManyBytes);
      some.push_back({std::move(*item), ++items_});
    }
    return some;
  }

  std::optional<Item> next_item() {
    if (ended_) return std::nullopt;
    auto item = source_.next();
    if (!item) report_.errors.push_back({"", item.error()});
    ended_ = !item || !*item;
    return ended_ ? std::nullopt : std::move(*item);
  }

  void name_unreached(const Item& item) {
    const std::lock_guard lock(mutex_);
    report_.left_out.add(item.artifact.id, item.artifact.origin, kNotReached);
  }

  ReadBytes paced(ReadBytes read) {
    if (options_.pace == nullptr) return read;
    return [this, read = std::move(read)](std::span<char> target) {
      auto got = read(target);
      if (got) options_.pace->step(*got + newly_written(), stop_);
      return got;
    };
  }

  std::uint64_t newly_written() {
    if (bundle_ == nullptr) return 0;
    const std::uint64_t written = bundle_->bytes_written(), known = written_.exchange(written);
    return written - std::min(written, known);
  }

  void process(Item& item, std::uint64_t number) {
    auto opened = item.open();
    if (!opened) {
      const Error& error = opened.error();
      const std::lock_guard lock(mutex_);
      // A tool that is not installed and a file that rotated away are no damage.
      if (error.code == ErrorCode::not_found) {
        report_.left_out.add(item.artifact.id, item.artifact.origin, error.what);
      } else {
        report_.errors.push_back({item.artifact.origin, error});
      }
      return;
    }
    for (const Error& problem : opened->problems) note(item.artifact, problem);
    Peeked peeked = Peeked::at(paced(std::move(opened->read)));
    StoredAs stored;
    stored.skipped_bytes = item.skipped_bytes;
    stored.obtained = opened->obtained;
    switch (detect_container(peeked.head)) {
      case Container::archive: {
        if (item.artifact.format == Format::evtx) return note(item.artifact, {ErrorCode::unsupported, "an archive, not an event log"});
        const std::lock_guard lock(mutex_);
        report_.left_out.add(item.artifact.id, item.artifact.origin,
                             "an archive inside: not looked into, because what it holds cannot be redacted; analyze it by itself");
        return;
      }
      case Container::compressed:
        if (item.artifact.format == Format::opaque) break;
        opened->cut = std::make_shared<bool>(false);
        peeked = Peeked::at(up_to(decompress(std::move(peeked.read), item.artifact.origin), options_.max_unpacked_bytes, opened->cut));
        stored.decoded = "unpacked";
        item.artifact.bundle_path = without_compression(std::move(item.artifact.bundle_path));
        break;
      case Container::none: break;
    }
    if (item.artifact.id == "text.unknown" && item.artifact.format == Format::text) {
      item.artifact.id = recognise_content(peeked.head);
      item.artifact.by_content = item.artifact.id != "text.unknown";
    }
    read(item.artifact, number, std::move(peeked), stored, *opened);
  }

  void read(Artifact& artifact, std::uint64_t number, Peeked peeked, StoredAs& stored, const OpenedItem& opened) {
    std::optional<ZipWriter::Entry> entry;
    if (bundle_ != nullptr) {
      auto started = bundle_->open(artifact, &slots_);
      if (!started) return fail_output(started.error());
      entry.emplace(std::move(*started));
    }
    std::vector<std::unique_ptr<Scan>> scans;
    for (const auto& analyzer : analyzers_) {
      if (auto one = analyzer->scan(artifact)) scans.push_back(std::move(one));
    }
    const bool is_text = artifact.format == Format::text || artifact.format == Format::json;
    const auto problem = is_text ? read_text(artifact, std::move(peeked), entry, scans, stored)
                                 : read_raw(std::move(peeked.read), entry, scans);
    stored.redacted = is_text;
    if (problem) {
      stored.problem = problem->what;
      note(artifact, *problem);
    }
    if (opened.hole_bytes && *opened.hole_bytes > 0) {
      leave_out(artifact, stored, format_size(*opened.hole_bytes) + " of it is a hole and was not stored");
    }
    if (opened.lost_bytes && *opened.lost_bytes > 0) {
      leave_out(artifact, stored, "became shorter while it was read: its last " + format_size(*opened.lost_bytes) + " are gone");
    }
    if (opened.cut && *opened.cut) {
      leave_out(artifact, stored, "unpacked it is longer than the limit for one file: only its first " +
                                      format_size(options_.max_unpacked_bytes) + " were kept");
    }
    if (stored.skipped_bytes > 0) {
      const std::lock_guard lock(mutex_);
      report_.left_out.add(artifact.id, artifact.origin,
                           "too long: its first " + format_size(stored.skipped_bytes) + " were left out, the newest part was kept");
    }
    Insights insights;
    for (const auto& one : scans) one->finish(insights);
    take(artifact, number, std::move(insights));
    if (entry) {
      const Status closed = bundle_->close(std::move(*entry), artifact, stored);
      if (!closed) fail_output(closed.error());
    }
  }

  /// A million small files need no million large buffers.
  static std::size_t block_bytes(const Artifact& artifact, const StoredAs& stored) {
    constexpr std::uint64_t kSmallest = 64 << 10;
    if (!artifact.size || !stored.decoded.empty()) return BlockReader::kBlockBytes;
    return static_cast<std::size_t>(std::clamp<std::uint64_t>(2 * *artifact.size, kSmallest, BlockReader::kBlockBytes));
  }

  /// Reads a text to its end; gives the reason when it could not be read wholly.
  std::optional<Error> read_text(Artifact& artifact, Peeked peeked, std::optional<ZipWriter::Entry>& entry,
                                 const std::vector<std::unique_ptr<Scan>>& scans, StoredAs& stored) {
    artifact.encoding = encoding_of(peeked.head);
    const bool utf16 = artifact.encoding != Encoding::utf8;
    const bool big_endian = artifact.encoding == Encoding::utf16be;
    BlockReader blocks(utf16 ? utf16_reader(std::move(peeked.read), big_endian) : std::move(peeked.read),
                       block_bytes(artifact, stored));
    auto redaction = redactor_.stream();
    TimeWindow window(options_.range, artifact.modified.value_or(now()));
    std::string storage, unpacked;
    std::uint64_t line = 1;
    bool skip_torn_line = stored.skipped_bytes > 0;
    bool first = true;
    // Gives one redacted piece to the bundle and the analyzers; false when the rest of the file need not be read.
    const auto pass_on = [&](std::string_view clean, bool cut) {
      if (artifact.id == "linux.waagent.log") clean = redact_packed_messages(redactor_, clean, unpacked);
      TimeWindow::Part part = window.cut({clean, cut});
      line += part.skipped_lines;
      if (entry && !part.block.text.empty()) {
        const Status written = utf16 ? entry->write(utf8_to_utf16(part.block.text, big_endian)) : entry->write(part.block.text);
        if (!written) {
          fail_output(written.error());
          return false;
        }
      }
      if (std::exchange(first, false) && part.block.text.starts_with("\xef\xbb\xbf")) part.block.text.remove_prefix(3);
      for (const auto& one : scans) one->block(part.block, line);
      line += count_lines(part.block.text);
      return !window.is_over();
    };
    for (;;) {
      if (is_stopped()) return Error{ErrorCode::io, printable(artifact.origin) + ": not read to its end: the run was stopped"};
      auto block = blocks.next();
      const bool ended = !block || block->text.empty();
      if (!ended) {
        if (std::exchange(skip_torn_line, false)) drop_torn_line(*block, stored);
        bytes_ += block->text.size();
      }
      const std::string_view clean =
          ended ? redaction.finish(storage) : redaction.apply(block->text, block->cut, storage);
      stored.redactions = redaction.count();
      const bool go_on = clean.empty() || pass_on(clean, !ended && block->cut);
      if (!block) return block.error();
      if (ended || !go_on) return std::nullopt;
    }
  }

  /// A file that is too long is read from its middle on: the rest of the line that stands there is no line.
  static void drop_torn_line(Block& block, StoredAs& stored) {
    const std::size_t newline = block.text.find('\n');
    if (newline == std::string_view::npos) return;
    stored.skipped_bytes += newline + 1;
    block.text.remove_prefix(newline + 1);
  }

  /// Reads what is no text to its end; gives the reason when it could not be read wholly.
  std::optional<Error> read_raw(const ReadBytes& read, std::optional<ZipWriter::Entry>& entry,
                                const std::vector<std::unique_ptr<Scan>>& scans) {
    std::optional<Error> problem;
    const ReadBytes pass_on = [&](std::span<char> target) -> Result<std::size_t> {
      if (!problem && is_stopped()) problem = Error{ErrorCode::io, "not read to its end: the run was stopped"};
      if (problem) return *problem;
      auto got = read(target);
      if (!got) problem = got.error();
      if (!got || *got == 0) return got;
      bytes_ += *got;
      const Status written = entry ? entry->write({target.data(), *got}) : Done{};
      if (written) return got;
      fail_output(written.error());
      return std::size_t{0};
    };
    for (const auto& one : scans) one->pull(pass_on, slots_);
    // The bundle gets also what no analyzer asked for.
    ReadBuffer<char> buffer(256 << 10);
    for (auto got = pass_on(buffer); got && *got > 0;) got = pass_on(buffer);
    return problem;
  }

  void note(const Artifact& artifact, const Error& error) {
    const std::lock_guard lock(mutex_);
    report_.errors.push_back({artifact.origin, error});
  }

  void leave_out(const Artifact& artifact, StoredAs& stored, std::string reason) {
    stored.problem = std::move(reason);
    const std::lock_guard lock(mutex_);
    report_.left_out.add(artifact.id, artifact.origin, stored.problem);
  }

  void fail_output(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!output_error_) output_error_ = error;
  }

  void take(const Artifact& artifact, std::uint64_t number, Insights insights) {
    const std::lock_guard lock(mutex_);
    ++report_.files_read;
    ++report_.files_by_artifact[artifact.id];
    note_newest(artifact);
    if (options_.progress) options_.progress(report_.files_read, bytes_);
    for (Error& error : insights.errors) report_.errors.push_back({artifact.origin, std::move(error)});
    if (insights.findings.empty() && insights.runs.empty()) return;
    // A million files must not hold a million findings.
    constexpr std::size_t kMaxHeld = 4096;
    held_ += insights.findings.size() + insights.runs.size();
    taken_.emplace(number, std::move(insights));
    if (held_ > kMaxHeld) merge_taken();
  }

  /// In the order of the items, whichever thread was done first: a report must not depend on that.
  void merge_taken() {
    for (auto& [number, insights] : taken_) {
      for (Finding& finding : insights.findings) report_.findings.push_back(std::move(finding));
      for (RunVerdict& run : insights.runs) report_.runs.push_back(std::move(run));
    }
    taken_.clear();
    held_ = 0;
    report_.findings = merge_findings(std::move(report_.findings));
    report_.runs = merge_runs(std::move(report_.runs));
  }

  /// Only of kinds that stand in one folder: logs of different owners have nothing to say about each other.
  void note_newest(const Artifact& artifact) {
    const bool named_by_time = artifact.id == "linux.workload.prereg-log";
    if (artifact.id != "linux.waagent.log" && !named_by_time) return;
    NewestFile& newest = newest_[artifact.id];
    const bool newer = named_by_time ? artifact.origin > newest.origin : artifact.modified > newest.modified;
    if (newest.origin.empty() || newer) newest = {artifact.origin, artifact.modified};
  }

  void finish_findings() {
    report_.bytes_read = bytes_;
    Insights together;
    for (const auto& analyzer : analyzers_) analyzer->conclude(together);
    taken_.emplace(items_ + 1, std::move(together));
    merge_taken();
    settle_older_files(report_.findings, newest_);
    report_.findings = merge_findings(std::move(report_.findings));
    report_.runs = explain_runs(std::move(report_.runs));
    const TimeRange& range = options_.range;
    std::erase_if(report_.findings, [&](const Finding& finding) {
      return (range.since && finding.last_seen && *finding.last_seen + std::chrono::hours(14) < *range.since) ||
             (range.until && finding.first_seen && *finding.first_seen - std::chrono::hours(14) > *range.until);
    });
    std::stable_sort(report_.errors.begin(), report_.errors.end(),
                     [](const ReadError& a, const ReadError& b) { return a.origin < b.origin; });
  }

  Source& source_;
  const std::vector<std::unique_ptr<Analyzer>>& analyzers_;
  const Redactor& redactor_;
  Bundle* bundle_;
  const ScanOptions& options_;
  const std::atomic<bool>* stop_;
  Report& report_;
  ThreadSlots slots_;
  std::mutex mutex_;  ///< guards source_, report_ and what follows
  std::uint64_t items_ = 0;
  std::map<std::uint64_t, Insights> taken_;  ///< by the item's number; not yet in the report
  std::size_t held_ = 0;                     ///< findings and runs in `taken_`
  std::map<std::string, NewestFile> newest_;  ///< by artifact id
  bool ended_ = false;
  std::optional<Error> output_error_;
  std::exception_ptr failure_;  ///< of one of the threads; the others end with what they have begun
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::uint64_t> written_ = 0;  ///< to the bundle, as far as the pace knows
};

}  // namespace

Status scan(Source& source, const std::vector<std::unique_ptr<Analyzer>>& analyzers, const Redactor& redactor, Bundle* bundle,
            const ScanOptions& options, const std::atomic<bool>* stop, Report& report) {
  return Scanner(source, analyzers, redactor, bundle, options, stop, report).run();
}

std::string_view redact_packed_messages(const Redactor& redactor, std::string_view block, std::string& storage) {
  constexpr std::string_view kStart = "message=eJ";
  std::size_t kept = 0;  // bytes of the block that are in `storage`, or need not be
  storage.clear();
  for (std::size_t at = block.find(kStart); at != std::string_view::npos; at = block.find(kStart, at + kStart.size())) {
    const std::string_view rest = block.substr(at);
    const auto message = unpack_message(rest.substr(0, rest.find('\n')));
    if (!message || redactor.line(*message) == *message) continue;
    const std::size_t end = std::min(block.find_first_of(", \r\n", at), block.size());
    storage.append(block.substr(kept, at - kept)).append("message=[redacted:packed-message]");
    kept = end;
  }
  if (kept == 0) return block;
  storage.append(block.substr(kept));
  return storage;
}

std::string recognise_content(std::string_view head) {
  struct Mark {
    std::string_view text;
    std::string_view id;
  };
  // Texts that only one kind of log has, the special before the general.
  static constexpr Mark kMarks[] = {
      {"[Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]", "linux.vmsnapshot.extension-log"},
      {"backint started:", "linux.hana.backint-log"},
      {"backint terminated:", "linux.hana.backint-log"},
      {" LOGBCKUP ", "linux.hana.backup-log"},
      {"BACKUP   state of service:", "linux.hana.backup-log"},
      {" returned from handle.py", "linux.vmsnapshot.shell-log"},
      {" ExtHandler ", "linux.waagent.log"},
      {" INFO Daemon ", "linux.waagent.log"},
      {"WALinuxAgent", "linux.waagent.log"},
      {"\"aggregateStatus\"", "linux.waagent-status-json"},
      {" IUse% Mounted on", "linux.command.inodes"},
      {" Use% Mounted on", "linux.command.free-space"},
      {"waagent.service\n", "linux.command.agent-service"},
      {"waagent.service - ", "linux.command.agent-service"},
      {"walinuxagent.service\n", "linux.command.agent-service"},
      {"walinuxagent.service - ", "linux.command.agent-service"},
  };
  for (const Mark& mark : kMarks) {
    if (head.find(mark.text) != std::string_view::npos) return std::string(mark.id);
  }
  const std::string_view start = trim(head);
  if ((start.starts_with("[{") || start.starts_with("[ {")) && head.find("\"timestampUTC\"") != std::string_view::npos) {
    return "linux.status-json";
  }
  return "text.unknown";
}

}  // namespace vmtriage
