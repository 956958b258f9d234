// The exact union of sector ranges, as they stream in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sectors/run_batch.h"
#include "sectors/sector_tree.h"

namespace blkscope {

/// `count` sectors from `start` on.
struct SectorRange {
  uint64_t start = 0;
  uint64_t count = 0;
  bool operator==(const SectorRange&) const = default;
};

/// The union of all ranges inserted, exact to the sector, over the whole 64-bit space.
///
/// Ranges that go past sector 2^64 - 2 are cut there. Queries may move recent insertions into place, so even
/// const calls on one set must not run at the same time.
///
/// Memory follows what there is to tell: at most 1.1 bits a sector, a few bytes for each run where runs are
/// few, and nearly nothing for what is read from end to end. When it runs out (the limit, or the kernel says
/// no), ranges that need more are dropped, whole or in part, and `complete` turns false: every figure is then
/// a lower bound.
///
/// A set that was moved from can only be assigned to or destroyed.
class SectorSet {
 public:
  using Visit = std::function<void(SectorRange)>;

  /// `mostBytes` limits the memory the set may take; 2 GiB is the most.
  explicit SectorSet(size_t mostBytes = SlotArena::kMostBytes) : mostBytes_(mostBytes), tree_(mostBytes) {}

  /// Adds sectors [start, start + count). A count of 0 adds nothing.
  void insert(uint64_t start, uint64_t count) { open_ = extended(open_, start, count); }
  void insert(std::span<const SectorRange> ranges) {
    Interval open = open_;
    for (SectorRange range : ranges) open = extended(open, range.start, range.count);
    open_ = open;
  }

  /// How many sectors are in the set; takes constant time.
  uint64_t size() const;
  bool contains(uint64_t sector) const { return intersect(sector, 1) == 1; }
  /// How many sectors of [start, start + count) are in the set.
  uint64_t intersect(uint64_t start, uint64_t count) const;

  /// Visits the maximal intervals in ascending order; the second form clips them to `within`.
  void forEach(const Visit& visit) const { forEach({0, UINT64_MAX}, visit); }
  void forEach(SectorRange within, const Visit& visit) const;
  std::vector<SectorRange> intervals() const;

  /// The sectors that are in either set.
  SectorSet unionWith(const SectorSet& other) const;
  /// The sectors of this set that are not in `other`.
  SectorSet difference(const SectorSet& other) const;

  /// Empties the set and gives its memory back.
  void clear() { *this = SectorSet(mostBytes_); }
  /// Memory the set takes, in bytes, itself included.
  size_t memoryBytes() const { return sizeof *this + tree_.memoryBytes(); }
  /// False once a range was dropped for want of memory, here or in a set that this one was made of.
  bool complete() const { return complete_ && tree_.complete(); }

 private:
  /// The open run after one more range. Most reads go on where the last one ended, or repeat it, and cost no
  /// more than this; any other closes the run.
  Interval extended(Interval open, uint64_t start, uint64_t count) {
    uint64_t end = start + count;
    if (end < start) end = UINT64_MAX;
    if (start - open.from <= open.to - open.from) {
      if (end > open.to) open.to = end;
      return open;
    }
    if (start == end || tree_.known().contains({start, end})) return open;
    if (batch_.add(open)) batch_.drainInto(tree_);
    return {start, end};
  }
  /// Moves all that was inserted into the tree.
  void settle() const;

  size_t mostBytes_;
  bool complete_ = true;
  Interval open_;
  mutable RunBatch batch_;
  mutable SectorTree tree_;
};

}  // namespace blkscope
