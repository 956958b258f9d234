// A word from another thread that reading is to end.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>

#include "system/clock.h"
#include "system/fd.h"

namespace blkscope {

class Cancel {
 public:
  Cancel() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  /// From any thread; only the first counts.
  void request() {
    uint64_t never = 0;
    at_.compare_exchange_strong(never, monotonicNs());
    const uint64_t one = 1;
    (void)!::write(event_.get(), &one, sizeof one);
  }

  bool requested() const { return at_.load(std::memory_order_relaxed) != 0; }
  /// Whether it was requested at least so long ago.
  bool requestedFor(uint64_t ns) const {
    uint64_t at = at_.load(std::memory_order_relaxed);
    return at != 0 && monotonicNs() - at >= ns;
  }
  /// Polls readable once it was requested.
  int fd() const { return event_.get(); }

 private:
  Fd event_;
  std::atomic<uint64_t> at_ = 0;  // 0: not yet
};

}  // namespace blkscope
