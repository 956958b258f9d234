// Reuse: the distances of a trace by classes, the curve of least-recently-used eviction, and working sets.
#pragma once

#include <array>

#include "touches/touch_trace.h"

namespace blkscope {

/// Of the counted touches.
struct Reuse {
  /// Bytes touched again at a distance of 2^n or more and less than 2^(n+1).
  std::array<uint64_t, 64> bytesByDistance{};
  /// Bytes of first touches.
  uint64_t firstBytes = 0;
  /// Bytes of all.
  uint64_t touchedBytes = 0;
  /// Read with each capacity, evicting the least recently used first.
  ReadBytes lru;
};

/// One pass, whatever the number of capacities. `capacities`: ascending.
Reuse reuseOf(const TouchTrace& trace, std::span<const uint64_t> capacities);

/// Distinct bytes that `windows` consecutive passes touch, on average over all places where so many follow one another;
/// 0 where there are fewer. All passes count.
std::vector<double> workingSets(const TouchTrace& trace, std::span<const uint32_t> windows);

}  // namespace blkscope
