#include "agent/entry_compressor.h"

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

namespace vmtriage {

EntryCompressor::~EntryCompressor() {
  dismiss();
  pool_.give(std::move(deflater_));
}

void EntryCompressor::add(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    const std::size_t room = before_ + kBlockBytes - text_.size();
    text_.append(piece.substr(0, room));
    piece.remove_prefix(std::min(piece.size(), room));
    if (text_.size() == before_ + kBlockBytes) submit(false, out);
  }
}

void EntryCompressor::finish(std::string& out) {
  submit(true, out);
  std::unique_lock lock(mutex_);
  complete(lock, 0);
  take_ready(out);
  lock.unlock();
  dismiss();
}

/// Compresses the block, or leaves it to a helper.
void EntryCompressor::submit(bool last, std::string& out) {
  if (!last) hire();
  const std::size_t window = std::min(text_.size(), Deflater::kWindowBytes);
  if (helpers_.empty()) {
    deflater_->add(text_, before_, last, out);
    text_.erase(0, text_.size() - window);
  } else {
    auto job = std::make_unique<Job>();
    std::string next;
    next.reserve(window + kBlockBytes);
    next.append(text_, text_.size() - window);
    job->text = std::exchange(text_, std::move(next));
    job->before = before_;
    job->last = last;
    std::unique_lock lock(mutex_);
    jobs_.push_back(std::move(job));
    changed_.notify_all();
    share_work(lock);
    complete(lock, kMostJobs);
    take_ready(out);
  }
  before_ = window;
}

/// One more helper when a thread is free.
void EntryCompressor::hire() {
  {
    const std::lock_guard lock(mutex_);
    if (is_short_ || slots_ == nullptr || !slots_->try_take()) return;
    ++working_;
  }
  try {
    helpers_.emplace_back([this] { help(); });
    return;
  } catch (const std::system_error&) {  // the system has no more threads: it goes without
  } catch (const std::bad_alloc&) {
  }
  slots_->give();
  const std::lock_guard lock(mutex_);
  --working_;
  is_short_ = true;
}

void EntryCompressor::help() {
  auto deflater = pool_.take();
  std::unique_lock lock(mutex_);
  while (deflater != nullptr) {
    changed_.wait(lock, [&] { return over_ || next_job() != nullptr; });
    if (over_) break;
    try {
      run(*next_job(), *deflater, lock);
    } catch (const std::bad_alloc&) {
      break;  // the job was put back: the entry's own thread does it
    }
  }
  is_short_ = is_short_ || !over_;
  --working_;
  lock.unlock();
  changed_.notify_all();
  pool_.give(std::move(deflater));
  slots_->give();
}

EntryCompressor::Job* EntryCompressor::next_job() {
  const auto next = std::find_if(jobs_.begin(), jobs_.end(), [](const auto& job) { return !job->taken; });
  return next == jobs_.end() ? nullptr : next->get();
}

void EntryCompressor::run(Job& job, Deflater& deflater, std::unique_lock<std::mutex>& lock) {
  job.taken = true;
  lock.unlock();
  try {
    deflater.add(job.text, job.before, job.last, job.packed);
  } catch (const std::bad_alloc&) {
    lock.lock();
    job.packed.clear();
    job.taken = false;
    changed_.notify_all();
    throw;
  }
  job.text = {};
  lock.lock();
  job.done = true;
  changed_.notify_all();
}

/// The entry's own thread compresses until no more jobs wait than the helpers will have taken before it brings the
/// next: one each, and one to spare.
void EntryCompressor::share_work(std::unique_lock<std::mutex>& lock) {
  const auto is_waiting = [](const auto& job) { return !job->taken; };
  const auto enough = [&] { return working_ == 0 ? 0 : working_ + 1; };
  while (static_cast<std::size_t>(std::count_if(jobs_.begin(), jobs_.end(), is_waiting)) > enough())
    run(*next_job(), *deflater_, lock);
}

/// Goes on until all but the last `most_jobs` are done, by this thread or another.
void EntryCompressor::complete(std::unique_lock<std::mutex>& lock, std::size_t most_jobs) {
  const auto undone = [&]() -> Job* {
    const auto end = jobs_.end() - static_cast<std::ptrdiff_t>(std::min(most_jobs, jobs_.size()));
    const auto first = std::find_if(jobs_.begin(), end, [](const auto& job) { return !job->done; });
    return first == end ? nullptr : first->get();
  };
  while (Job* job = undone()) {
    if (!job->taken) {
      run(*job, *deflater_, lock);
    } else {
      changed_.wait(lock, [&] { return job->done || !job->taken; });
    }
  }
}

void EntryCompressor::take_ready(std::string& out) {
  for (; !jobs_.empty() && jobs_.front()->done; jobs_.pop_front()) out.append(jobs_.front()->packed);
}

void EntryCompressor::dismiss() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
  helpers_.clear();
}

}  // namespace vmtriage
