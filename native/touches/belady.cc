#include "touches/belady.h"

#include "touches/position_set.h"

namespace blkscope {

std::vector<uint32_t> nextTouches(const TouchTrace& trace) {
  std::vector<uint32_t> next(trace.items.size());
  std::vector<uint32_t> nextOf(trace.itemCount, kNotAgain);
  for (size_t i = trace.items.size(); i-- > 0;) {
    uint32_t& of = nextOf[trace.items[i]];
    next[i] = of;
    of = static_cast<uint32_t>(i);
  }
  return next;
}

// What is held is known by the position of its next touch.
uint64_t beladyReads(const TouchTrace& trace, std::span<const uint32_t> next, uint64_t capacity) {
  PositionSet held(trace.items.size());
  std::vector<bool> isHeld(trace.itemCount);
  uint64_t heldBytes = 0;
  uint64_t read = 0;
  auto drop = [&](uint32_t item) {
    isHeld[item] = false;
    heldBytes -= trace.bytesOf(item);
  };
  for (size_t i = 0; i < trace.items.size(); ++i) {
    uint32_t item = trace.items[i];
    if (isHeld[item]) {
      held.remove(i);
      drop(item);
    } else if (i >= trace.counted) {
      read += trace.bytesOf(item);
    }
    if (next[i] == kNotAgain) continue;
    held.add(next[i]);
    isHeld[item] = true;
    heldBytes += trace.bytesOf(item);
    while (heldBytes > capacity) {
      size_t latest = held.largest();
      held.remove(latest);
      drop(trace.items[latest]);
    }
  }
  return read;
}

}  // namespace blkscope
