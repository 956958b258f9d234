// How fast a disk reads, tried on a file that lies on it.
#pragma once

#include <cstdint>
#include <string>

#include "system/result.h"

namespace blkscope {

/// Bytes a second.
struct DiskSpeed {
  double sequential = 0;  // 1 MiB reads one after another, several in flight
  double random = 0;      // 128 KiB reads at random places, one at a time: what a fault waits for
};

/// Reads the file for at most a third of a second past the page cache, whose state stays as it is.
/// Errors: ENOENT, EACCES, EIO, NO_DIRECT_IO (a file system that cannot read past the page cache, or a file under 1 MiB).
Result<DiskSpeed> diskSpeed(const std::string& path);

}  // namespace blkscope
