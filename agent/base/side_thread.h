#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

namespace vmtriage {

/// A thread that asks what may never answer, a driver or a service of a sick VM. When this object goes and the thread has not
/// ended, it is left behind: it must hold all it uses.
///
/// It is never detached: the threads of mingw-w64 lose their argument when they are detached while they start.
class SideThread {
 public:
  /// Errors: std::system_error when the system has no thread to give.
  explicit SideThread(std::function<void()> work);
  SideThread(SideThread&&) noexcept = default;
  SideThread& operator=(SideThread&&) = delete;
  ~SideThread();

 private:
  std::shared_ptr<std::atomic<bool>> ended_;
  std::thread thread_;
};

}  // namespace vmtriage
