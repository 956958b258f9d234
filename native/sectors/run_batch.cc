#include "sectors/run_batch.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace blkscope {
namespace {

// When sorting merged too little to pay, this many batches go unsorted before it is tried again.
constexpr uint32_t kPause = 15;
constexpr int kIndexBits = std::countr_zero(RunBatch::kRuns);
constexpr int kKeyBits = 31 - kIndexBits;

using Keys = std::array<int32_t, RunBatch::kRuns>;

/// The place of each key when sorted. Keys differ.
std::array<uint8_t, RunBatch::kRuns> ranksOf(const Keys& keys) {
  // Counting the smaller ones four at a time has no branches, which beats cleverer sorts at this size.
  using Lanes [[gnu::vector_size(16)]] = int32_t;
  std::array<uint8_t, RunBatch::kRuns> ranks;
  for (size_t i = 0; i < keys.size(); ++i) {
    Lanes smaller{};
    for (size_t j = 0; j < keys.size(); j += 4) {
      Lanes others;
      std::memcpy(&others, &keys[j], sizeof others);
      smaller -= others < keys[i];
    }
    ranks[i] = static_cast<uint8_t>(smaller[0] + smaller[1] + smaller[2] + smaller[3]);
  }
  return ranks;
}

}  // namespace

void RunBatch::merge() {
  uint64_t lowest = UINT64_MAX;
  uint64_t highest = 0;
  for (Interval run : runs_) {
    lowest = std::min(lowest, run.from);
    highest = std::max(highest, run.from);
  }
  // Starts that differ only below what a key holds stay in the order they came.
  int shift = std::max(static_cast<int>(std::bit_width(highest - lowest)) - kKeyBits, 0);
  Keys keys;
  for (uint32_t i = 0; i < kRuns; ++i) {
    keys[i] = static_cast<int32_t>((runs_[i].from - lowest) >> shift << kIndexBits | i);
  }
  auto ranks = ranksOf(keys);
  std::array<Interval, kRuns> sorted;
  for (uint32_t i = 0; i < kRuns; ++i) sorted[ranks[i]] = runs_[i];
  count_ = 0;
  for (Interval run : sorted) {
    Interval& last = runs_[count_ > 0 ? count_ - 1 : 0];
    if (count_ > 0 && run.from >= last.from && run.from <= last.to) {
      last.to = std::max(last.to, run.to);
    } else {
      runs_[count_++] = run;
    }
  }
  waits_ = count_ > kRuns * 3 / 4 ? kPause : 0;
}

}  // namespace blkscope
