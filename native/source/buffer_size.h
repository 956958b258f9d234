// How much room the kernel's buffers need, where the user does not say.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "source/source.h"

namespace blkscope {

/// What a CPU's buffer must hold.
struct BufferNeed {
  uint64_t ioPerSecond;   // that one CPU may ask for
  unsigned eventsPerIo;   // that the kernel is asked to tell
  unsigned recordBytes;
  unsigned cpus;          // that get a buffer
  uint64_t memoryBytes;   // of the machine
};

/// By the devices' kind: as sysfs tells their hardware queues.
BufferNeed bufferNeed(std::span<const std::string> devices, ActionChoice actions);

/// Bytes per CPU that take the events of 100 ms, the time after which a capture thread looks in any case; over all CPUs
/// no more than a 256th of the memory.
uint64_t bufferBytesPerCpu(const BufferNeed& need);

}  // namespace blkscope
