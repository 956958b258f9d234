// What tokens touched, in order: the input of every figure about memory that is not there.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace blkscope {

/// Touches of items: blocks of a file, or experts as a whole. The spans belong to the caller.
struct TouchTrace {
  /// The item of each touch, from 0 on, each below `itemCount`; fewer than 2^32 - 1 touches.
  std::span<const uint32_t> items;
  uint32_t itemCount = 0;
  /// Size by item; empty: every item is of size 1.
  std::span<const uint64_t> bytes;
  /// Index of the first touch of each pass (a token is one), ascending. Touches before the first pass belong to none.
  std::span<const uint32_t> passes;
  /// Touches from this index on are counted; those before fill the cache, or choose what is pinned.
  size_t counted = 0;

  uint64_t bytesOf(uint32_t item) const { return bytes.empty() ? 1 : bytes[item]; }
};

/// A memory of this size, and what was read with it: bytes of the counted touches that found nothing.
using ReadBytes = std::vector<uint64_t>;

}  // namespace blkscope
