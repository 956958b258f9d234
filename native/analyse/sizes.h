// The distribution of completed I/Os by size.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "analyse/figure_writer.h"

namespace blkscope {

/// Counts I/Os by exact size in bytes.
class Sizes {
 public:
  [[gnu::always_inline]] void add(uint32_t bytes) {
    uint32_t sectors = bytes >> 9;
    if ((bytes & 511) == 0 && sectors < common_.size()) {
      ++common_[sectors];
    } else {
      ++rare_[bytes];
    }
  }

  /// Counts by bytes, ascending, sizes that occurred only.
  std::map<uint32_t, uint64_t> counts() const {
    std::map<uint32_t, uint64_t> all = rare_;
    for (uint32_t sectors = 0; sectors < common_.size(); ++sectors) {
      if (common_[sectors]) all[sectors << 9] += common_[sectors];
    }
    return all;
  }

  void addCounts(const Sizes& other) {
    for (size_t i = 0; i < common_.size(); ++i) common_[i] += other.common_[i];
    for (auto [bytes, count] : other.rare_) rare_[bytes] += count;
  }

  void tell(FigureWriter& out) const {
    for (auto [bytes, count] : counts()) out.number(std::to_string(bytes), count);
  }

 private:
  std::array<uint64_t, 2049> common_{};  // whole sectors up to 1 MiB: nearly all
  std::map<uint32_t, uint64_t> rare_;
};

}  // namespace blkscope
