#include "memory/page_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <utility>
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

/// By page of a file that has some: its lowest bit tells whether it is cached.
Result<std::vector<unsigned char>> pagesByMincore(const Fd& fd, uint64_t fileBytes, uint64_t page) {
  auto mapping = Mapping::map(fileBytes, PROT_READ, MAP_SHARED, fd.get());
  if (!mapping) return mapping.error();
  std::vector<unsigned char> pages((fileBytes + page - 1) / page);
  if (::mincore(mapping->data(), mapping->size(), pages.data()) != 0) return systemError("mincore");
  return pages;
}

uint64_t countCached(std::span<const unsigned char> pages) {
  return static_cast<uint64_t>(std::count_if(pages.begin(), pages.end(), [](auto p) { return p & 1; }));
}

Result<Residency> byMincore(const Fd& fd, Residency residency, uint64_t page) {
  auto pages = pagesByMincore(fd, residency.fileBytes, page);
  if (!pages) return pages.error();
  residency.cachedBytes = std::min(countCached(*pages) * page, residency.fileBytes);
  return residency;
}

/// The kernel tells of pages to a file's owner, to whoever is as good as that, and to whoever may write it. Only the
/// former may open it without noting the time of access.
bool mayAsk(const Fd& fd) {
  std::string self = "/proc/self/fd/" + std::to_string(fd.get());
  return openFile(self, O_RDONLY | O_NOATIME).ok() || ::faccessat(AT_FDCWD, self.c_str(), W_OK, AT_EACCESS) == 0;
}

/// A read that must not wait gets what is cached. It may set off the page's reading all the same: the caller evicts.
bool isCached(const Fd& fd, uint64_t offset, bool& told) {
  char byte;
  iovec into{&byte, 1};
  // Not every C library has preadv2, so the kernel is called itself; of 64 bits it takes the whole offset in one.
  long got = ::syscall(SYS_preadv2, fd.get(), &into, 1UL, static_cast<long>(offset), 0L, RWF_NOWAIT);
  told = got >= 0 || errno == EAGAIN;
  return got > 0;
}

std::optional<uint64_t> cachedByReading(const Fd& fd, uint64_t fileBytes) {
  constexpr uint64_t kSamples = 256;
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);  // no readahead
  uint64_t page = pageBytes();
  uint64_t pages = (fileBytes + page - 1) / page;
  uint64_t samples = std::min(kSamples, pages);
  uint64_t cached = 0;
  for (uint64_t i = 0; i < samples; ++i) {
    bool told = false;
    cached += isCached(fd, i * pages / samples * page, told);
    if (!told) return std::nullopt;
  }
  return samples ? fileBytes / samples * cached : 0;
}

Result<Residency> residencyOf(const Fd& fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return systemError(path);
  Residency residency;
  residency.fileBytes = static_cast<uint64_t>(info.st_size);
  residency.cachedBytes = 0;
  if (residency.fileBytes == 0) return residency;
  uint64_t page = pageBytes();
  CachestatRange range{0, 0};
  Cachestat stat{};
  if (::syscall(kCachestatCall, fd.get(), &range, &stat, 0) != 0) {
    residency.method = Residency::Method::mincore;
    residency.cachedBytes.reset();
    return mayAsk(fd) ? byMincore(fd, residency, page) : residency;
  }
  residency.cachedBytes = std::min(stat.cached * page, residency.fileBytes);
  residency.dirtyBytes = stat.dirty * page;
  residency.evictedBytes = stat.evicted * page;
  residency.recentlyEvictedBytes = stat.recentlyEvicted * page;
  return residency;
}

Result<Residency> residencyOrReads(const Fd& fd, const std::string& path) {
  auto residency = residencyOf(fd, path);
  if (!residency || residency->cachedBytes) return residency;
  residency->cachedBytes = cachedByReading(fd, residency->fileBytes);
  residency->method = Residency::Method::reading;
  return residency;
}

/// The kernel keeps a page that somebody holds for a moment: a list of another CPU's, or who looks through the memory.
constexpr int kEvictions = 5;
constexpr timespec kBetween{0, 20'000'000};

Result<Residency> evictOnce(const Fd& fd, const std::string& path) {
  if (int error = ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED)) return systemError("evict " + path, error);
  auto residency = residencyOrReads(fd, path);
  if (residency && residency->method == Residency::Method::reading) {
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
  return residency;
}

}  // namespace

Result<Residency> pageCacheResidency(const std::string& path) {
  auto fd = openRegular(path);
  if (!fd) return fd.error();
  return residencyOf(*fd, path);
}

Result<CachedPages> cachedPages(const std::string& path) {
  auto fd = openRegular(path);
  if (!fd) return fd.error();
  struct stat state {};
  if (::fstat(fd->get(), &state) != 0) return systemError("look at " + path);
  auto bytes = static_cast<uint64_t>(state.st_size);
  CachedPages told{bytes, {}};
  if (bytes == 0) return told;
  auto pages = pagesByMincore(*fd, bytes, pageBytes());
  if (!pages) return pages.error();
  for (unsigned char page : *pages) told.cached.push_back((page & 1) != 0);
  return told;
}

Result<std::optional<std::vector<uint64_t>>> cachedParts(const std::string& path, std::span<const FilePart> parts) {
  auto fd = openRegular(path);
  if (!fd) return fd.error();
  struct stat info{};
  if (::fstat(fd->get(), &info) != 0) return systemError(path);
  auto fileBytes = static_cast<uint64_t>(info.st_size);
  uint64_t page = pageBytes();
  std::vector<unsigned char> pages;  // of kernels without cachestat
  std::vector<uint64_t> cached;
  for (const FilePart& part : parts) {
    cached.push_back(0);
    if (part.offset >= fileBytes || part.bytes == 0) continue;
    uint64_t bytes = std::min(part.bytes, fileBytes - part.offset);
    uint64_t from = part.offset / page;
    uint64_t to = (part.offset + bytes + page - 1) / page;
    CachestatRange range{from * page, (to - from) * page};
    Cachestat stat{};
    if (::syscall(kCachestatCall, fd->get(), &range, &stat, 0) != 0) {
      if (pages.empty()) {
        if (!mayAsk(*fd)) return std::optional<std::vector<uint64_t>>{};
        auto known = pagesByMincore(*fd, fileBytes, page);
        if (!known) return known.error();
        pages = std::move(*known);
      }
      stat.cached = countCached(std::span(pages).subspan(from, to - from));
    }
    cached.back() = std::min(stat.cached * page, bytes);
  }
  return std::optional(std::move(cached));
}

Result<Residency> evictFile(const std::string& path) {
  auto fd = openRegular(path);
  if (!fd) return fd.error();
  if (::fdatasync(fd->get()) != 0) return systemError("write back " + path);
  auto residency = evictOnce(*fd, path);
  for (int tries = 1; tries < kEvictions && residency && residency->cachedBytes.value_or(0) > 0; ++tries) {
    ::nanosleep(&kBetween, nullptr);
    residency = evictOnce(*fd, path);
  }
  return residency;
}

Result<Residency> warmFile(const std::string& path) {
  auto fd = openRegular(path);
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
  return residencyOrReads(*fd, path);
}

}  // namespace blkscope
