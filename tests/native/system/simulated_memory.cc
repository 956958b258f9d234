#include "simulated_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

#ifdef BLKSCOPE_LINKER_WRAPS

extern "C" {
long __real_sysconf(int name);
void* __real_mmap(void* address, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_mprotect(void* address, size_t bytes, int protection);
int __real_madvise(void* address, size_t bytes, int advice);
int __real_mincore(void* address, size_t bytes, unsigned char* pages);
}

namespace {

size_t realPageBytes() { return static_cast<size_t>(__real_sysconf(_SC_PAGESIZE)); }

/// BLKSCOPE_TEST_PAGE_BYTES simulates for all tests of a process.
size_t pageBytesAtStart() {
  const char* text = std::getenv("BLKSCOPE_TEST_PAGE_BYTES");
  return text ? std::strtoul(text, nullptr, 10) : realPageBytes();
}

size_t& simulated() {
  static size_t bytes = pageBytesAtStart();
  return bytes;
}

bool refused = false;

bool aligned(uint64_t place) { return place % simulated() == 0; }
bool aligned(const void* address) { return aligned(reinterpret_cast<uintptr_t>(address)); }

template <class Call>
int ifAligned(const void* address, Call call) {
  if (aligned(address)) return call();
  errno = EINVAL;
  return -1;
}

/// A place that is aligned to the simulated pages, reserved for what is mapped over it.
void* alignedPlace(size_t bytes) {
  size_t all = bytes + simulated();
  void* found = __real_mmap(nullptr, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (found == MAP_FAILED) return found;
  auto* start = static_cast<std::byte*>(found);
  size_t before = -reinterpret_cast<uintptr_t>(start) & (simulated() - 1);
  size_t used = (bytes + realPageBytes() - 1) / realPageBytes() * realPageBytes();
  if (before > 0) ::munmap(start, before);
  if (before + used < all) ::munmap(start + before + used, all - before - used);
  return start + before;
}

}  // namespace

extern "C" {

long __wrap_sysconf(int name) { return name == _SC_PAGESIZE ? static_cast<long>(simulated()) : __real_sysconf(name); }

void* __wrap_mmap(void* address, size_t bytes, int protection, int flags, int fd, off_t offset) {
  if (simulated() == realPageBytes()) return __real_mmap(address, bytes, protection, flags, fd, offset);
  if (!aligned(static_cast<uint64_t>(offset))) {
    errno = EINVAL;
    return MAP_FAILED;
  }
  void* place = alignedPlace(bytes);
  return place == MAP_FAILED ? place : __real_mmap(place, bytes, protection, flags | MAP_FIXED, fd, offset);
}

int __wrap_mprotect(void* address, size_t bytes, int protection) {
  if (refused && (protection & PROT_WRITE)) {
    errno = ENOMEM;
    return -1;
  }
  return ifAligned(address, [&] { return __real_mprotect(address, bytes, protection); });
}

int __wrap_madvise(void* address, size_t bytes, int advice) {
  return ifAligned(address, [&] { return __real_madvise(address, bytes, advice); });
}

int __wrap_mincore(void* address, size_t bytes, unsigned char* pages) {
  return ifAligned(address, [&] { return __real_mincore(address, bytes, pages); });
}

}  // extern "C"

SimulatedPages::SimulatedPages(size_t bytes) : before_(simulated()) { simulated() = bytes; }
SimulatedPages::~SimulatedPages() { simulated() = before_; }
RefusedMemory::RefusedMemory() { refused = true; }
RefusedMemory::~RefusedMemory() { refused = false; }

#else

SimulatedPages::SimulatedPages(size_t bytes) : before_(bytes) {}
SimulatedPages::~SimulatedPages() = default;
RefusedMemory::RefusedMemory() = default;
RefusedMemory::~RefusedMemory() = default;

#endif
