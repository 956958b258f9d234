// What sysfs tells of block devices: their numbers, and which lies on which.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "system/result.h"

namespace blkscope {

/// A block device and what it lies on.
struct BlockDevice {
  std::string name;     // the kernel's: "vda", "dm-0", "cciss!c0d0"
  uint32_t number = 0;  // the kernel's: major << 20 | minor
  /// Numbers of all devices below it, however deep, nearest first: what device mapper, md, bcache and loop devices are
  /// made of, partitions' whole disks, and the paths of an NVMe multipath head.
  std::vector<uint32_t> liesOn;
  /// Of a zoned device: how long a zone is; else 0.
  uint64_t zoneSectors = 0;
};

/// A device below another.
struct LowerDevice {
  std::string name;
  uint32_t number = 0;
};

/// Reads sysfs. `root` is where /sys, /proc and /dev are found, for tests.
class BlockDevices {
 public:
  explicit BlockDevices(std::string root = "") : root_(std::move(root)) {}

  /// Error NO_DEVICE.
  Result<BlockDevice> find(const std::string& name) const;

  /// The paths of a head of NVMe's native multipath. They are disks of their own that the kernel hides: they have no
  /// node, and their number stands in /proc/diskstats alone. Empty for all other devices.
  std::vector<LowerDevice> pathsOf(const std::string& name) const;

  /// sysfs's folder of a device; of a partition its disk's, whose queue its requests are in.
  std::string diskFolder(const std::string& name) const;

  /// The whole disk of a partition; other devices are their own.
  std::string diskOf(const std::string& name) const;

  /// Requests are told at issue: not by device mapper, md, bcache and multipath heads, which pass bios on.
  bool hasRequests(const std::string& name) const;

  /// The disk that bcache keeps a device's data on, and where there it begins (sectors of the whole disk).
  struct Backing {
    LowerDevice disk;
    uint64_t startSector = 0;
  };
  std::optional<Backing> bcacheBackingOf(const std::string& name) const;

 private:
  std::string folder(const std::string& name) const { return root_ + "/sys/class/block/" + name; }
  std::optional<uint32_t> numberOf(const std::string& name) const;
  std::optional<std::string> nameOf(uint32_t number) const;
  uint64_t zoneSectorsOf(const std::string& name) const;
  std::optional<std::string> backingFileOf(const std::string& name) const;
  std::vector<LowerDevice> directlyBelow(const std::string& name) const;

  std::string root_;
};

/// The kernel's number of a block device named in /sys/class/block. Error: no such device.
Result<uint32_t> deviceNumber(const std::string& device);

}  // namespace blkscope
