// Runs on their way into a SectorTree, a batch at a time.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "sectors/sector_tree.h"

namespace blkscope {

/// Gathers up to 64 runs, and sorts and merges them while that is worth it: reads that come out of order, or
/// from several streams at once, then reach the tree as a few long runs.
class RunBatch {
 public:
  static constexpr uint32_t kRuns = SectorTree::kBatch;

  /// Adds a run, unless it is empty; true when the batch is full.
  bool add(Interval run) {
    runs_[count_] = run;
    count_ += run.from != run.to;
    return count_ == kRuns;
  }

  void drainInto(SectorTree& tree) {
    if (count_ == kRuns && waits_-- == 0) merge();
    tree.insert(std::span(runs_).first(count_));
    count_ = 0;
  }

 private:
  void merge();

  std::array<Interval, kRuns> runs_;
  uint32_t count_ = 0;
  // Batches to go until the next is sorted.
  uint32_t waits_ = 0;
};

}  // namespace blkscope
