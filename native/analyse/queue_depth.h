// How many requests the devices have in hand: issued and not completed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "analyse/figure_writer.h"
#include "analyse/io_row.h"
#include "analyse/timeline.h"

namespace blkscope {

/// The time spent at each depth, over all traced devices together; noted in the timeline too, a bucket at a time.
class QueueDepth {
 public:
  static constexpr size_t kMost = 1023;  // deeper ones count as this

  explicit QueueDepth(Timeline& timeline) : timeline_(timeline) {}

  void issued(uint64_t time) {
    pass(time);
    ++depth_;
  }
  void left(uint64_t time) {
    pass(time);
    depth_ -= depth_ > 0;
  }
  /// Ends the last depth's time.
  void finish(uint64_t endNs) {
    pass(endNs);
    noteBucket();
  }

  uint64_t depth() const { return depth_; }
  const std::array<uint64_t, kMost + 1>& nsAtDepth() const { return ns_; }

  /// Up to the deepest that occurred.
  void tell(FigureWriter& out) const {
    size_t length = ns_.size();
    while (length > 0 && ns_[length - 1] == 0) --length;
    out.column("queueDepthNs", std::vector<double>(ns_.begin(), ns_.begin() + static_cast<ptrdiff_t>(length)));
  }

 private:
  [[gnu::always_inline]] void pass(uint64_t time) {
    if (time > bucketEnd_) return passOut(time);
    if (time <= since_) {
      if (since_ == kNotSeen) passOut(time);
      return;
    }
    uint64_t passed = time - since_;
    ns_[std::min(depth_, kMost)] += passed;
    bucketDepthNs_ += depth_ * passed;
    bucketMost_ = std::max(bucketMost_, depth_);
    since_ = time;
  }

  /// Time goes on into another bucket; the first time of all does too.
  [[gnu::noinline]] void passOut(uint64_t time) {
    noteBucket();
    if (since_ != kNotSeen) {
      ns_[std::min(depth_, kMost)] += time - since_;
      timeline_.addDepth(since_, time, depth_);
    }
    since_ = bucketFrom_ = time;
    bucketEnd_ = timeline_.bucketEnd(time);
  }

  void noteBucket() {
    if (bucketMost_) timeline_.addDepthNs(bucketFrom_, bucketDepthNs_, bucketMost_);
    bucketDepthNs_ = bucketMost_ = 0;
  }

  Timeline& timeline_;
  uint64_t depth_ = 0;
  uint64_t since_ = kNotSeen;
  // Of the bucket that `since_` is in, from its first change of depth on.
  uint64_t bucketFrom_ = 0;
  uint64_t bucketEnd_ = 0;
  uint64_t bucketDepthNs_ = 0;
  uint64_t bucketMost_ = 0;
  std::array<uint64_t, kMost + 1> ns_{};
};

}  // namespace blkscope
