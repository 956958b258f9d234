#include "source/disk_counters.h"

#include <sstream>

#include "source/block_device.h"
#include "system/fd.h"

namespace blkscope {
namespace {

std::optional<DiskCounters> countersOf(const std::string& device) {
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
std::optional<DiskCounters> readDiskCounters(const std::string& device) {
  std::vector<LowerDevice> paths = BlockDevices().pathsOf(device);
  if (paths.empty()) return countersOf(device);
  DiskCounters all;
  for (const LowerDevice& path : paths) {
    auto its = countersOf(path.name);
    if (!its) return {};
    all.readSectors += its->readSectors;
    all.writtenSectors += its->writtenSectors;
  }
  return all;
}

std::optional<DiskCounters> countedBetween(const std::optional<DiskCounters>& before,
                                           const std::optional<DiskCounters>& after) {
  if (!before || !after) return {};
  if (after->readSectors < before->readSectors || after->writtenSectors < before->writtenSectors) return {};
  return DiskCounters{after->readSectors - before->readSectors, after->writtenSectors - before->writtenSectors};
}

}  // namespace blkscope
