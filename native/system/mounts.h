// Where a file system type is mounted.
#pragma once

#include <string>

namespace blkscope {

/// The mount point of a file system type, from /proc/self/mounts: `preferred` if it is one, else the first; empty: none.
std::string mountPoint(const std::string& type, const std::string& preferred);

}  // namespace blkscope
