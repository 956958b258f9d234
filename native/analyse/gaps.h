// The gap distribution: how far each I/O starts from where the one before ended.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace blkscope {

/// Counts gaps by class, for one device and direction. gap = start of this I/O - end of the one before, in sectors.
/// The first I/O has no gap.
class Gaps {
 public:
  uint64_t sequential() const { return counts_[0]; }  // 0
  uint64_t small() const { return counts_[1]; }       // 1 to 255
  uint64_t medium() const { return counts_[2]; }      // 256 to 2047
  uint64_t large() const { return counts_[3]; }       // 2048 and more
  uint64_t backward() const { return counts_[4]; }    // below 0

  void add(uint64_t sector, uint64_t endSector) {
    // No branch on the class: where reads are random it cannot be foreseen.
    auto gap = static_cast<int64_t>(sector - lastEnd_);
    size_t forward = static_cast<size_t>(gap > 0) + (gap >= 256) + (gap >= 2048);
    size_t backward = static_cast<uint64_t>(gap) >> 63;
    counts_[forward | backward << 2] += begun_;
    begun_ = 1;
    lastEnd_ = endSector;
  }

  void addCounts(const Gaps& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  }

 private:
  std::array<uint64_t, 5> counts_{};
  uint64_t begun_ = 0;  // 1 once there was one before
  uint64_t lastEnd_ = 0;
};

}  // namespace blkscope
