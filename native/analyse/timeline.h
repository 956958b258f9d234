// Completed bytes and operations over time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "decode/event.h"

namespace blkscope {

/// Buckets of equal length from a start time on; a bucket with nothing in it is there, with zeros.
class Timeline {
 public:
  struct Bucket {
    uint64_t readBytes = 0;
    uint64_t readOps = 0;
    uint64_t writeBytes = 0;
    uint64_t writeOps = 0;
  };
  static constexpr uint64_t kBucketNs = 100'000'000;

  void begin(uint64_t startNs) { start_ = startNs; }

  /// Counts a completed I/O. What came before the start (stamped while the trace was being set up) is in bucket 0.
  void add(const Event& event) {
    if (event.time - bucketStart_ >= kBucketNs || buckets_.empty()) moveTo(event.time);
    Bucket& bucket = buckets_[index_];
    if (event.direction == Direction::read) {
      bucket.readBytes += event.bytes;
      ++bucket.readOps;
    } else {
      bucket.writeBytes += event.bytes;
      ++bucket.writeOps;
    }
  }

  /// Makes the timeline reach `endNs`, so that a quiet end shows as zeros.
  void finish(uint64_t endNs) {
    if (endNs > start_) moveTo(endNs - 1);
  }

  uint64_t startNs() const { return start_; }
  const std::vector<Bucket>& buckets() const { return buckets_; }

 private:
  // Nearly five days: a stamp beyond comes from a broken record, and must not cost memory.
  static constexpr uint64_t kMostBuckets = 1 << 22;

  void moveTo(uint64_t time) {
    uint64_t index = time > start_ ? (time - start_) / kBucketNs : 0;
    index_ = static_cast<size_t>(std::min(index, kMostBuckets - 1));
    bucketStart_ = start_ + index_ * kBucketNs;
    if (index_ >= buckets_.size()) buckets_.resize(index_ + 1);
  }

  uint64_t start_ = 0;
  uint64_t bucketStart_ = 0;
  size_t index_ = 0;
  std::vector<Bucket> buckets_;
};

}  // namespace blkscope
