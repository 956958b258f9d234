#include "system/resident.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sys/mman.h>

#include <cstdint>

#include "system/page_size.h"

namespace blkscope {
namespace {

struct Object {
  const void* base;
  std::vector<std::pair<void*, size_t>> segments;
};

int collectSegments(dl_phdr_info* info, size_t, void* data) {
  auto& object = *static_cast<Object*>(data);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD) continue;
    uintptr_t start = (info->dlpi_addr + header.p_vaddr) & ~(uintptr_t{pageBytes()} - 1);
    uintptr_t end = info->dlpi_addr + header.p_vaddr + header.p_memsz;
    object.segments.emplace_back(reinterpret_cast<void*>(start), end - start);
  }
  if (!object.segments.empty() && object.segments.front().first == object.base) return 1;
  object.segments.clear();
  return 0;
}

// The loaded object (the addon, or a test program) that this function is part of.
std::vector<std::pair<void*, size_t>> ownSegments() {
  Dl_info self{};
  if (::dladdr(reinterpret_cast<void*>(&ownSegments), &self) == 0) return {};
  Object object{self.dli_fbase, {}};
  ::dl_iterate_phdr(collectSegments, &object);
  return object.segments;
}

}  // namespace

ResidentPages ResidentPages::ofThisStack() {
  ResidentPages pages;
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return pages;
  void* stack = nullptr;
  size_t bytes = 0;
  ::pthread_attr_getstack(&attributes, &stack, &bytes);
  ::pthread_attr_destroy(&attributes);
  pages.lock(stack, bytes);
  return pages;
}

ResidentPages ResidentPages::ofThisCode() {
  ResidentPages pages;
  for (auto [start, bytes] : ownSegments()) pages.lock(start, bytes);
  return pages;
}

ResidentPages::~ResidentPages() {
  for (auto [start, bytes] : locked_) ::munlock(start, bytes);
}

void ResidentPages::lock(void* start, size_t bytes) {
  // On fault: a stack of eight megabytes of which a few pages are used takes a few pages.
  if (::mlock2(start, bytes, MLOCK_ONFAULT) == 0) locked_.emplace_back(start, bytes);
}

}  // namespace blkscope
