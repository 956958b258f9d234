#include "source/disk_counters.h"

#include <sstream>

#include "system/fd.h"

namespace blkscope {

DiskCounters readDiskCounters(const std::string& device) {
  auto text = readText("/sys/class/block/" + device + "/stat");
  if (!text) return {};
  std::istringstream fields(*text);
  uint64_t skipped = 0;
  DiskCounters counters;
  // reads, merged, sectors, ms, writes, merged, sectors, ms, ... (Documentation/block/stat.rst)
  fields >> skipped >> skipped >> counters.readSectors >> skipped >> skipped >> skipped >> counters.writtenSectors;
  return counters;
}

}  // namespace blkscope
