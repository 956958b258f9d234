#include "touches/page_cache_model.h"

#include <doctest/doctest.h>

using namespace blkscope;

namespace {

/// Walks the whole file `rounds` times; what each round read.
std::vector<uint64_t> walked(PageCacheModel& cache, uint32_t blocks, int rounds) {
  std::vector<uint64_t> reads;
  for (int round = 0; round < rounds; ++round) {
    uint64_t before = cache.figures().read;
    for (uint32_t block = 0; block < blocks; ++block) cache.access(block);
    reads.push_back(cache.figures().read - before);
  }
  return reads;
}

}  // namespace

TEST_CASE("a file that fits is read once") {
  PageCacheModel cache(1000, 1000, 16);
  CHECK(walked(cache, 1000, 3) == std::vector<uint64_t>{1000, 0, 0});
}

TEST_CASE("walked in a circle, a file that does not quite fit is read whole every time") {
  PageCacheModel cache(10'000, 8500, 16);
  for (uint64_t read : walked(cache, 10'000, 4)) {
    CHECK(read >= 9900);
    CHECK(read <= 10'200);
  }
}

TEST_CASE("what is pinned is never read, and leaves the circle") {
  PageCacheModel cache(10'000, 1000, 16);
  cache.pin(0, 7500);
  for (uint64_t read : walked(cache, 10'000, 4)) {
    CHECK(read >= 1500);
    CHECK(read <= 2700);
  }
}

TEST_CASE("without readahead each block is waited for; with it one of a window") {
  PageCacheModel none(10'000, 1000, 0);
  walked(none, 10'000, 1);
  CHECK(none.figures().waits == 10'000);
  PageCacheModel ahead(10'000, 1000, 16);
  walked(ahead, 10'000, 1);
  CHECK(ahead.figures().waits < 100);
}
