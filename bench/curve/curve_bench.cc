// How long the curve's figures take over many touches.
//
//   curve_bench [TOUCHES]    100,000,000
//
// The touches are those of a mixture of 4 GiB in blocks of 16 KiB: each token walks over a quarter of them that all tokens use, and over
// groups of 100 blocks that it chooses, some far more often than others. A line a figure: seconds for one memory, or for all.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "touches/belady.h"
#include "touches/least_often.h"
#include "touches/least_stale.h"
#include "touches/page_cache_model.h"
#include "touches/pins.h"
#include "touches/reuse.h"

namespace blkscope::bench {
namespace {

constexpr uint32_t kBlocks = 262'144;
constexpr uint32_t kShared = kBlocks / 4;
constexpr uint32_t kGroup = 100;
constexpr uint32_t kGroups = (kBlocks - kShared) / kGroup;
constexpr uint32_t kChosen = 200;

struct Touches {
  std::vector<uint32_t> items;
  std::vector<uint32_t> tokens;
};

Touches touchesOf(size_t count) {
  std::mt19937 random(1);
  Touches touches;
  touches.items.reserve(count + kBlocks);
  while (touches.items.size() < count) {
    touches.tokens.push_back(static_cast<uint32_t>(touches.items.size()));
    for (uint32_t block = 0; block < kShared; ++block) touches.items.push_back(block);
    for (uint32_t i = 0; i < kChosen; ++i) {
      double even = static_cast<double>(random()) / 4294967296.0;
      auto group = static_cast<uint32_t>(even * even * even * kGroups);
      for (uint32_t k = 0; k < kGroup; ++k) touches.items.push_back(kShared + group * kGroup + k);
    }
  }
  return touches;
}

template <class Work>
void timed(const char* name, Work work) {
  auto begin = std::chrono::steady_clock::now();
  uint64_t result = work();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%-28s %7.2f s   %llu blocks read\n", name, took.count(), static_cast<unsigned long long>(result));
  std::fflush(stdout);
}

int run(size_t count) {
  Touches touches = touchesOf(count);
  TouchTrace trace;
  trace.items = touches.items;
  trace.itemCount = kBlocks;
  trace.passes = touches.tokens;
  trace.counted = touches.tokens[touches.tokens.size() / 2];
  const uint64_t half = kBlocks / 2;
  std::vector<uint64_t> memories;
  for (uint64_t step = 1; step <= 10; ++step) memories.push_back(kBlocks * step / 10);
  std::vector<uint32_t> layers(kBlocks);
  for (uint32_t block = 0; block < kBlocks; ++block) layers[block] = block / 8192;
  std::printf("%zu touches, %zu tokens\n", touches.items.size(), touches.tokens.size());
  timed("distances, LRU, 10 memories", [&] { return reuseOf(trace, memories).lru[4]; });
  timed("working sets, 3 windows", [&] {
    std::vector<uint32_t> windows = {1, 8, 64};
    return static_cast<uint64_t>(workingSets(trace, windows)[0]);
  });
  timed("pins, 10 memories", [&] { return pinReads(trace, memories)[4]; });
  std::vector<uint32_t> next;
  timed("next touches", [&] {
    next = nextTouches(trace);
    return uint64_t{next.size()};
  });
  timed("optimum, a memory", [&] { return beladyReads(trace, next, half); });
  timed("LFU, a memory", [&] { return leastOftenReads(trace, half); });
  timed("least stale, a memory", [&] { return leastStaleReads(trace, layers, half); });
  timed("the kernel, a memory", [&] {
    PageCacheModel cache({.blocks = kBlocks, .capacity = half, .window = 8});
    for (uint32_t item : touches.items) cache.access(item);
    return cache.figures().read;
  });
  return 0;
}

}  // namespace
}  // namespace blkscope::bench

int main(int argc, char** argv) {
  size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000'000;
  return blkscope::bench::run(std::clamp<size_t>(count, 1'000'000, 4'000'000'000));
}
