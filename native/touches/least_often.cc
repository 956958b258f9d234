#include "touches/least_often.h"

#include <utility>

namespace blkscope {
namespace {

// Items by count and last touch, the least at the top; each knows its place, since its key grows while it is held.
class LeastFirst {
 public:
  explicit LeastFirst(uint32_t items) : keys_(items), placeOf_(items, kNone) {}

  bool holds(uint32_t item) const { return placeOf_[item] != kNone; }
  void touched(uint32_t item, uint32_t when) {
    auto& [count, last] = keys_[item];
    ++count;
    last = when;
    if (holds(item)) sink(placeOf_[item]);
  }
  void add(uint32_t item) {
    heap_.push_back(item);
    placeOf_[item] = static_cast<uint32_t>(heap_.size() - 1);
    rise(heap_.size() - 1);
  }
  uint32_t takeLeast() {
    uint32_t least = heap_[0];
    placeOf_[least] = kNone;
    uint32_t last = heap_.back();
    heap_.pop_back();
    if (heap_.empty()) return least;
    set(0, last);
    sink(0);
    return least;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  void set(size_t place, uint32_t item) {
    heap_[place] = item;
    placeOf_[item] = static_cast<uint32_t>(place);
  }
  void swapPlaces(size_t a, size_t b) {
    uint32_t item = heap_[a];
    set(a, heap_[b]);
    set(b, item);
  }
  bool less(size_t a, size_t b) const { return keys_[heap_[a]] < keys_[heap_[b]]; }
  void rise(size_t place) {
    for (; place > 0 && less(place, (place - 1) / 2); place = (place - 1) / 2) swapPlaces(place, (place - 1) / 2);
  }
  void sink(size_t place) {
    for (;;) {
      size_t child = 2 * place + 1;
      if (child >= heap_.size()) return;
      if (child + 1 < heap_.size() && less(child + 1, child)) ++child;
      if (!less(child, place)) return;
      swapPlaces(child, place);
      place = child;
    }
  }

  std::vector<std::pair<uint32_t, uint32_t>> keys_;  // count, index of the last touch
  std::vector<uint32_t> heap_;
  std::vector<uint32_t> placeOf_;
};

}  // namespace

uint64_t leastOftenReads(const TouchTrace& trace, uint64_t capacity) {
  LeastFirst held(trace.itemCount);
  uint64_t heldBytes = 0;
  uint64_t read = 0;
  for (size_t i = 0; i < trace.items.size(); ++i) {
    uint32_t item = trace.items[i];
    uint64_t bytes = trace.bytesOf(item);
    held.touched(item, static_cast<uint32_t>(i));
    if (held.holds(item)) continue;
    if (i >= trace.counted) read += bytes;
    if (bytes > capacity) continue;
    while (heldBytes + bytes > capacity) heldBytes -= trace.bytesOf(held.takeLeast());
    held.add(item);
    heldBytes += bytes;
  }
  return read;
}

}  // namespace blkscope
