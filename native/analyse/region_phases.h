// The figures of a trace's phases: load, prompt, generation.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "analyse/analysis.h"

namespace blkscope {

/// A phase lasts from `fromNs` to just before `toNs`.
struct Phase {
  uint64_t fromNs;
  uint64_t toNs;
};

/// Every phase analysed as a trace of its own: whatever a whole trace has figures for, a phase has too.
class RegionPhases {
 public:
  RegionPhases(const std::vector<TracedFile>& files, uint32_t device, std::vector<Phase> phases);

  /// Events in time order.
  void consume(std::span<const Event> events);
  void finish();

  size_t size() const { return phases_.size(); }
  const Analysis& operator[](size_t phase) const { return analyses_[phase]; }

 private:
  std::vector<Phase> phases_;
  std::deque<Analysis> analyses_;  // an analysis never moves
};

}  // namespace blkscope
