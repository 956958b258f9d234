#include "touches/pins.h"

#include <algorithm>
#include <numeric>

namespace blkscope {

ReadBytes pinReads(const TouchTrace& trace, std::span<const uint64_t> capacities) {
  std::vector<uint32_t> before(trace.itemCount);
  std::vector<uint32_t> counted(trace.itemCount);
  for (size_t i = 0; i < trace.items.size(); ++i) ++(i < trace.counted ? before : counted)[trace.items[i]];
  std::vector<uint32_t> order(trace.itemCount);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return before[a] > before[b]; });
  uint64_t touched = 0;
  for (uint32_t item : order) touched += counted[item] * trace.bytesOf(item);
  ReadBytes reads;
  for (uint64_t room : capacities) {
    uint64_t held = 0;
    for (uint32_t item : order) {
      uint64_t bytes = trace.bytesOf(item);
      if (bytes > room || before[item] == 0) continue;
      room -= bytes;
      held += counted[item] * bytes;
    }
    reads.push_back(touched - held);
  }
  return reads;
}

}  // namespace blkscope
