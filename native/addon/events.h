// Events from JavaScript: the rows of a NativeBatch of src/native/trace.ts.
#pragma once

#include <cstdint>
#include <vector>

#include "addon/convert.h"
#include "decode/event.h"

namespace blkscope {

/// The rows from `fromNs` to just before `toNs`, in `events`, whose memory is used again. The batch is in time order.
void readEvents(const Argument& batch, std::vector<Event>& events, uint64_t fromNs = 0, uint64_t toNs = UINT64_MAX);

}  // namespace blkscope
