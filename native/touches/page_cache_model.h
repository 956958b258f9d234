// A model of the kernel's page cache for one mapped file.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace blkscope {

/// What a page cache did. Blocks.
struct CacheFigures {
  /// Brought in, by faults and by readahead.
  uint64_t read = 0;
  /// Of them, those that were evicted before they were used.
  uint64_t unused = 0;
  /// Faults that found nothing in the cache: the program waited for the disk.
  uint64_t waits = 0;
};

/// What is modelled. Sizes in blocks.
struct PageCacheSetting {
  /// Of the file.
  uint32_t blocks = 0;
  /// What memory holds of them besides those that are pinned.
  uint64_t capacity = 0;
  /// The most that readahead reads at once; 0: none.
  uint32_t window = 0;
  /// Pages of 4 KiB in a block.
  uint32_t blockPages = 4;
  /// Touches between two times that the kernel sums up how long its lists are; 0: it always knows.
  uint64_t refresh = 0;
};

/// The kernel's readahead for page faults (mm/filemap.c, mm/readahead.c) and its eviction by an inactive and an active list
/// with refaults (mm/vmscan.c, mm/workingset.c). docs/remedy.md says what it leaves out. Works in blocks of any size.
class PageCacheModel {
 public:
  explicit PageCacheModel(const PageCacheSetting& setting);

  /// These blocks stay, and take nothing of the capacity.
  void pin(uint32_t from, uint32_t to);

  /// A program that maps the file has the kernel read a block and map it (MAP_POPULATE).
  void load(uint32_t block);

  /// A program touches a block.
  void access(uint32_t block);

  const CacheFigures& figures() const { return figures_; }

 private:
  /// A queue of blocks, each in it at most once; linked through `next_`, which both queues share.
  struct Queue {
    uint32_t first = kNone;
    uint32_t last = kNone;
    uint64_t size = 0;
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  void push(Queue& queue, uint32_t block);
  uint32_t shift(Queue& queue);
  bool isThere(uint32_t block) const;
  void sumUp();
  bool agesActive() const;
  void readAround(uint32_t block);
  void readAhead(uint32_t block);
  void readWindow(uint64_t start);
  void bringIn(uint32_t block);
  void reclaim();
  uint64_t shrinkInactive(uint64_t pages);
  void shrinkActive(uint64_t pages);

  /// What decisions go by: sums over all processors, which the kernel makes up only now and then.
  struct Known {
    uint64_t inactive = 0;
    uint64_t active = 0;
    uint64_t activated = 0;
  };

  uint64_t capacity_;
  uint32_t window_;
  uint32_t blocks_;
  uint32_t blockPages_;
  uint64_t refresh_;
  uint64_t untilRefresh_;
  bool loading_ = false;
  Known known_;
  uint64_t activated_ = 0;
  uint64_t activatedBefore_ = 0;  // as it was known to the reclaim before
  std::vector<uint8_t> state_;
  std::vector<uint64_t> leftAt_;  // the clock of evictions when a block left, from 1 on; 0: it was never here
  std::vector<uint32_t> next_;
  Queue inactive_;
  Queue active_;
  uint64_t clock_ = 1;
  uint64_t windowStart_ = 0;
  uint32_t windowSize_ = 0;
  uint32_t asyncSize_ = 0;
  CacheFigures figures_;
};

}  // namespace blkscope
