#include "analyzers/evtx/reader.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "analyzers/evtx/batches.h"
#include "analyzers/evtx/chunk.h"

namespace vmtriage {
namespace {

/// Reads batches on several threads and lets their results out in the order of the file.
class ParallelRead {
 public:
  ParallelRead(BatchSource& source, const EvtxOptions& options) : source_(source), options_(options) {}

  void work(EvtxConsumer& consumer) {
    Batch batch;
    std::vector<EvtxDamage> damages;
    ChunkReader chunks(options_.fields, consumer, damages);
    while (next(batch)) {
      const auto flush = [&] { return wait_for_turn(batch.number) && keep_going(consumer); };
      damages.swap(batch.damages);
      for (const Batch::Chunk& chunk : batch.chunks) {
        const Bytes bytes = Bytes(batch.buffer).subspan(chunk.begin, chunk.size);
        if (!chunks.read(bytes, batch.offset + chunk.begin, source_.checksums(), flush)) break;
      }
      end_turn(batch.number, consumer, damages);
      damages.clear();
    }
    const std::lock_guard lock(mutex_);
    records_ += chunks.records();
    recovered_ += chunks.recovered();
  }

  EvtxSummary summary() const { return {source_.bytes(), source_.chunks(), records_, recovered_, damages_, source_.in_use()}; }

 private:
  bool next(Batch& batch) {
    const std::lock_guard lock(read_mutex_);
    return !stopped_ && source_.next(batch);
  }

  bool wait_for_turn(std::uint64_t number) {
    std::unique_lock lock(mutex_);
    turn_changed_.wait(lock, [&] { return turn_ == number; });
    return !stopped_;
  }

  bool keep_going(EvtxConsumer& consumer) {
    if (consumer.commit && !consumer.commit()) stopped_ = true;
    return !stopped_;
  }

  void end_turn(std::uint64_t number, EvtxConsumer& consumer, std::vector<EvtxDamage>& damages) {
    const auto is_before = [](const EvtxDamage& a, const EvtxDamage& b) { return a.offset < b.offset; };
    std::stable_sort(damages.begin(), damages.end(), is_before);
    if (wait_for_turn(number)) {
      for (const EvtxDamage& damage : damages) {
        if (options_.damaged) options_.damaged(damage);
      }
      damages_ += damages.size();
      keep_going(consumer);
    }
    const std::lock_guard lock(mutex_);
    ++turn_;
    turn_changed_.notify_all();
  }

  BatchSource& source_;
  const EvtxOptions& options_;
  std::mutex read_mutex_;
  std::mutex mutex_;
  std::condition_variable turn_changed_;
  std::uint64_t turn_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t recovered_ = 0;
  std::uint64_t damages_ = 0;  ///< changed by the thread whose turn it is
  std::atomic<bool> stopped_ = false;
};

}  // namespace

Result<EvtxSummary> read_evtx(EvtxInput& input, const EvtxOptions& options, std::span<EvtxConsumer> consumers) {
  BatchSource source(input);
  if (const Status opened = source.open(); !opened) return opened.error();
  ParallelRead reading(source, options);
  std::optional<ThreadSlots::Offer> help;
  if (options.slots) help.emplace(*options.slots);
  const auto join_in = [&](EvtxConsumer& consumer) {
    if (help && !help->take()) return;
    reading.work(consumer);
    if (help) options.slots->give();
  };
  std::vector<std::thread> threads;
  for (EvtxConsumer& consumer : consumers.subspan(1)) threads.emplace_back([&] { join_in(consumer); });
  reading.work(consumers.front());
  if (help) help->close();
  for (std::thread& thread : threads) thread.join();
  if (!source.is_event_log()) return Error{ErrorCode::corrupt, "not a Windows event log"};
  return reading.summary();
}

}  // namespace vmtriage
