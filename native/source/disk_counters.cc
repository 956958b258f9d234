#include "source/disk_counters.h"

#include <sstream>

#include "source/block_device.h"
#include "system/fd.h"

namespace blkscope {
namespace {

DiskCounters countersOf(const std::string& device) {
  auto text = readText("/sys/class/block/" + device + "/stat");
  if (!text) return {};
  std::istringstream fields(*text);
  uint64_t skipped = 0;
  DiskCounters counters;
  // reads, merged, sectors, ms, writes, merged, sectors, ms, ... (Documentation/block/stat.rst)
  fields >> skipped >> skipped >> counters.readSectors >> skipped >> skipped >> skipped >> counters.writtenSectors;
  return counters;
}

}  // namespace

// Of a multipath head its paths' count: the head itself counts on some kernels only.
DiskCounters readDiskCounters(const std::string& device) {
  std::vector<LowerDevice> paths = BlockDevices().pathsOf(device);
  if (paths.empty()) return countersOf(device);
  DiskCounters all;
  for (const LowerDevice& path : paths) {
    DiskCounters its = countersOf(path.name);
    all.readSectors += its.readSectors;
    all.writtenSectors += its.writtenSectors;
  }
  return all;
}

}  // namespace blkscope
