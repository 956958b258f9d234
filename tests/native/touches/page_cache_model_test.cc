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

PageCacheModel cacheOf(uint32_t blocks, uint64_t capacity, uint32_t window, uint64_t refresh = 0) {
  PageCacheSetting setting;
  setting.blocks = blocks;
  setting.capacity = capacity;
  setting.window = window;
  setting.refresh = refresh;
  return PageCacheModel(setting);
}

}  // namespace

TEST_CASE("a file that fits is read once") {
  PageCacheModel cache = cacheOf(1000, 1000, 16);
  CHECK(walked(cache, 1000, 3) == std::vector<uint64_t>{1000, 0, 0});
}

TEST_CASE("walked in a circle, a file that does not quite fit is read whole every time") {
  PageCacheModel cache = cacheOf(10'000, 8500, 16);
  for (uint64_t read : walked(cache, 10'000, 4)) {
    CHECK(read >= 9900);
    CHECK(read <= 10'200);
  }
}

TEST_CASE("what is pinned is never read, and leaves the circle") {
  PageCacheModel cache = cacheOf(10'000, 1000, 16);
  cache.pin(0, 7500);
  for (uint64_t read : walked(cache, 10'000, 4)) {
    CHECK(read >= 1500);
    CHECK(read <= 2700);
  }
}

TEST_CASE("without readahead each block is waited for; with it one of a window") {
  PageCacheModel none = cacheOf(10'000, 1000, 0);
  walked(none, 10'000, 1);
  CHECK(none.figures().waits == 10'000);
  PageCacheModel ahead = cacheOf(10'000, 1000, 16);
  walked(ahead, 10'000, 1);
  CHECK(ahead.figures().waits < 100);
}

TEST_CASE("of a file that was loaded a part stays active, so that the circle reads less than all of it") {
  for (uint64_t refresh : {0, 3000, 7000, 20'000}) {
    PageCacheModel cache = cacheOf(30'000, 20'000, 512, refresh);
    for (uint32_t block = 0; block < 30'000; ++block) cache.load(block);
    uint64_t read = 0;
    for (uint64_t each : walked(cache, 30'000, 40)) read += each;
    CHECK(read / 40 >= 10'000);  // no eviction reads less
    CHECK(read / 40 < 29'000);
  }
}

TEST_CASE("what is touched all the time stays while a file larger than memory goes by") {
  PageCacheModel cache = cacheOf(50'000, 5000, 0);
  auto round = [&cache] {
    uint64_t before = cache.figures().read;
    for (uint32_t block = 1000; block < 50'000; ++block) {
      if (block % 4000 == 0) {
        for (uint32_t hot = 0; hot < 1000; ++hot) cache.access(hot);
      }
      cache.access(block);
    }
    return cache.figures().read - before;
  };
  round();
  CHECK(round() < 49'000 + 1000);  // without the active list 13,000 more
}

TEST_CASE("touched blocks fill a memory that they do not fit into, whatever the kernel knows of its lists") {
  for (uint64_t refresh : {0, 1, 10, 1000, 1'000'000}) {
    for (uint64_t capacity : {1, 2, 31, 1000}) {
      PageCacheModel cache = cacheOf(2000, capacity, 64, refresh);
      for (uint32_t block = 0; block < 2000; ++block) cache.load(block);
      CHECK(walked(cache, 2000, 3).back() >= 1000);
    }
  }
}
