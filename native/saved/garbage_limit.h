// When a file is no trace, or no longer one.
#pragma once

#include <cstdint>

namespace blkscope {

/// Damage ends: behind it records come again. So many bytes without one are something else, and may go on for ever.
class GarbageLimit {
 public:
  static constexpr uint64_t kBytes = 64 << 20;
  /// Random bytes look like a record once in a gigabyte.
  static constexpr uint64_t kChanceRecords = 8;

  /// Takes the counts so far. True: nothing more is to be read.
  bool reached(uint64_t records, uint64_t garbageBytes) {
    if (records != records_) {
      records_ = records;
      garbageBefore_ = garbageBytes;
    }
    reached_ = garbageBytes - garbageBefore_ >= kBytes;
    return reached_;
  }
  bool reached() const { return reached_; }

 private:
  uint64_t records_ = 0;
  uint64_t garbageBefore_ = 0;
  bool reached_ = false;
};

}  // namespace blkscope
