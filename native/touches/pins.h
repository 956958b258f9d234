// A choice that never changes: what was touched most often is held, all else is read each time.
#pragma once

#include "touches/touch_trace.h"

namespace blkscope {

/// Bytes read with each capacity, where the touches before the counted ones choose what is held: most touches first, of
/// as many the first by number; what no longer fits is passed over.
ReadBytes pinReads(const TouchTrace& trace, std::span<const uint64_t> capacities);

}  // namespace blkscope
