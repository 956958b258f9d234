#include "files/disk_speed.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "system/clock.h"
#include "system/fd.h"
#include "system/mapping.h"

namespace blkscope {
namespace {

constexpr uint64_t kSequentialBlock = 1 << 20;
constexpr uint64_t kRandomBlock = 128 << 10;
constexpr int kSequentialReaders = 4;
constexpr uint64_t kSequentialNs = 200'000'000;
constexpr uint64_t kRandomNs = 100'000'000;

/// Gives the next place to read, a multiple of the block.
using NextOffset = std::function<uint64_t()>;

/// Reads blocks until `untilNs`. Bytes read.
Result<uint64_t> readBlocks(const Fd& file, uint64_t block, uint64_t untilNs, const NextOffset& next) {
  // A mapping is aligned as direct I/O wants its memory.
  auto memory = Mapping::map(block, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  if (!memory) return memory.error();
  uint64_t bytes = 0;
  while (monotonicNs() < untilNs) {
    ssize_t got = ::pread(file.get(), memory->data(), block, static_cast<off_t>(next()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return systemError("read past the page cache");
    bytes += static_cast<uint64_t>(got);
  }
  return bytes;
}

double perSecond(uint64_t bytes, uint64_t sinceNs) {
  return static_cast<double>(bytes) * 1e9 / static_cast<double>(monotonicNs() - sinceNs);
}

Result<double> sequentialSpeed(const Fd& file, uint64_t blocks) {
  std::atomic<uint64_t> place = 0;
  std::vector<Result<uint64_t>> read(kSequentialReaders, uint64_t{0});
  uint64_t start = monotonicNs();
  {
    std::vector<std::jthread> readers;
    for (auto& bytes : read) {
      readers.emplace_back([&] {
        bytes = readBlocks(file, kSequentialBlock, start + kSequentialNs,
                           [&] { return place++ % blocks * kSequentialBlock; });
      });
    }
  }
  uint64_t all = 0;
  for (const auto& bytes : read) {
    if (!bytes) return bytes.error();
    all += *bytes;
  }
  return perSecond(all, start);
}

Result<double> randomSpeed(const Fd& file, uint64_t blocks) {
  std::minstd_rand random(1);
  std::uniform_int_distribution<uint64_t> anyBlock(0, blocks - 1);
  uint64_t start = monotonicNs();
  auto bytes =
      readBlocks(file, kRandomBlock, start + kRandomNs, [&] { return anyBlock(random) * kRandomBlock; });
  if (!bytes) return bytes.error();
  return perSecond(*bytes, start);
}

}  // namespace

Result<DiskSpeed> diskSpeed(const std::string& path) {
  auto file = openRegular(path, O_DIRECT);
  if (!file && file.error().code == "EINVAL") return Error{"NO_DIRECT_IO", path + ": no direct I/O on this file system"};
  if (!file) return file.error();
  struct stat info {};
  if (::fstat(file->get(), &info) != 0) return systemError(path);
  auto size = static_cast<uint64_t>(info.st_size);
  if (size < kSequentialBlock) return Error{"NO_DIRECT_IO", path + ": too small to measure a disk by"};
  auto sequential = sequentialSpeed(*file, size / kSequentialBlock);
  if (!sequential) return sequential.error();
  auto random = randomSpeed(*file, size / kRandomBlock);
  if (!random) return random.error();
  return DiskSpeed{*sequential, *random};
}

}  // namespace blkscope
