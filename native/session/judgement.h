// What a trace's own figures and the disk's counters say of how whole it is.
#pragma once

#include <string>
#include <vector>

#include "analyse/analysis.h"
#include "decode/defect.h"
#include "source/disk_counters.h"

namespace blkscope {

/// What a traced disk counted, between two readings of its counters that lie beside the trace's start and end.
struct CountedByDisk {
  std::string name;
  uint32_t number = 0;
  DiskCounters sectors;
  uint64_t edgeNs = 0;  // how long the trace went on without the counters being compared, at both ends together
};

/// The defects that show when all is analysed. `counted`: the traced disks; empty where they tell nothing that can be
/// compared, as with a filter, or of a saved trace. `endNs`: when the trace ended. `missing`: events that are known to be
/// lost; a completion without its issue may then be of one that was lost, and says nothing of clocks.
std::vector<Defect> judged(const Analysis& analysis, const std::vector<CountedByDisk>& counted, uint64_t endNs, uint64_t missing);

}  // namespace blkscope
