// A file's part in the page cache: how much is there, put it there, take it out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "system/result.h"

namespace blkscope {

/// In bytes, whole pages cut at the file's end. What is not told is empty.
struct Residency {
  enum class Method { cachestat, mincore, reading };

  uint64_t fileBytes = 0;
  /// Empty: the kernel does not tell it of a file that is somebody else's.
  std::optional<uint64_t> cachedBytes;
  std::optional<uint64_t> dirtyBytes;
  std::optional<uint64_t> evictedBytes;
  std::optional<uint64_t> recentlyEvictedBytes;
  Method method = Method::cachestat;
};

/// By cachestat (Linux 6.5 on), which maps nothing; by mincore elsewhere. Both tell nothing of a file that the caller
/// neither owns nor may write: cachestat refuses, and mincore calls every page cached. Errors: ENOENT, EACCES.
Result<Residency> pageCacheResidency(const std::string& path);

/// Bytes of a file.
struct FilePart {
  uint64_t offset;
  uint64_t bytes;
};

/// How many bytes of each part are in the page cache: the pages that it lies in, cut to its size. Empty where the kernel does not
/// tell it, as of a file that is somebody else's. Errors: ENOENT, EACCES, NOT_A_FILE.
Result<std::optional<std::vector<uint64_t>>> cachedParts(const std::string& path, std::span<const FilePart> parts);

/// A file's size, and which of its pages are there.
struct CachedPages {
  uint64_t fileBytes = 0;
  std::vector<bool> cached;
};

/// By mincore. Errors: ENOENT, EACCES.
Result<CachedPages> cachedPages(const std::string& path);

/// Writes what is dirty, drops the file's pages, and tells what is left: pages that another process has mapped
/// or locked stay, after a few tries. Where the kernel does not tell, 256 pages all over the file are asked for: what a read that must not
/// wait gets, is there. Empty where the file system has no such reads.
Result<Residency> evictFile(const std::string& path);

/// Reads the whole file, and tells as evictFile what is there then: less than the file where memory is short.
Result<Residency> warmFile(const std::string& path);

}  // namespace blkscope
