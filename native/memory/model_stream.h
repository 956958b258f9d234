// A model walked in the same order again and again, read ahead of the process that walks it and dropped behind it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "system/result.h"

namespace blkscope {

/// A piece of a walk: bytes of one of its files, whole pages.
struct StreamPiece {
  size_t file = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

/// What is walked: pieces in the order in which each token touches them.
struct StreamPlan {
  std::vector<std::string> paths;
  std::vector<StreamPiece> pieces;
  /// So many pieces are held ahead of the one in use.
  size_t ahead = 8;
};

/// What a stream did so far.
struct StreamFigures {
  /// Pieces that the process has come past.
  uint64_t passed = 0;
  /// Pieces read, by us.
  uint64_t read = 0;
  /// Times that the process was found elsewhere than expected.
  uint64_t lost = 0;
  /// CPU time of its threads.
  uint64_t cpuNs = 0;
};

/// Keeps a window of a walk in the page cache: locked until it was used, since eviction would take what was not touched yet,
/// and dropped afterwards, since eviction would keep what will be needed last. Where the process is its page tables tell.
///
/// Pieces are read through a mapping that asks for huge pages: where the file system has them (ext4 from Linux 6.16, xfs,
/// btrfs), a piece costs the kernel a fraction of what its pages would. Nothing is ever read from the mapping here, so a
/// file that shrinks raises no SIGBUS.
class ModelStream {
 public:
  /// Waits for a process that maps the first file, and for the next one when that has ended. Errors: ENOENT, EACCES.
  static Result<ModelStream> start(StreamPlan plan);

  ModelStream(ModelStream&&) noexcept;
  ModelStream& operator=(ModelStream&&) noexcept;
  ModelStream(const ModelStream&) = delete;
  ModelStream& operator=(const ModelStream&) = delete;
  ~ModelStream();

  StreamFigures figures() const;

  /// What ended the stream before its time: EPERM (no right to the process's memory), MEMLOCK_LIMIT, ENOSYS.
  Result<void> check() const;

 private:
  class Threads;
  explicit ModelStream(std::unique_ptr<Threads> threads);
  std::unique_ptr<Threads> threads_;
};

}  // namespace blkscope
