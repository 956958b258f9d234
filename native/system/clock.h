// The clocks: the trace's own, and what a thread has used.
#pragma once

#include <ctime>

#include <cstdint>

namespace blkscope {

inline uint64_t clockNs(clockid_t clock) {
  timespec now;
  ::clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

/// ns on CLOCK_MONOTONIC, the trace's clock.
inline uint64_t monotonicNs() { return clockNs(CLOCK_MONOTONIC); }

/// CPU time of the calling thread in ns.
inline uint64_t threadCpuNs() { return clockNs(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace blkscope
