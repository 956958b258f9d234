// The device's own counters, to hold the trace against.
#pragma once

#include <cstdint>
#include <string>

namespace blkscope {

/// Sectors that a device has completed since boot, from /sys/class/block/NAME/stat; zeros when it is gone.
struct DiskCounters {
  uint64_t readSectors = 0;
  uint64_t writtenSectors = 0;
};

DiskCounters readDiskCounters(const std::string& device);

}  // namespace blkscope
