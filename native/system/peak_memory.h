// The most memory that this process had since it was last asked to count anew.
#pragma once

#include <cstdint>

namespace blkscope {

/// Begins to count anew: what an earlier run in this process took is not this one's. Best effort.
void resetPeakMemory();

/// Resident bytes at the most since then, locked memory and mapped files included; 0 where /proc does not tell.
uint64_t peakMemoryBytes();

}  // namespace blkscope
