// Which of a CPU's records are missing, by their sequence numbers.
#pragma once

#include <cstdint>

namespace blkscope {

/// Takes the numbers of one CPU's records of one device as they come. They count up from 1 in 32 bits, and from the highest on
/// to 0: a busy CPU is there within a day.
class SequenceCheck {
 public:
  void add(uint32_t sequence) {
    if (sequence != static_cast<uint32_t>(last_ + 1)) return noteJump(sequence);
    ++last_;
  }
  /// The next number, if none is missing.
  uint32_t next() const { return static_cast<uint32_t>(last_ + 1); }
  /// As many came, each the next one.
  void pass(uint64_t count) { last_ += count; }
  uint64_t gaps() const { return gaps_; }

 private:
  static constexpr uint64_t kAll = uint64_t{1} << 32;
  /// A jump over the end of the numbers is no longer than this. Longer ones are of another session, which begins anew.
  static constexpr uint64_t kLongestOverEnd = 1 << 24;

  [[gnu::noinline]] void noteJump(uint32_t sequence) {
    uint64_t number = numberOf(sequence);
    if (missingFrom_ <= number && number < missingTo_) {
      --gaps_;  // it only came late, as when an interrupt swaps two records
      return;
    }
    if (last_ != 0 && number > last_ + 1) {
      missingFrom_ = last_ + 1;
      missingTo_ = number;
      gaps_ += missingTo_ - missingFrom_;
    }
    last_ = number;
  }

  /// The number as if it had more bits.
  uint64_t numberOf(uint32_t sequence) const {
    uint64_t number = last_ - last_ % kAll + sequence;
    if (number + kAll < last_ + kLongestOverEnd) return number + kAll;
    bool beforeEnd = number >= kAll && number - kAll + kLongestOverEnd > last_;  // a late one, from before the end
    return beforeEnd ? number - kAll : number;
  }

  uint64_t last_ = 0;  // 0: none came yet
  uint64_t gaps_ = 0;
  // The last numbers that were missing.
  uint64_t missingFrom_ = 0;
  uint64_t missingTo_ = 0;
};

}  // namespace blkscope
