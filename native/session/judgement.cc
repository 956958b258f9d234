#include "session/judgement.h"

#include <algorithm>

namespace blkscope {
namespace {

constexpr uint64_t kEdgeNs = 100'000'000;
constexpr uint64_t kEdgeSectors = 2048;

/// What a disk may have moved between its counters' readings and the trace's start and end: as much as in the fastest
/// tenth of a second of the trace, and 1 MiB, which one burst makes.
uint64_t edgeSectors(const Timeline& timeline, uint64_t Timeline::Bucket::*bytes, uint64_t edgeNs) {
  uint64_t most = 0;
  for (const Timeline::Bucket& bucket : timeline.buckets()) most = std::max(most, bucket.*bytes);
  double rate = static_cast<double>(most) / static_cast<double>(timeline.bucketNs());
  return kEdgeSectors + static_cast<uint64_t>(rate * static_cast<double>(std::max(edgeNs, kEdgeNs))) / 512;
}

void compare(const char* what, uint64_t traced, uint64_t counted, uint64_t edge, std::vector<Defect>& defects) {
  if (counted > traced + edge) {
    defects.push_back({"COUNTED_MORE", {{"what", what}, {"traced", traced}, {"counted", counted}}});
  } else if (counted > 0 && traced > counted + edge) {  // a disk may keep no counters
    defects.push_back({"COUNTED_LESS", {{"what", what}, {"traced", traced}, {"counted", counted}}});
  }
}

/// The kernel counts failed I/Os too; how far they came is not in the trace.
void compareAll(const Analysis& analysis, const CountedByDisk& counted, std::vector<Defect>& defects) {
  const Timeline& timeline = analysis.timeline();
  if (analysis.reads().errors == 0) {
    uint64_t edge = edgeSectors(timeline, &Timeline::Bucket::readBytes, counted.edgeNs);
    compare("read", analysis.reads().bytes >> 9, counted.sectors.readSectors, edge, defects);
  }
  if (analysis.writes().errors == 0) {
    uint64_t edge = edgeSectors(timeline, &Timeline::Bucket::writeBytes, counted.edgeNs);
    compare("written", analysis.writes().bytes >> 9, counted.sectors.writtenSectors, edge, defects);
  }
}

uint64_t count(const Analysis& analysis, Action action) { return analysis.actions()[static_cast<size_t>(action)]; }

}  // namespace

std::vector<Defect> judged(const Analysis& analysis, const std::optional<CountedByDisk>& counted, uint64_t endNs) {
  constexpr uint64_t kLongNs = 1'000'000'000;  // what was asked for so long before the end has completed
  std::vector<Defect> defects;
  if (!analysis.setsComplete()) defects.push_back({"SECTOR_SET_FULL", {}});
  uint64_t begun = std::max(count(analysis, Action::queue), count(analysis, Action::issue));
  if (begun > 0 && count(analysis, Action::complete) == 0 && endNs > analysis.firstNs() + kLongNs) {
    defects.push_back({"NO_COMPLETIONS", {{"requests", begun}}});
  }
  if (counted) compareAll(analysis, *counted, defects);
  return defects;
}

}  // namespace blkscope
