#include "memory/page_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "system/fd.h"
#include "system/mapping.h"
#include "system/page_size.h"

namespace blkscope {
namespace {

constexpr long kCachestatCall = 451;
struct CachestatRange {
  uint64_t offset;
  uint64_t length;  // 0: to the end
};
struct Cachestat {  // pages
  uint64_t cached;
  uint64_t dirty;
  uint64_t writeback;
  uint64_t evicted;
  uint64_t recentlyEvicted;
};

Result<Residency> byMincore(const Fd& fd, Residency residency, uint64_t page) {
  auto mapping = Mapping::map(residency.fileBytes, PROT_READ, MAP_SHARED, fd.get());
  if (!mapping) return mapping.error();
  std::vector<unsigned char> pages((residency.fileBytes + page - 1) / page);
  if (::mincore(mapping->data(), mapping->size(), pages.data()) != 0) return systemError("mincore");
  uint64_t present = static_cast<uint64_t>(std::count_if(pages.begin(), pages.end(), [](auto p) { return p & 1; }));
  residency.cachedBytes = std::min(present * page, residency.fileBytes);
  return residency;
}

Result<Residency> residencyOf(const Fd& fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return systemError(path);
  Residency residency;
  residency.fileBytes = static_cast<uint64_t>(info.st_size);
  if (residency.fileBytes == 0) return residency;
  uint64_t page = pageBytes();
  CachestatRange range{0, 0};
  Cachestat stat{};
  if (::syscall(kCachestatCall, fd.get(), &range, &stat, 0) != 0) return byMincore(fd, residency, page);
  residency.byCachestat = true;
  residency.cachedBytes = std::min(stat.cached * page, residency.fileBytes);
  residency.dirtyBytes = stat.dirty * page;
  residency.evictedBytes = stat.evicted * page;
  residency.recentlyEvictedBytes = stat.recentlyEvicted * page;
  return residency;
}

}  // namespace

Result<Residency> pageCacheResidency(const std::string& path) {
  auto fd = openFile(path, O_RDONLY);
  if (!fd) return fd.error();
  return residencyOf(*fd, path);
}

Result<Residency> evictFile(const std::string& path) {
  auto fd = openFile(path, O_RDONLY);
  if (!fd) return fd.error();
  if (::fdatasync(fd->get()) != 0) return systemError("write back " + path);
  if (int error = ::posix_fadvise(fd->get(), 0, 0, POSIX_FADV_DONTNEED)) return systemError("evict " + path, error);
  return residencyOf(*fd, path);
}

Result<Residency> warmFile(const std::string& path) {
  auto fd = openFile(path, O_RDONLY);
  if (!fd) return fd.error();
  ::posix_fadvise(fd->get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  constexpr size_t kBlock = 1 << 20;
  auto block = std::make_unique<char[]>(kBlock);
  for (;;) {
    ssize_t got = ::read(fd->get(), block.get(), kBlock);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return systemError("read " + path);
    if (got == 0) break;
  }
  return residencyOf(*fd, path);
}

}  // namespace blkscope
