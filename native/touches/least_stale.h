// A cache of experts that knows the walk: what this pass has left behind unused goes first.
#pragma once

#include "touches/touch_trace.h"

namespace blkscope {

/// Bytes read by a cache that tells stale items (not touched in this pass) from current ones. It evicts stale items of
/// layers that the pass has left behind, then other stale ones, then current ones; of each kind what was touched longest
/// ago. What was just read is held, unless it is larger than the cache. `layers`: by item.
uint64_t leastStaleReads(const TouchTrace& trace, std::span<const uint32_t> layers, uint64_t capacity);

}  // namespace blkscope
