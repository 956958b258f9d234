#include "system/peak_memory.h"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include "system/mapping.h"

using namespace blkscope;

TEST_CASE("the peak of memory begins anew") {
  constexpr uint64_t kBytes = 64 << 20;
  {
    auto memory = Mapping::map(kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE);
    REQUIRE(memory.ok());
    CHECK(peakMemoryBytes() >= kBytes);
  }
  uint64_t before = peakMemoryBytes();
  resetPeakMemory();
  CHECK(peakMemoryBytes() <= before - kBytes / 2);
}
