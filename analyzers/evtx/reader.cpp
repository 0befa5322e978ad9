#include "analyzers/evtx/reader.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
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

  /// What is thrown on the way ends the reading for all threads.
  void work_or_fail(EvtxConsumer& consumer) {
    try {
      work(consumer);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stopped_ = true;
      turn_changed_.notify_all();
    }
  }

  /// To be called when all threads are done.
  EvtxSummary summary() const {
    if (failure_) std::rethrow_exception(failure_);
    return {source_.bytes(), source_.chunks(), records_, recovered_, damages_, source_.in_use()};
  }

 private:
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

  bool next(Batch& batch) {
    const std::lock_guard lock(read_mutex_);
    return !stopped_ && source_.next(batch);
  }

  bool wait_for_turn(std::uint64_t number) {
    std::unique_lock lock(mutex_);
    turn_changed_.wait(lock, [&] { return turn_ == number || failure_; });
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
  std::exception_ptr failure_;
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
    reading.work_or_fail(consumer);
    if (help) options.slots->give();
  };
  std::vector<std::thread> threads;
  threads.reserve(consumers.size());
  try {
    for (EvtxConsumer& consumer : consumers.subspan(1)) threads.emplace_back([&] { join_in(consumer); });
  } catch (const std::system_error&) {  // the system has no more threads: it goes without
  } catch (const std::bad_alloc&) {
  }
  reading.work_or_fail(consumers.front());
  if (help) help->close();
  for (std::thread& thread : threads) thread.join();
  const EvtxSummary summary = reading.summary();
  if (!source.is_event_log()) return Error{ErrorCode::corrupt, "not a Windows event log"};
  return summary;
}

}  // namespace vmtriage
