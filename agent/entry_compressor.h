#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agent/base/thread_slots.h"
#include "agent/deflate/deflater.h"

namespace vmtriage {

/// Compresses one entry of a zip, block by block. Threads that have nothing else to do take blocks of a long one, while
/// its own thread reads on; the bytes are the same whoever made them.
///
/// Memory: a block per thread that works at it, two that wait, and what is packed of the last kMostJobs blocks; a short
/// entry takes what it has.
class EntryCompressor {
 public:
  static constexpr std::size_t kBlockBytes = 512 << 10;

  /// `slots` is where other threads come from; may be null. Both must stay.
  EntryCompressor(DeflaterPool& pool, std::unique_ptr<Deflater> deflater, ThreadSlots* slots)
      : pool_(pool), deflater_(std::move(deflater)), slots_(slots) {}
  ~EntryCompressor();
  EntryCompressor(const EntryCompressor&) = delete;

  /// Appends to `out` what is ready of the bytes given so far.
  void add(std::string_view piece, std::string& out);
  /// Appends all that is left.
  void finish(std::string& out);

 private:
  struct Job {
    std::string text;
    std::size_t before = 0;
    bool last = false;
    bool taken = false;
    bool done = false;
    std::string packed;
  };

  void submit(bool last, std::string& out);
  void hire();
  void help();
  Job* next_job();
  void run(Job& job, Deflater& deflater, std::unique_lock<std::mutex>& lock);
  void share_work(std::unique_lock<std::mutex>& lock);
  void complete(std::unique_lock<std::mutex>& lock, std::size_t most_jobs);
  void take_ready(std::string& out);
  void dismiss();

  /// More are not begun before the first is done: a slow thread must not make the others pile up what they packed.
  static constexpr std::size_t kMostJobs = 32;

  DeflaterPool& pool_;
  std::unique_ptr<Deflater> deflater_;  ///< of the entry's own thread
  ThreadSlots* slots_;
  std::string text_;        ///< the next block, behind the window before it
  std::size_t before_ = 0;  ///< how long that window is

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;  ///< in the order of the entry
  bool over_ = false;
  std::size_t working_ = 0;           ///< how many helpers take jobs
  bool is_short_ = false;             ///< of memory, as a helper found out: no more are hired
  std::vector<std::thread> helpers_;  ///< touched by the entry's own thread only
};

}  // namespace vmtriage
