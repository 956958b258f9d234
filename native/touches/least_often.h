// A cache that evicts what was used least often.
#pragma once

#include "touches/touch_trace.h"

namespace blkscope {

/// Bytes read by a cache that evicts what was touched least often since the trace began, whether it was held meanwhile or
/// not; of as often, what was touched longest ago. What was just read is held, unless it is larger than the cache.
uint64_t leastOftenReads(const TouchTrace& trace, uint64_t capacity);

}  // namespace blkscope
