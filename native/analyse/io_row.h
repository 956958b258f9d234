// One request from its first bio's queueing to its completion.
#pragma once

#include <cstdint>

#include "decode/event.h"

namespace blkscope {

/// Stands for a time that was not seen. 0 is a time: a dump of blkparse begins there.
inline constexpr uint64_t kNotSeen = UINT64_MAX;

/// A completed request. Times in ns on CLOCK_MONOTONIC, kNotSeen where they were not.
struct IoRow {
  uint64_t sector = 0;
  uint64_t queue = kNotSeen;  // of the bio queued first
  uint64_t getrq = kNotSeen;
  uint64_t insert = kNotSeen;
  uint64_t issue = kNotSeen;  // the last one, if the driver gave it back in between
  uint64_t complete = 0;
  uint32_t sectors = 0;
  uint32_t device = 0;
  uint32_t pid = 0;     // who queued its first sector; without Q who issued it; 0 where neither was seen
  uint32_t merges = 0;  // bios that joined it
  uint16_t error = 0;
  Direction direction = Direction::none;
};

}  // namespace blkscope
