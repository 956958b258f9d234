// How many requests the devices have in hand: issued and not completed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "analyse/timeline.h"

namespace blkscope {

/// The time spent at each depth, over all traced devices together.
class QueueDepth {
 public:
  static constexpr size_t kMost = 1023;  // deeper ones count as this

  void issued(uint64_t time, Timeline& timeline) {
    pass(time, timeline);
    ++depth_;
  }
  void left(uint64_t time, Timeline& timeline) {
    pass(time, timeline);
    if (depth_ > 0) --depth_;
  }
  void pass(uint64_t time, Timeline& timeline) {
    if (time > since_) {
      if (since_ != 0) {
        ns_[depth_ < kMost ? depth_ : kMost] += time - since_;
        timeline.addDepth(since_, time, depth_);
      }
      since_ = time;
    }
  }

  uint64_t depth() const { return depth_; }
  const std::array<uint64_t, kMost + 1>& nsAtDepth() const { return ns_; }

 private:
  std::array<uint64_t, kMost + 1> ns_{};
  uint64_t depth_ = 0;
  uint64_t since_ = 0;
};

}  // namespace blkscope
