#include "system/peak_memory.h"

#include <fstream>
#include <string>

#include "system/fd.h"

namespace blkscope {

void resetPeakMemory() {
  constexpr const char* kPeakOnly = "5";
  if (!writeText("/proc/self/clear_refs", kPeakOnly)) return;  // then it is the process's peak, which is no less
}

uint64_t peakMemoryBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

}  // namespace blkscope
