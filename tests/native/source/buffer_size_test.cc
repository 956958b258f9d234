#include "source/buffer_size.h"

#include <doctest/doctest.h>

using namespace blkscope;

TEST_CASE("the kernel's buffers hold 100 ms of what a CPU can ask for, within a share of the memory") {
  BufferNeed need{.ioPerSecond = 400'000, .eventsPerIo = 2, .recordBytes = 64, .cpus = 16, .memoryBytes = 64ull << 30};
  CHECK(bufferBytesPerCpu(need) == 5'120'000);
  need.eventsPerIo = 6;
  CHECK(bufferBytesPerCpu(need) == 15'360'000);
  need.cpus = 128;
  CHECK(bufferBytesPerCpu(need) == 2 << 20);
}

TEST_CASE("a device that is not there needs what a disk with one queue does") {
  const std::string devices[] = {"no-such-disk"};
  CHECK(bufferNeed(devices, ActionChoice::needed).ioPerSecond == 100'000);
  CHECK(bufferNeed(devices, ActionChoice::all).eventsPerIo > bufferNeed(devices, ActionChoice::needed).eventsPerIo);
}
