#include "system/mounts.h"

#include <fstream>

namespace blkscope {

std::string mountPoint(const std::string& type, const std::string& preferred) {
  std::ifstream mounts("/proc/self/mounts");
  std::string device, path, kind, rest;
  std::string found;
  while (mounts >> device >> path >> kind && std::getline(mounts, rest)) {
    if (kind == type && (found.empty() || path == preferred)) found = path;
  }
  return found;
}

}  // namespace blkscope
