#pragma once

#include <condition_variable>
#include <mutex>

namespace vmtriage {

/// How many threads may work at the same time. Whoever runs out of work gives its slot to those who share a large piece
/// of work and wait for help.
class ThreadSlots {
 public:
  /// `free` of `count` threads have nothing to do yet.
  explicit ThreadSlots(unsigned count, unsigned free) : count_(count), free_(static_cast<int>(free)) {}

  unsigned count() const { return count_; }

  /// A piece of work that more threads may join while it lasts.
  class Offer {
   public:
    explicit Offer(ThreadSlots& slots) : slots_(slots) {}

    /// Waits for a free slot; false when the work was closed first. What was taken has to be given back.
    bool take() {
      std::unique_lock lock(slots_.mutex_);
      slots_.changed_.wait(lock, [&] { return closed_ || slots_.free_ > 0; });
      if (!closed_) --slots_.free_;
      return !closed_;
    }
    /// No more threads are needed.
    void close() {
      const std::lock_guard lock(slots_.mutex_);
      closed_ = true;
      slots_.changed_.notify_all();
    }

   private:
    ThreadSlots& slots_;
    bool closed_ = false;
  };

  /// Takes a free slot, which has to be given back; false when there is none.
  bool try_take() {
    const std::lock_guard lock(mutex_);
    if (free_ <= 0) return false;
    --free_;
    return true;
  }

  void give() {
    const std::lock_guard lock(mutex_);
    ++free_;
    changed_.notify_one();
  }

  /// The slot of a thread that waits for another one: others may use it meanwhile. The thread then goes on at once,
  /// though for a while one more than `count` may work.
  class Lent {
   public:
    /// Lends nothing without slots.
    explicit Lent(ThreadSlots* slots) : slots_(slots) {
      if (slots_ != nullptr) slots_->give();
    }
    ~Lent() {
      if (slots_ != nullptr) slots_->take_back();
    }
    Lent(const Lent&) = delete;

   private:
    ThreadSlots* slots_;
  };

 private:
  void take_back() {
    const std::lock_guard lock(mutex_);
    --free_;
  }

  const unsigned count_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int free_;  ///< below zero while slots that were lent are in use by both sides
};

}  // namespace vmtriage
