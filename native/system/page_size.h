// The size of a page of memory: 4 KiB on x86-64, and 4, 16 or 64 KiB on arm64, as the kernel was built.
#pragma once

#include <unistd.h>

#include <cstddef>

namespace blkscope {

/// Bytes of a page, a power of two, as the kernel says. Nothing else asks for it, and nothing assumes it.
inline size_t pageBytes() { return static_cast<size_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace blkscope
