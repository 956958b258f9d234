// A file's part in the page cache: how much is there, put it there, take it out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "system/result.h"

namespace blkscope {

/// In bytes, whole pages cut at the file's end. What mincore cannot tell is empty.
struct Residency {
  uint64_t fileBytes = 0;
  uint64_t cachedBytes = 0;
  std::optional<uint64_t> dirtyBytes;
  std::optional<uint64_t> evictedBytes;
  std::optional<uint64_t> recentlyEvictedBytes;
  bool byCachestat = false;  // else by mincore
};

/// By cachestat (Linux 6.5 on), which maps nothing; by mincore elsewhere. Errors: ENOENT, EACCES.
Result<Residency> pageCacheResidency(const std::string& path);

/// Writes what is dirty, drops the file's pages, and tells what is left: pages that another process has mapped
/// or locked stay.
Result<Residency> evictFile(const std::string& path);

/// Reads the whole file, and tells what is there then: less than the file where memory is short.
Result<Residency> warmFile(const std::string& path);

}  // namespace blkscope
