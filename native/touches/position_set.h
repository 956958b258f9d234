// A set of positions in a trace whose largest is found at once.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace blkscope {

/// A bit for each position, and above each 64 bits one that tells whether any is set: a step for each factor of 64.
class PositionSet {
 public:
  explicit PositionSet(size_t positions) {
    for (size_t words = positions;;) {
      words = words / 64 + 1;
      levels_.emplace_back(words);
      if (words == 1) break;
    }
  }

  void add(size_t position) {
    for (auto& level : levels_) {
      uint64_t& word = level[position / 64];
      bool had = word != 0;
      word |= uint64_t{1} << (position % 64);
      if (had) return;
      position /= 64;
    }
  }
  void remove(size_t position) {
    for (auto& level : levels_) {
      uint64_t& word = level[position / 64];
      word &= ~(uint64_t{1} << (position % 64));
      if (word != 0) return;
      position /= 64;
    }
  }
  /// Not of an empty set.
  size_t largest() const {
    size_t position = 0;
    for (size_t level = levels_.size(); level-- > 0;) {
      position = position * 64 + static_cast<size_t>(63 - std::countl_zero(levels_[level][position]));
    }
    return position;
  }

 private:
  std::vector<std::vector<uint64_t>> levels_;
};

}  // namespace blkscope
