// Ranges of a file held in the page cache, for every program that maps or reads the file.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "memory/locked_region.h"
#include "system/fd.h"
#include "system/mapping.h"
#include "system/result.h"

namespace blkscope {

/// Bytes of a file.
struct ByteRange {
  uint64_t offset = 0;
  uint64_t bytes = 0;
  bool operator==(const ByteRange&) const = default;
};

/// Widened to whole pages, sorted, united: what a lock of these ranges really holds. A pure function.
std::vector<ByteRange> wholePages(std::vector<ByteRange> ranges, uint64_t pageBytes);

/// Locks ranges of a file by a shared read-only mapping, until it goes or its process dies.
///
/// The mapping is never read from here, so a file that shrinks can cost the lock but never raise SIGBUS.
class PinnedFile {
 public:
  /// Reads and locks the ranges, large requests whatever the disk's readahead is.
  /// Errors: ENOENT, EACCES, RANGE (past the file's end), NO_HEADROOM, MEMLOCK_LIMIT, FILE_CHANGED (it shrank
  /// meanwhile), NOT_LOCKED (the kernel locked less), ABORTED; nothing stays locked then.
  static Result<PinnedFile> pin(const std::string& path, std::vector<ByteRange> ranges, LockProgress& progress);

  /// Bytes held, whole pages.
  uint64_t bytes() const { return bytes_; }

  /// Error FILE_CHANGED: the path names another file by now, or the file shrank or was written to.
  Result<void> check() const;

 private:
  PinnedFile(std::string path, Fd file, struct stat seen, Mapping mapping, uint64_t bytes)
      : path_(std::move(path)), file_(std::move(file)), seen_(seen), mapping_(std::move(mapping)), bytes_(bytes) {}

  std::string path_;
  Fd file_;
  struct stat seen_;
  Mapping mapping_;
  uint64_t bytes_;
};

}  // namespace blkscope
