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

void compare(const std::string& device, const char* what, uint64_t traced, uint64_t counted, uint64_t edge,
             std::vector<Defect>& defects) {
  bool more = counted > traced + edge;
  bool less = counted > 0 && traced > counted + edge;  // a disk may keep no counters
  if (!more && !less) return;
  defects.push_back({more ? "COUNTED_MORE" : "COUNTED_LESS",
                     {{"device", device}, {"what", what}, {"traced", traced}, {"counted", counted}}});
}

/// The kernel counts failed I/Os too; how far they came is not in the trace.
void compareAll(const Analysis& analysis, const CountedByDisk& counted, std::vector<Defect>& defects) {
  const Timeline& timeline = analysis.timeline();
  Transfer reads = analysis.readsOf(counted.number);
  if (reads.errors == 0) {
    uint64_t edge = edgeSectors(timeline, &Timeline::Bucket::readBytes, counted.edgeNs);
    compare(counted.name, "read", reads.bytes >> 9, counted.sectors.readSectors, edge, defects);
  }
  Transfer writes = analysis.writesOf(counted.number);
  if (writes.errors == 0) {
    uint64_t edge = edgeSectors(timeline, &Timeline::Bucket::writeBytes, counted.edgeNs);
    compare(counted.name, "written", writes.bytes >> 9, counted.sectors.writtenSectors, edge, defects);
  }
}

std::string nameOf(uint32_t number, const std::vector<CountedByDisk>& counted) {
  auto found = std::find_if(counted.begin(), counted.end(), [&](const CountedByDisk& disk) { return disk.number == number; });
  return found == counted.end() ? std::to_string(number >> 20) + ":" + std::to_string(number & 0xfffff) : found->name;
}

}  // namespace

std::vector<Defect> judged(const Analysis& analysis, const std::vector<CountedByDisk>& counted, uint64_t endNs,
                           uint64_t missing) {
  constexpr uint64_t kLongNs = 1'000'000'000;  // what was asked for so long before the end has completed
  std::vector<Defect> defects;
  if (!analysis.setsComplete()) defects.push_back({"SECTOR_SET_FULL", {}});
  for (const auto& [device, begun] : analysis.withoutCompletions(endNs > kLongNs ? endNs - kLongNs : 0)) {
    defects.push_back({"NO_COMPLETIONS", {{"device", nameOf(device, counted)}, {"requests", begun}}});
  }
  uint64_t apart = missing ? 0 : analysis.matcher().clocksApart();
  if (apart) defects.push_back({"CLOCKS_APART", {{"requests", apart}}});
  for (const CountedByDisk& disk : counted) compareAll(analysis, disk, defects);
  return defects;
}

}  // namespace blkscope
