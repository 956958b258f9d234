// The machine's processors, as the kernel lists them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace blkscope {

/// The numbers in a list of the kernel's, such as "0-3,5".
std::vector<unsigned> parseCpuList(const std::string& list);

/// Processors that may ever be there: those of now, and those that can be plugged in.
std::vector<unsigned> possibleCpus();

/// Which processors are online, looked up at most every 2 ms. One thread at a time.
class OnlineCpus {
 public:
  bool has(unsigned cpu);

 private:
  std::vector<unsigned> cpus_;
  uint64_t lookedNs_ = 0;
};

}  // namespace blkscope
