// What a script finds that takes every event of a read for a read: to explain figures that were found so.
#pragma once

#include <algorithm>
#include <cstdint>

#include "analyse/figure_writer.h"
#include "analyse/gaps.h"
#include "decode/event.h"

namespace blkscope {

/// Counts every event with the direction read and a size, whatever its action, at its own time.
class Naive {
 public:
  void begin(uint64_t startNs) { secondStart_ = startNs; }

  [[gnu::always_inline]] void add(const Event& event) {
    if (event.direction != Direction::read || event.bytes == 0) return;
    gaps_.add(event.sector, event.endSector());
    if (event.time >= secondStart_ + kSecond) moveTo(event.time);
    secondBytes_ += event.bytes;
  }

  uint64_t count() const { return gaps_.total() + gaps_.begun(); }  // the first has no gap
  uint64_t bytes() const { return bytesBefore_ + secondBytes_; }
  const Gaps& gaps() const { return gaps_; }
  /// Of the second with the most.
  uint64_t peakBytesPerSecond() const { return std::max(peak_, secondBytes_); }

  void tell(FigureWriter& out) const {
    out.number("count", count());
    out.number("bytes", bytes());
    out.metric("gaps", gaps_);
    out.number("peakBytesPerSecond", peakBytesPerSecond());
  }

 private:
  static constexpr uint64_t kSecond = 1'000'000'000;

  [[gnu::noinline]] void moveTo(uint64_t time) {
    peak_ = std::max(peak_, secondBytes_);
    bytesBefore_ += secondBytes_;
    secondBytes_ = 0;
    secondStart_ += (time - secondStart_) / kSecond * kSecond;
  }

  uint64_t bytesBefore_ = 0;  // of the seconds before this one
  Gaps gaps_;
  uint64_t secondStart_ = 0;
  uint64_t secondBytes_ = 0;
  uint64_t peak_ = 0;
};

}  // namespace blkscope
