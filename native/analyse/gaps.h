// The gap distribution: how far each I/O starts from where the one before ended.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "analyse/figure_writer.h"

namespace blkscope {

/// Counts gaps by class, for one device and direction. gap = start of this I/O - end of the one before, in sectors.
/// The first I/O has no gap.
class Gaps {
 public:
  /// The names of the classes, in the order of the counts.
  static constexpr std::array<const char*, 5> kClasses = {"sequential", "small", "medium", "large", "backward"};

  uint64_t sequential() const { return counts_[0]; }  // 0
  uint64_t small() const { return counts_[1]; }       // 1 to 255
  uint64_t medium() const { return counts_[2]; }      // 256 to 2047
  uint64_t large() const { return counts_[3]; }       // 2048 and more
  uint64_t backward() const { return counts_[4]; }    // below 0

  void add(uint64_t sector, uint64_t endSector) {
    // No branch on the class: where reads are random it cannot be foreseen. The highest bit of a gap tells it, and
    // for 0 and 1 the lowest.
    uint64_t gap = sector - lastEnd_;
    size_t highest = 63 ^ static_cast<size_t>(std::countl_zero(gap | 1));
    counts_[kClass[2 * highest + (gap & 1)]] += begun_;
    begun_ = 1;
    lastEnd_ = endSector;
  }

  /// Whether there was an I/O.
  bool begun() const { return begun_ != 0; }
  uint64_t total() const { return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0}); }

  void tell(FigureWriter& out) const {
    for (size_t i = 0; i < counts_.size(); ++i) out.number(kClasses[i], counts_[i]);
  }

  void addCounts(const Gaps& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  }

 private:
  static constexpr std::array<uint8_t, 128> kClass = [] {
    std::array<uint8_t, 128> classes{};
    for (size_t i = 1; i < classes.size(); ++i) {
      size_t highest = i / 2;
      classes[i] = highest == 63 ? 4 : highest >= 11 ? 3 : highest >= 8 ? 2 : 1;
    }
    return classes;
  }();

  std::array<uint64_t, 5> counts_{};
  uint64_t begun_ = 0;  // 1 once there was one before
  uint64_t lastEnd_ = 0;
};

}  // namespace blkscope
