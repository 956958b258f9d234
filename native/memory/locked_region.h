// Memory taken away from the machine: populated, locked, and given back.
#pragma once

#include <atomic>
#include <cstdint>

#include "system/mapping.h"
#include "system/result.h"

namespace blkscope {

/// Refuses a lock that would leave less than `rest` of `available`; a pure function. Error: NO_HEADROOM.
Result<void> checkHeadroom(uint64_t bytes, uint64_t available, uint64_t rest);

/// What an mlock of `bytes` that failed with this errno means. Code MEMLOCK_LIMIT where the user's limit is the cause.
Error lockError(int number, uint64_t bytes);

/// Progress of a lock under way, and the way to end it early; shared between threads.
struct LockProgress {
  std::atomic<uint64_t> lockedBytes = 0;
  std::atomic<bool> cancelled = false;
};

/// A region of anonymous memory, locked until it goes.
class LockedRegion {
 public:
  /// Populates and locks `bytes` on all cores, huge pages where the kernel has them.
  /// Errors: NO_HEADROOM, MEMLOCK_LIMIT, ENOMEM, ABORTED (cancelled); nothing stays locked then.
  static Result<LockedRegion> lock(uint64_t bytes, LockProgress& progress);

  uint64_t bytes() const { return memory_.size(); }

 private:
  explicit LockedRegion(Mapping memory) : memory_(std::move(memory)) {}
  Mapping memory_;
};

}  // namespace blkscope
