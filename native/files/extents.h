// Where a file lies on the disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyse/file_map.h"
#include "system/result.h"

namespace blkscope {

/// The block device that a file lies on. Sectors of 512 bytes.
struct FileDevice {
  std::string name;  // of the file system's device, by the kernel: "sda1"
  std::string disk;  // the whole disk: "sda"
  uint64_t startSector = 0;  // of the partition on the disk
  std::string fileSystem;
};

/// The device behind a path; of a device node, that device. Error: NO_DEVICE where there is none (tmpfs, overlayfs).
Result<FileDevice> fileDevice(const std::string& path);

/// A file's size and its extents on the whole disk, by FIEMAP, what is not yet written synced first.
///
/// Holes have no extent. Errors: NO_EXTENTS with the reason (btrfs gives logical addresses, overlayfs hides the
/// device, the file's data is inline, compressed, encrypted), NO_DEVICE, ENOENT, EACCES.
Result<TracedFile> fileExtents(const std::string& path);

/// Whether a part of a file lies beyond a sector: of a file system over several disks, addresses go on from one to the next.
bool reachesBeyond(const TracedFile& file, uint64_t endSector);

}  // namespace blkscope
