// Completed bytes and operations, and the queue's depth, over time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "analyse/figure_writer.h"
#include "decode/event.h"

namespace blkscope {

/// Buckets of equal length from a start time on; a bucket with nothing in it is there, with zeros.
///
/// A bucket is 100 ms; when a trace has more than kMostBuckets of them, ten become one, so memory is bounded.
class Timeline {
 public:
  struct Bucket {
    uint64_t readBytes = 0;
    uint64_t readOps = 0;
    uint64_t writeBytes = 0;
    uint64_t writeOps = 0;
    uint64_t depthNs = 0;  // depth times how long it was so: divided by the bucket's length, the mean
    uint64_t maxDepth = 0;
  };
  static constexpr uint64_t kBucketNs = 100'000'000;
  static constexpr size_t kMostBuckets = 36'000;

  void begin(uint64_t startNs) { start_ = startNs; }

  /// Counts a completed I/O. What came before the start (stamped while the trace was being set up) is in bucket 0.
  void add(const Event& event) {
    Bucket& bucket = at(event.time);
    if (event.direction == Direction::read) {
      bucket.readBytes += event.bytes;
      ++bucket.readOps;
    } else {
      bucket.writeBytes += event.bytes;
      ++bucket.writeOps;
    }
  }

  /// So many requests were in the devices' hands from one time to another.
  void addDepth(uint64_t from, uint64_t to, uint64_t depth) {
    from = std::max(from, start_);
    while (depth != 0 && from < to) {
      at(from);
      uint64_t until = isLast() ? to : std::min(to, bucketStart_ + bucketNs_);
      addDepthNs(from, depth * (until - from), depth);
      from = until;
    }
  }

  /// The same of several times within the bucket of one: the sum of depths, each times how long, and the most.
  void addDepthNs(uint64_t time, uint64_t depthNs, uint64_t maxDepth) {
    Bucket& bucket = at(time);
    bucket.depthNs += depthNs;
    bucket.maxDepth = std::max(bucket.maxDepth, maxDepth);
  }

  /// Up to when a time's bucket lasts, or will at least; 0 before the start, where nothing is counted.
  uint64_t bucketEnd(uint64_t time) const {
    if (time < start_) return 0;
    uint64_t index = (time - start_) / bucketNs_;
    return index < kMostBuckets ? start_ + (index + 1) * bucketNs_ : time;
  }

  /// Makes the timeline reach `endNs`, so that a quiet end shows as zeros.
  void finish(uint64_t endNs) {
    if (endNs > start_) at(endNs - 1);
  }

  uint64_t startNs() const { return start_; }
  uint64_t bucketNs() const { return bucketNs_; }
  const std::vector<Bucket>& buckets() const { return buckets_; }

  void tell(FigureWriter& out) const {
    out.number("bucketNs", bucketNs_);
    out.exact("startNs", start_);
    auto column = [&](const char* name, uint64_t Bucket::* field, double unit = 1) {
      std::vector<double> values;
      for (const Bucket& bucket : buckets_) values.push_back(static_cast<double>(bucket.*field) / unit);
      out.column(name, values);
    };
    column("readBytes", &Bucket::readBytes);
    column("readOps", &Bucket::readOps);
    column("writeBytes", &Bucket::writeBytes);
    column("writeOps", &Bucket::writeOps);
    column("meanDepth", &Bucket::depthNs, static_cast<double>(bucketNs_));
    column("maxDepth", &Bucket::maxDepth);
  }

 private:
  // More than a month: a stamp beyond comes from a broken record, and counts in the last bucket.
  static constexpr uint64_t kLongestBucketNs = 1000 * kBucketNs;

  Bucket& at(uint64_t time) {
    if (time - bucketStart_ >= bucketNs_ || buckets_.empty()) moveTo(time);
    return buckets_[index_];
  }

  bool isLast() const { return bucketNs_ == kLongestBucketNs && index_ == kMostBuckets - 1; }

  [[gnu::noinline]] void moveTo(uint64_t time) {
    uint64_t since = time > start_ ? time - start_ : 0;
    while (since / bucketNs_ >= kMostBuckets && bucketNs_ < kLongestBucketNs) coarsen();
    index_ = std::min<size_t>(since / bucketNs_, kMostBuckets - 1);
    bucketStart_ = start_ + index_ * bucketNs_;
    if (index_ >= buckets_.size()) buckets_.resize(index_ + 1);
  }

  void coarsen() {
    for (size_t i = 0; i < buckets_.size(); ++i) {
      Bucket bucket = buckets_[i];
      if (i % 10 == 0) {
        buckets_[i / 10] = bucket;
        continue;
      }
      Bucket& sum = buckets_[i / 10];
      sum.readBytes += bucket.readBytes;
      sum.readOps += bucket.readOps;
      sum.writeBytes += bucket.writeBytes;
      sum.writeOps += bucket.writeOps;
      sum.depthNs += bucket.depthNs;
      sum.maxDepth = std::max(sum.maxDepth, bucket.maxDepth);
    }
    buckets_.resize((buckets_.size() + 9) / 10);
    bucketNs_ *= 10;
  }

  uint64_t start_ = 0;
  uint64_t bucketNs_ = kBucketNs;
  uint64_t bucketStart_ = 0;
  size_t index_ = 0;
  std::vector<Bucket> buckets_;
};

}  // namespace blkscope
