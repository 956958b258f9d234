#include "touches/reuse.h"

#include <algorithm>
#include <bit>

#include "touches/stack_distance.h"

namespace blkscope {
namespace {

template <class Sums>
Reuse measured(const TouchTrace& trace, std::span<const uint64_t> capacities) {
  Reuse reuse;
  StackDistance<Sums> distances(trace);
  // By the number of capacities that are too small for a touch.
  std::vector<uint64_t> missed(capacities.size() + 1);
  for (size_t i = 0; i < trace.items.size(); ++i) {
    uint32_t item = trace.items[i];
    uint64_t distance = distances.touch(item);
    if (i < trace.counted) continue;
    uint64_t bytes = trace.bytesOf(item);
    reuse.touchedBytes += bytes;
    missed[static_cast<size_t>(std::ranges::lower_bound(capacities, distance) - capacities.begin())] += bytes;
    if (distance == StackDistance<Sums>::kNever) {
      reuse.firstBytes += bytes;
    } else {
      reuse.bytesByDistance[static_cast<size_t>(std::bit_width(distance | 1)) - 1] += bytes;
    }
  }
  reuse.lru.resize(capacities.size());
  uint64_t sum = 0;
  for (size_t i = capacities.size(); i-- > 0;) reuse.lru[i] = sum += missed[i + 1];
  return reuse;
}

// Of the passes in a row that do not touch an item, how often there were so many, in bytes of items.
class Absences {
 public:
  explicit Absences(size_t passes) : bytes_(passes + 1) {}
  void add(size_t passes, uint64_t bytes) { bytes_[passes] += bytes; }

  /// Bytes times windows of `width` passes that lie wholly within absences.
  double within(size_t width) const {
    double sum = 0;
    for (size_t passes = width; passes < bytes_.size(); ++passes)
      sum += static_cast<double>(bytes_[passes]) * static_cast<double>(passes - width + 1);
    return sum;
  }

 private:
  std::vector<uint64_t> bytes_;
};

}  // namespace

Reuse reuseOf(const TouchTrace& trace, std::span<const uint64_t> capacities) {
  return trace.bytes.empty() ? measured<UnitSums>(trace, capacities) : measured<ByteSums>(trace, capacities);
}

std::vector<double> workingSets(const TouchTrace& trace, std::span<const uint32_t> windows) {
  size_t passes = trace.passes.size();
  Absences absences(passes);
  std::vector<uint32_t> seenBefore(trace.itemCount);  // the pass after the last that touched it
  double touchedBytes = 0;                            // by any pass
  std::vector<bool> everTouched(trace.itemCount);
  for (size_t pass = 0; pass < passes; ++pass) {
    size_t end = pass + 1 < passes ? trace.passes[pass + 1] : trace.items.size();
    for (size_t i = trace.passes[pass]; i < end; ++i) {
      uint32_t item = trace.items[i];
      if (everTouched[item] && seenBefore[item] == pass + 1) continue;
      absences.add(pass - seenBefore[item], trace.bytesOf(item));
      if (!everTouched[item]) touchedBytes += static_cast<double>(trace.bytesOf(item));
      everTouched[item] = true;
      seenBefore[item] = static_cast<uint32_t>(pass + 1);
    }
  }
  for (uint32_t item = 0; item < trace.itemCount; ++item) {
    if (everTouched[item]) absences.add(passes - seenBefore[item], trace.bytesOf(item));
  }
  std::vector<double> sets;
  for (uint32_t width : windows) {
    double places = static_cast<double>(passes) - width + 1;
    sets.push_back(width == 0 || places < 1 ? 0 : touchedBytes - absences.within(width) / places);
  }
  return sets;
}

}  // namespace blkscope
