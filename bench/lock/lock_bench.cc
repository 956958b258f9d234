// How fast memory is locked, against what all cores write to fresh memory: lock_bench [MiB] [ROUNDS].
// Both in turns, so that a machine that changes changes for both. JSON: bytes a second of every round.
#include <sys/mman.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "memory/locked_region.h"
#include "system/mapping.h"

namespace {

using blkscope::Mapping;

double secondsOf(auto&& action) {
  auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void writeFresh(uint64_t bytes) {
  auto memory = Mapping::map(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
  if (!memory) std::exit(2);
  ::madvise(memory->data(), bytes, MADV_HUGEPAGE);
  uint64_t count = std::max(1u, std::thread::hardware_concurrency());
  uint64_t share = bytes / count;
  std::vector<std::jthread> threads;
  for (uint64_t i = 0; i < count; i++) {
    threads.emplace_back([&, i] { std::memset(memory->data() + i * share, 1, share); });
  }
  threads.clear();  // joins
}

void lock(uint64_t bytes) {
  blkscope::LockProgress progress;
  auto region = blkscope::LockedRegion::lock(bytes, progress);
  if (region) return;
  std::fprintf(stderr, "lock_bench: %s\n", region.error().message.c_str());
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t bytes = (argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2048) << 20;
  int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  if (bytes == 0 || rounds < 1) return std::fprintf(stderr, "usage: lock_bench [MiB] [ROUNDS]\n"), 2;
  std::printf("[");
  for (int i = 0; i < rounds; i++) {
    double written = secondsOf([&] { writeFresh(bytes); });
    double locked = secondsOf([&] { lock(bytes); });
    std::printf("%s{\"write\":%.0f,\"lock\":%.0f}", i ? "," : "", double(bytes) / written, double(bytes) / locked);
  }
  std::printf("]\n");
}
