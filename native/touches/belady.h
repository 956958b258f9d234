// The optimum that no eviction can beat: what is needed again latest goes first (Belady, 1966).
#pragma once

#include "touches/touch_trace.h"

namespace blkscope {

/// For each touch the index of the next one of the same item; kNotAgain: there is none.
inline constexpr uint32_t kNotAgain = UINT32_MAX;
std::vector<uint32_t> nextTouches(const TouchTrace& trace);

/// Bytes read by a cache that knows all that comes. What is read need not be kept. Exact for items of one size; with
/// several sizes it is what evicting the latest gives, and the true optimum may read a little less.
uint64_t beladyReads(const TouchTrace& trace, std::span<const uint32_t> next, uint64_t capacity);

}  // namespace blkscope
