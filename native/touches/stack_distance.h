// How much else was touched since an item was touched last: the memory that least-recently-used eviction needs to keep it.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "touches/slot_sums.h"
#include "touches/touch_trace.h"

namespace blkscope {

/// Exact stack distances of a trace, touch by touch. `Sums`: UnitSums for items of size 1, ByteSums for any.
///
/// A cache of C bytes that evicts the least recently used first holds an item exactly if its distance is at most C, items
/// of different sizes included: what lies above an item in the order of use only grows until the item is touched again.
template <class Sums>
class StackDistance {
 public:
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

  explicit StackDistance(const TouchTrace& trace)
      : trace_(trace), slotOf_(trace.itemCount, kNone), itemAt_(slotsFor(trace.itemCount), kNone), sums_(itemAt_.size()) {}

  /// Bytes of all items touched since this one was, itself included; kNever for its first touch.
  uint64_t touch(uint32_t item) {
    if (next_ == itemAt_.size()) compact();
    uint64_t bytes = trace_.bytesOf(item);
    uint64_t distance = kNever;
    if (uint32_t slot = slotOf_[item]; slot != kNone) {
      distance = total_ - sums_.before(slot);
      sums_.take(slot, bytes);
      itemAt_[slot] = kNone;
    } else {
      total_ += bytes;
    }
    put(item, bytes);
    return distance;
  }

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  // Twice as many as items: compaction then costs a step or two a touch.
  static size_t slotsFor(size_t items) { return 2 * items + 1024; }

  void put(uint32_t item, uint64_t bytes) {
    slotOf_[item] = static_cast<uint32_t>(next_);
    itemAt_[next_] = item;
    sums_.put(next_, bytes);
    ++next_;
  }

  void compact() {
    sums_ = Sums(itemAt_.size());
    next_ = 0;
    for (size_t slot = 0; slot < itemAt_.size(); ++slot) {
      uint32_t item = itemAt_[slot];
      itemAt_[slot] = kNone;
      if (item != kNone) put(item, trace_.bytesOf(item));
    }
  }

  const TouchTrace& trace_;
  std::vector<uint32_t> slotOf_;
  std::vector<uint32_t> itemAt_;
  Sums sums_;
  size_t next_ = 0;
  uint64_t total_ = 0;
};

}  // namespace blkscope
