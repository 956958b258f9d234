// The device's own counters, to hold the trace against.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace blkscope {

/// Sectors that a device has completed since boot.
struct DiskCounters {
  uint64_t readSectors = 0;
  uint64_t writtenSectors = 0;
};

/// From /sys/class/block/NAME/stat; none where the device, or a path of it, is gone.
std::optional<DiskCounters> readDiskCounters(const std::string& device);

/// What was completed between two readings; none where the device went away meanwhile, also if it has come again.
std::optional<DiskCounters> countedBetween(const std::optional<DiskCounters>& before,
                                           const std::optional<DiskCounters>& after);

}  // namespace blkscope
