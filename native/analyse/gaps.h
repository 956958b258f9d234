// The gap distribution: how far each I/O starts from where the one before ended.
#pragma once

#include <cstdint>

namespace blkscope {

/// Counts gaps by class, for one device and direction. gap = start of this I/O - end of the one before, in sectors:
/// sequential 0, small 1..255, medium 256..2047, large 2048.., backward below 0. The first I/O has no gap.
struct Gaps {
  uint64_t sequential = 0;
  uint64_t small = 0;
  uint64_t medium = 0;
  uint64_t large = 0;
  uint64_t backward = 0;

  void add(uint64_t sector, uint64_t endSector) {
    if (begun_) {
      auto gap = static_cast<int64_t>(sector - lastEnd_);
      ++(gap == 0 ? sequential : gap < 0 ? backward : gap < 256 ? small : gap < 2048 ? medium : large);
    }
    begun_ = true;
    lastEnd_ = endSector;
  }

  void addCounts(const Gaps& other) {
    sequential += other.sequential;
    small += other.small;
    medium += other.medium;
    large += other.large;
    backward += other.backward;
  }

 private:
  bool begun_ = false;
  uint64_t lastEnd_ = 0;
};

}  // namespace blkscope
