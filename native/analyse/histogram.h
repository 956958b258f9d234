// A distribution of durations in constant memory.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <numeric>

#include "analyse/figure_writer.h"

namespace blkscope {

/// Log-linear buckets, in the manner of HDR histograms: 64 a power of two.
///
/// Exact: count, min, max, mean (of a sum below 2^64), and every value below 128. A quantile is the middle of its
/// bucket, kept within min and max: wrong by at most 1/128 of itself.
class Histogram {
 public:
  void add(uint64_t value) {
    ++buckets_[bucketOf(value)];
    sum_ += value;
    // Branches, which are foreseen: nearly no value is a new least or most.
    if (value < min_) min_ = value;
    if (value > max_) max_ = value;
  }

  void addCounts(const Histogram& other) {
    for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
  }

  uint64_t count() const { return std::accumulate(buckets_.begin(), buckets_.end(), uint64_t{0}); }
  uint64_t min() const { return std::min(min_, max_); }  // 0 without values
  uint64_t max() const { return max_; }
  double mean() const {
    uint64_t n = count();
    return n ? static_cast<double>(sum_) / static_cast<double>(n) : 0;
  }

  /// The smallest value that at least the share `q` of all values does not exceed: the ceil(q * count)th of them.
  uint64_t quantile(double q) const {
    uint64_t n = count();
    if (n == 0) return 0;
    auto rank = static_cast<uint64_t>(q * static_cast<double>(n));
    if (static_cast<double>(rank) < q * static_cast<double>(n) || rank == 0) ++rank;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (seen >= rank) return clamp(lowest(i) + width(i) / 2);
    }
    return max_;
  }

  void tell(FigureWriter& out) const {
    out.number("count", count());
    out.number("min", min());
    out.real("mean", mean());
    out.number("p50", quantile(0.5));
    out.number("p90", quantile(0.9));
    out.number("p99", quantile(0.99));
    out.number("p999", quantile(0.999));
    out.number("max", max());
  }

 private:
  static constexpr uint32_t kBits = 6;
  static constexpr uint32_t kPerOctave = 1 << kBits;
  static constexpr uint32_t kBuckets = (64 - kBits + 1) * kPerOctave;

  // Values below 128 have a bucket each; above, the top 7 bits choose it.
  static uint32_t bucketOf(uint64_t value) {
    uint32_t shift = static_cast<uint32_t>(std::bit_width(value | kPerOctave)) - 1 - kBits;
    return shift * kPerOctave + static_cast<uint32_t>(value >> shift);
  }
  static uint64_t width(uint32_t bucket) {
    return bucket < 2 * kPerOctave ? 1 : uint64_t{1} << (bucket / kPerOctave - 1);
  }
  static uint64_t lowest(uint32_t bucket) {
    if (bucket < 2 * kPerOctave) return bucket;
    return uint64_t{kPerOctave + bucket % kPerOctave} << (bucket / kPerOctave - 1);
  }
  uint64_t clamp(uint64_t value) const { return value < min_ ? min_ : value > max_ ? max_ : value; }

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t sum_ = 0;
  uint64_t min_ = UINT64_MAX;
  uint64_t max_ = 0;
};

}  // namespace blkscope
