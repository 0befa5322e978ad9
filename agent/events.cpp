#include "agent/events.h"

#include <algorithm>
#include <ostream>

#include "agent/base/text.h"
#include "agent/event_text.h"
#include "collectors/files.h"

namespace vmtriage {
namespace {

constexpr int kDone = 0;
constexpr int kIncomplete = 3;
constexpr int kCannotWrite = 74;
/// What one thread keeps back while others are before it.
constexpr std::size_t kKeptBytes = 1 << 20;

/// Prints what one reading thread makes of its events.
struct Printer {
  OutputText text;
  EventsFormat format;
  bool recovered;
  std::ostream* out;

  bool take(const Event& event) {
    if (event.recovered && !recovered) return false;
    if (format == EventsFormat::jsonl) {
      append_event_json(text, event);
    } else {
      append_event_text(text, event);
    }
    return text.size() >= kKeptBytes;
  }
  bool write() {
    out->write(text.view().data(), static_cast<std::streamsize>(text.size()));
    text.clear();
    return out->good();
  }
};

/// More lines about one file help nobody.
constexpr std::uint64_t kMaxDamageLines = 100;

void print_damage(std::ostream& errors, const std::string& path, const EvtxDamage& damage) {
  std::string line = path + ": at byte " + std::to_string(damage.offset) + ": " + printable(damage.what);
  if (damage.skipped > 0) line += " (" + std::to_string(damage.skipped) + " bytes skipped)";
  errors << line << "\n";
}

}  // namespace

EventFilter::EventFilter(const EventsOptions& options)
    : ids_(options.ids), level_(options.level), since_(options.since) {
  for (const std::string& provider : options.providers) providers_.emplace_back(provider);
}

bool EventFilter::is_wanted_level(std::uint8_t level) const {
  return *level_ == 0 ? level == 0 : level != 0 && level <= *level_;
}

bool EventFilter::operator()(const EventHead& head) const {
  const auto is_from = [&](const ProviderName& provider) { return provider.is_of(head); };
  if (!ids_.empty() && std::find(ids_.begin(), ids_.end(), head.event_id) == ids_.end()) return false;
  if (level_ && !is_wanted_level(head.level())) return false;
  if (since_ && head.time_created() < *since_) return false;
  return providers_.empty() || std::any_of(providers_.begin(), providers_.end(), is_from);
}

int print_events(const EventsOptions& options, EvtxInput& input, std::ostream& out, std::ostream& errors) {
  const std::string path = printable(options.path);
  const EventFilter filter(options);
  bool written = true;
  std::vector<Printer> printers(std::max(1u, options.threads));
  std::vector<EvtxConsumer> consumers;
  for (Printer& printer : printers) {
    printer.format = options.format;
    printer.recovered = options.recovered;
    printer.out = &out;
    consumers.push_back({.wants = filter,
                         .event = [&printer](const Event& event) { return printer.take(event); },
                         .commit = [&printer, &written] { return written = printer.write(); }});
  }
  EvtxOptions reading;
  std::uint64_t damages = 0;
  reading.damaged = [&](const EvtxDamage& damage) {
    if (++damages <= kMaxDamageLines) print_damage(errors, path, damage);
  };
  const Result<EvtxSummary> summary = read_evtx(input, reading, consumers);
  if (!written || !out.flush()) {
    errors << "the events cannot be written\n";
    return kCannotWrite;
  }
  if (!summary) errors << path << ": " << summary.error().what << "\n";
  if (damages > kMaxDamageLines) {
    errors << path << ": damaged in " << damages - kMaxDamageLines << " more places\n";
  }
  if (summary && summary->recovered > 0 && !options.recovered) {
    errors << path << ": events behind the damage: " << summary->recovered << ", shown with --recovered\n";
  }
  return summary && summary->damages == 0 ? kDone : kIncomplete;
}

int run_events(const EventsOptions& options, std::ostream& out, std::ostream& errors) {
  Result<OpenedFile> file = open_file(options.path);
  if (!file) {
    errors << file.error().what << "\n";
    return kIncomplete;
  }
  EvtxInput input{file->read, file->hole_bytes};
  return print_events(options, input, out, errors);
}

}  // namespace vmtriage
